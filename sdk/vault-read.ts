import { openAsking, type Brought, type OpenedSecret } from '@symbolon/envelope/open.ts'
import { openRequestKey } from '@symbolon/envelope/reply.ts'
import type { Wanted } from '@symbolon/envelope/row.ts'
import { bytesOf, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { SecretPath } from '@symbolon/protocol/label.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { RecordVersion, VaultRecord } from '@symbolon/protocol/record.ts'
import type { SecretValue } from '@symbolon/protocol/secret.ts'
import { readResponse } from '@symbolon/protocol/vault-http.ts'
import { failed, ok, type Outcome, type SymbolonError } from './errors.ts'
import type { VaultCalls } from './vault-calls.ts'
import { notOlder, openFailure } from './vault-trust.ts'

export interface Opened {
  readonly path: SecretPath
  readonly version: number
  readonly value: SecretValue
  readonly record: VaultRecord
  /** What the record says of this version. */
  readonly of: RecordVersion
  /** `kid` of the `vault` key that it is closed to. */
  readonly group: Base64url
}

/** In order, all or none; more than 16 in several requests. The same secret twice is asked for once. */
export async function readSecrets(wanted: readonly Wanted[], calls: VaultCalls): Promise<Outcome<readonly Opened[]>> {
  const once = [...new Map(wanted.map((one) => [nameOf(one), one])).values()]
  const found = new Map<string, Opened>()
  for (let at = 0; at < once.length; at += limits.labels) {
    const batch = once.slice(at, at + limits.labels)
    const opened = await readBatch(batch, calls)
    if (!opened.ok) return opened
    for (const [index, one] of opened.value.entries()) found.set(nameOf(batch[index] ?? one), one)
  }
  return ok(wanted.flatMap((one) => found.get(nameOf(one)) ?? []))
}

const nameOf = ({ path, version }: Wanted): string => `${version} ${path}`

/** Partials are of one epoch of the `vault` key: secrets that a rotation has parted are asked for one by one. */
async function readBatch(batch: readonly Wanted[], calls: VaultCalls): Promise<Outcome<readonly Opened[]>> {
  const together = await readOnce(batch, calls)
  if (together.ok || batch.length === 1 || !isParted(together.error)) return together
  const opened: Opened[] = []
  for (const one of batch) {
    const alone = await readOnce([one], calls)
    if (!alone.ok) return alone
    opened.push(...alone.value)
  }
  return ok(opened)
}

const isParted = ({ code }: SymbolonError): boolean => code === 'epoch_unknown'

/** Whoever writes meanwhile makes the vault's record an older one for a moment. */
async function readOnce(labels: readonly Wanted[], calls: VaultCalls): Promise<Outcome<readonly Opened[]>> {
  for (let attempt = 1; ; attempt++) {
    const opened = await ask(labels, calls)
    if (opened.ok || opened.error.code !== 'record_stale' || attempt >= 4) return opened
    await calls.sleep(20 * 2 ** attempt * (0.5 + Math.random()))
  }
}

async function ask(labels: readonly Wanted[], calls: VaultCalls): Promise<Outcome<readonly Opened[]>> {
  const trusted = await calls.trust()
  if (!trusted.ok) return trusted
  const { keys } = trusted.value
  const replyKey = await openRequestKey()
  const asking = await calls.ask({ kind: 'secret.read', labels: labels.map(({ path, version }) => ({ path, version })), reply: replyKey.reply })
  if (!asking.ok) return asking
  const { built, body } = asking.value
  const request = { intent: built.digestText, labels, replyKey, keys, now: calls.clock() }
  const result = await openAsking(request, (avoid) => bring({ ...body, ...(avoid.length === 0 ? {} : { avoid }) }, labels, calls))
  if ('failed' in result) return result.failed
  if (!result.opened.ok) return openFailure(result.opened.error)
  const older = result.opened.value.map((one) => notOlder(one, keys.lineage, calls.memory)).find((one) => !one.ok)
  return older === undefined || older.ok ? ok(result.opened.value.map(shown)) : older
}

type Failed = Extract<Outcome<never>, { readonly ok: false }>

async function bring(body: unknown, labels: readonly Wanted[], calls: VaultCalls): Promise<{ readonly ok: true; readonly value: Brought } | Failed> {
  const answer = await calls.post('/v1/secrets/read', body, readResponse)
  if (!answer.ok) return answer
  const { secrets, epoch, opened } = answer.value
  if (secrets.some(({ path }, at) => path !== labels[at]?.path)) return failed('answer_untrue', { detail: 'answer_differs' })
  return ok({ rows: secrets.map(({ record, head, body: closed }) => ({ record, head, body: bytesOf(closed) })), epoch, opened })
}

const shown = ({ path, version, value, record, group }: OpenedSecret): Opened => ({ path, version: version.version, value, record, of: version, group })
