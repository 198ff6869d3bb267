import type { Suite } from '@symbolon/core/suite.ts'
import { equalBytes } from '@symbolon/protocol/bytes.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { readBounded } from '@symbolon/keystore/folder.ts'
import type { Keystore } from '@symbolon/keystore/keystore.ts'
import { fingerprint } from '@symbolon/roster/keyset.ts'
import { decodePlan, planBytesLimit, planDigest, problemsOfPlan, type Plan } from '@symbolon/roster/plan.ts'
import { serveChannel } from '@symbolon/runtime/channel-server.ts'
import type { Address } from '@symbolon/runtime/config.ts'
import { formatIdentity, readTls } from '@symbolon/runtime/identity.ts'
import { SafeError } from '@symbolon/runtime/log.ts'
import type { Context, Started } from '@symbolon/runtime/process.ts'
import type { Verdict } from './accuse.ts'
import type { Terms } from './ceremony.ts'
import { Conductor, type Result } from './conductor.ts'
import type { KeygenConfig } from './config.ts'
import { ceremonyRoute, openExchange } from './exchange.ts'
import { openStorage, type Progress, type Storage } from './storage.ts'

const stopMs = 2_000

/** One member's part in the ceremony of its operator's plan. Refusals are thrown as `SafeError`, which `runProcess` prints. */
export async function runCeremony(context: Context<KeygenConfig>, { suite, keystore }: { suite: Suite; keystore: Keystore }): Promise<Started> {
  const { config, log } = context
  const plan = readPlan(config)
  const terms = termsOf(plan, config, keystore)
  const storage = openStorage({ state: config.state, keystore: config.keystore.folder })
  const progress = earlier(storage, terms)
  log.info({ plan: terms.plan, members: [...terms.members.keys()], t: plan.t, n: plan.n }, 'ceremony plan read; its digest must be the same on every member')

  const tls = ownTls(config)
  const deadline = AbortSignal.timeout(config.deadline_seconds * 1000)
  const peers = plan.members.filter(({ id }) => id !== config.signer).map(({ id, keygen }) => ({ id, address: addressOf(keygen) }))
  const exchange = openExchange({ peers, tls, log, deadline, refused: (peer, code) => conductor.refusedBy(peer, code) })
  const conductor: Conductor = new Conductor({ plan, terms, suite, keystore, storage, exchange, clock: () => Math.floor(Date.now() / 1000), progress })
  const server = await serveChannel({ tls, listen: config.listen, routes: [ceremonyRoute(conductor, log)], log })
  try {
    const result = await conductor.run(deadline)
    // The last word of a member that leaves early would be missing at another.
    if (result.result === 'activated') await exchange.flush()
    return result.result === 'undecided' && storage.active() ? helped(context, result.missing) : conclude(context, result)
  } finally {
    exchange.close()
    await server.stop(AbortSignal.timeout(stopMs))
    tls.key.fill(0)
  }
}

/** The operator's plan, if it may be carried out; otherwise a `SafeError` with everything that is wrong. */
export function readPlan({ plan: path }: KeygenConfig): Plan {
  const bytes = readBounded(path, planBytesLimit)
  if (bytes === undefined) throw new SafeError('plan_missing', `${path} is not there, or too large`)
  const plan = decodePlan(bytes)
  if (!plan.ok) throw new SafeError('plan_malformed', `${path}: ${plan.reason} ${plan.problems.map(({ pointer, message }) => `${pointer} ${message}`).join('; ')}`)
  const problems = problemsOfPlan(plan.value)
  if (problems.length > 0) throw new SafeError('plan_refused', `${path}: ${problems.join('; ')}`)
  return plan.value
}

/** The operator may have been given a plan with somebody else's keys in our row. */
function termsOf(plan: Plan, { signer, plan: path }: KeygenConfig, { identity, hpke }: Keystore): Terms {
  const row = plan.template.signers.find(({ id }) => id === signer)
  if (row === undefined) throw new SafeError('plan_without_us', `${path} has no member ${signer}`)
  if (!equalBytes(canonical({ identity: row.identity, hpke: row.hpke }), canonical({ identity, hpke }))) throw new SafeError('plan_other_keys', `${path} names other keys for signer ${signer} than its keystore holds`)
  return { plan: planDigest(plan), self: signer, members: new Map(plan.template.signers.map((member) => [member.id, member.identity])) }
}

/** Version 1 is made once. A run of the same plan again only helps members that did not hear the end of it. */
function earlier(storage: Storage, terms: Terms): Progress | undefined {
  const progress = storage.begin(terms.plan)
  if (progress === undefined && storage.active()) throw new SafeError('already_active', 'this signer has a roster already, from another plan; version 1 is made once')
  return progress
}

function ownTls({ tls, signer }: KeygenConfig) {
  const read = readTls(tls, Date.now())
  if (!read.ok) throw new SafeError(read.code, read.message)
  const wanted = `symbolon:keygen/${signer}`
  if (formatIdentity(read.tls.identity) !== wanted) throw new SafeError('tls_other_identity', `${tls.certificate} is for ${formatIdentity(read.tls.identity)}, not ${wanted}`)
  return read.tls
}

function addressOf(text: string): Address {
  const at = text.lastIndexOf(':')
  return { host: text.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(at + 1)) }
}

/** A run after activation serves the others only; who did not come is theirs to know. */
function helped({ log }: Context<KeygenConfig>, missing: readonly number[]): Started {
  log.warn({ members: missing }, 'this member is active; these did not ask for what they may be missing')
  return { state: 'done' }
}

function conclude({ config, log }: Context<KeygenConfig>, result: Result): Started {
  switch (result.result) {
    case 'activated': {
      const print = fingerprint(result.outcome.keyset.keyset)
      log.info({ fingerprint: print, plan: result.outcome.certificate.statement.plan, unconfirmed: result.unconfirmed }, 'version 1 is active; clients pin this fingerprint')
      if (result.unconfirmed.length > 0) log.warn({ members: result.unconfirmed }, 'these have not said that they activated; run keygen again on them and here')
      process.stdout.write(`keyset fingerprint ${print}\n`)
      return { state: 'done' }
    }
    case 'ended':
      return { state: 'refused', code: result.verdict.fault.code, message: `no key was made, nothing is active: ${accusation(result.verdict, config.signer)}` }
    case 'undecided':
      return { state: 'refused', code: 'undecided', message: `members ${result.missing.join(', ') || '(unknown)'} did not finish; run keygen again with this plan on every member${result.verdict === undefined ? '' : ` (${accusation(result.verdict, config.signer)})`}` }
  }
}

function accusation({ fault: { code, culprits }, standing }: Verdict, self: number): string {
  if (culprits.length === 0) return code
  const names = culprits.map((id) => (id === self ? 'this member' : `member ${id}`)).join(', ')
  return `${code} by ${names}, ${standing === 'proven' ? 'which is proven' : 'as far as is known here'}`
}
