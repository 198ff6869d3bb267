import { intentKinds, type Intent, type IntentKind } from '@symbolon/protocol/intent.ts'
import type { TokenHeader } from '@symbolon/protocol/token.ts'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { Combine } from '@symbolon/protocol/label.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import { lineageOf } from '@symbolon/roster/keyset.ts'
import { groupOf, type Roster } from '@symbolon/roster/roster.ts'
import { openKnownRecords, type OpenKnown } from './known-record.ts'

/** What one roster version fixes for every request; worked out once. */
export interface Deployment {
  readonly issuer: string
  readonly lineage: Base64url
  readonly clients: ReadonlySet<string>
  readonly policy: Roster['policy']
  readonly guardians: ReadonlySet<string>
  /** Seconds that an intent may live, by its kind. */
  readonly windows: Readonly<Record<IntentKind, number>>
  /** Of the `token` group key that signs now. */
  readonly kid: TokenHeader['kid']
  /** Caps that hold whatever the policy says; the policy sees them too. */
  readonly caps: Readonly<Record<'token' | 'secret', Caps>>
  readonly openRecord: OpenKnown
  readonly namespaces: ReadonlyMap<string, Combine>
}

export interface Caps {
  readonly scopes: readonly string[]
  /** A secret is asked of the deployment itself, and of nobody else. */
  readonly audiences: readonly string[]
  readonly default_ttl: number
  readonly max_ttl: number
  /** The audience whose tokens have no key, and live for minutes. */
  readonly facade?: string
}

/** Throws for a roster without a key for tokens: nothing can be judged by it. */
export function deploymentOf(roster: Roster): Deployment {
  const group = groupOf(roster, 'token')
  if (group === undefined) throw new RangeError('the roster has no group key for tokens')
  const lineage = lineageOf(roster)
  return {
    issuer: roster.deployment.issuer,
    lineage,
    clients: new Set(roster.clients.map((row) => row.id)),
    policy: roster.policy,
    guardians: new Set(roster.guardians?.people),
    windows: windowsOf(roster.guardians?.window ?? limits.intentWindow),
    kid: group.kid,
    caps: capsOf(roster),
    openRecord: openKnownRecords(roster, lineage),
    namespaces: new Map((roster.namespaces ?? []).map(({ id, combine }) => [id, combine])),
  }
}

function capsOf({ scopes, audiences, token, vault, deployment: { issuer } }: Roster): Deployment['caps'] {
  const facade = vault?.audience
  return {
    token: { scopes, audiences: [...new Set([...audiences, ...(facade === undefined ? [] : [facade])])], ...token, ...(facade === undefined ? {} : { facade }) },
    secret: { scopes, audiences: [issuer], ...token },
  }
}

/** Only a roster change waits for people. */
const windowsOf = (roster: number) => Object.fromEntries(intentKinds.map((kind) => [kind, kind === 'roster' ? roster : limits.intentWindow])) as Record<IntentKind, number>

/** When it is judged. */
export interface Timing {
  /** Seconds, the machine's own. */
  readonly clock: number
  /** What has begun counts though it has ended. */
  readonly whenever?: boolean
}

/** Is the intent for this deployment, now, and from software that is known? @returns why not */
export function misplaced(intent: Intent, here: Deployment, timing: Timing): Reason | undefined {
  if (intent.iss !== here.issuer) return reasonOf('wrong_deployment', 'The intent names another issuer.', { rule: 'intent.iss', fact: intent.iss, remedy: `This deployment is ${here.issuer}.` })
  if (intent.lineage !== here.lineage) return reasonOf('wrong_deployment', 'The intent names another lineage.', { rule: 'intent.lineage', fact: intent.lineage, remedy: `This deployment’s keyset has the fingerprint ${here.lineage}.` })
  return untimely(intent, here.windows[intent.kind], timing) ?? unknownClient(intent, here)
}

/** Written so that a clock that is not a number refuses. */
function untimely({ iat, exp }: Intent, window: number, { clock, whenever = false }: Timing): Reason | undefined {
  if (!(exp > iat)) return reasonOf('intent_malformed', 'The intent ends before it begins.', { rule: 'intent.exp', fact: `iat ${iat}, exp ${exp}`, remedy: 'Let exp be after iat.' })
  if (!(exp - iat <= window)) return reasonOf('intent_window_too_long', `Such an intent is valid for at most ${window} s.`, { rule: 'intent.exp', fact: `iat ${iat}, exp ${exp}`, remedy: `Let exp be at most ${iat + window}.` })
  if (!(clock >= iat - limits.clockSkew)) return reasonOf('intent_not_yet_valid', 'The intent’s iat lies in the future.', { rule: 'intent.iat', fact: `iat ${iat}, the clock here ${clock}`, remedy: 'Check the clock of the machine that made the intent.' })
  if (!whenever && !(clock < exp)) return reasonOf('intent_expired', 'The intent has expired.', { rule: 'intent.exp', fact: `exp ${exp}, the clock here ${clock}`, remedy: 'Make a new intent.' })
  return undefined
}

/** Software asks on somebody’s behalf, or a principal for itself; evidence proves later that it is that principal. */
function unknownClient(intent: Intent, here: Deployment): Reason | undefined {
  if (!('client' in intent) || here.clients.has(intent.client) || intent.client === intent.sub) return undefined
  return reasonOf('client_unknown', 'The roster lists no such client.', { rule: 'intent.client', fact: intent.client, remedy: `Let client be ${intent.sub} itself or one of the roster’s clients.` })
}
