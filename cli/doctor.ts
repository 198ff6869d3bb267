import type { Outcome } from '@symbolon/sdk/errors.ts'
import type { Client } from '@symbolon/sdk/client.ts'
import { askerOf, clientOf } from './connect.ts'
import { LocalFailure } from './failure.ts'
import { slowly, type Io } from './io.ts'
import type { Settings } from './settings.ts'
import type { View } from './view.ts'

export interface Finding {
  readonly check: string
  readonly ok: boolean
  readonly detail: string
  /** What to do; empty when all is well. */
  readonly fix: string
}

const good = (check: string, detail: string): Finding => ({ check, ok: true, detail, fix: '' })
const bad = (check: string, detail: string, fix: string): Finding => ({ check, ok: false, detail, fix })

/** Looks at everything between this machine and a token, in order; a later check that needs a failed one is left out. */
export async function doctor(settings: Settings, io: Io): Promise<{ readonly view: View; readonly well: boolean }> {
  const findings = [nodeVersion(), ...(await slowly(io, 'looking', examine(settings, io)))]
  return { view: viewOf(findings), well: findings.every((finding) => finding.ok) }
}

export const viewOf = (findings: readonly Finding[]): View => ({
  data: { ok: findings.every((finding) => finding.ok), findings },
  raw: findings.every((finding) => finding.ok) ? 'well' : 'ill',
  tables: [{ head: ['', 'CHECK', 'FOUND', 'DO'], rows: findings.map((finding) => [finding.ok ? 'ok' : 'NO', finding.check, finding.detail, finding.fix]) }],
})

const nodeVersion = (): Finding => (process.versions.node.startsWith('24.') ? good('node', process.version) : bad('node', process.version, 'Use Node 24; `./symbolon` does by itself.'))

async function examine(settings: Settings, io: Io): Promise<readonly Finding[]> {
  const opened = await attempt('settings', async () => clientOf(settings, io))
  if ('finding' in opened) return [opened.finding]
  const client = opened.value
  try {
    const keyset = await client.deployment()
    const first = [good('settings', `${client.addr} (${settings.addr?.origin ?? ''})`), ...clock(keyset), found('keyset', keyset, ({ pinned, lineage }) => (pinned ? `pinned ${lineage}` : undefined), 'Pin it: --pin with the fingerprint that the ceremony printed.')]
    return [...first, ...(await quorum(client)), ...(keyset.ok ? await identity(client, settings, io) : [])]
  } finally {
    await client.close()
  }
}

/** A keyset signed in the future or long ago, on a server that otherwise answers, is most often this machine's clock. */
const clock = (keyset: Outcome<unknown>): Finding[] => (!keyset.ok && keyset.error.code === 'keyset_stale' ? [bad('clock', `this machine says ${new Date().toISOString()}`, 'Compare it with another clock.')] : [])

async function quorum(client: Client): Promise<readonly Finding[]> {
  const status = await client.status()
  if (!status.ok) return [found('quorum', status, () => '', '')]
  const { ready, threshold, signers, problems, policy, roster } = status.value
  const others = signers.filter((signer) => signer.healthy && (signer.policy !== policy || signer.roster !== roster))
  return [
    ready ? good('quorum', `${signers.filter((signer) => signer.healthy).length} healthy, ${threshold} needed`) : bad('quorum', problems.join('; '), 'Start the signers that are down; look at their logs.'),
    ...signers.filter((signer) => !signer.healthy).map(({ name, problem }) => bad(name, problem ?? 'down', 'Start it again; look at its log.')),
    others.length === 0 ? good('versions', `roster ${roster}, one policy`) : bad('versions', `${others.map(({ name }) => name).join(', ')} hold others`, 'Give them the roster and policy that the keyset names.'),
  ]
}

async function identity(client: Client, settings: Settings, io: Io): Promise<readonly Finding[]> {
  const asker = await attempt('identity', () => askerOf(settings, io, client))
  if ('finding' in asker) return [asker.finding]
  const { sub, client: software, credential } = asker.value
  const explained = await client.explain({ sub, client: software, scope: ['symbolon:doctor'] }, credential)
  return [found('identity', explained, ({ principal }) => (principal === undefined ? undefined : `${principal}, by ${credential.description}`), explained.ok ? (explained.value.reasons[0]?.remedy ?? 'Compare the credential with the roster.') : '')]
}

function found<T>(check: string, outcome: Outcome<T>, detail: (value: T) => string | undefined, fix: string): Finding {
  if (!outcome.ok) return bad(check, outcome.error.message, outcome.error.remedy)
  const text = detail(outcome.value)
  return text === undefined ? bad(check, 'not as it should be', fix) : good(check, text)
}

/** What a command would stop at is a finding here. */
async function attempt<T>(check: string, work: () => Promise<Outcome<T>>): Promise<{ readonly value: T } | { readonly finding: Finding }> {
  try {
    const outcome = await work()
    return outcome.ok ? outcome : { finding: bad(check, outcome.error.message, outcome.error.remedy) }
  } catch (error) {
    if (error instanceof LocalFailure) return { finding: bad(check, `${error.what}: ${error.why}`, error.fix) }
    throw error
  }
}

