import type { Evidence } from '@symbolon/protocol/evidence.ts'
import type { LockIntent, RevokeIntent } from '@symbolon/protocol/intent.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import { parseToken } from '@symbolon/protocol/token.ts'
import type { Established } from '@symbolon/evidence/established.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import type { Deployment } from './deployment.ts'
import type { StopFact } from './judgement.ts'

/*
 * Who may stop what. A guardian with a passkey: any grant, token or row. Everybody else: what is their own. No signer knows whose a grant or a
 * token is until it is shown, so a revocation names who said it, and bites nothing that somebody else made.
 */

type Stopped = { readonly ok: true; readonly stop: StopFact } | { readonly ok: false; readonly reason: Reason }

interface Ground {
  readonly established: Established
  readonly evidence: readonly Evidence[]
  readonly here: Deployment
  readonly roster: Roster
}

export function stopOf(intent: RevokeIntent | LockIntent, ground: Ground): Stopped {
  const { established, here } = ground
  // It would hold for a day, and such evidence can be used by whoever saw it. A façade's token ends itself alone, wherever it came from.
  const { class: kind = 'bound', kind: how } = established.evidence
  if (kind !== 'bound' && how !== 'facade') return no('id_token_class', 'Only an ID token that is bound to the intent stops anything.', { rule: 'evidence.class', fact: kind, remedy: 'Ask a guardian.' })
  const guardian = established.evidence.kind === 'passkey' && here.guardians.has(established.principal.id)
  return intent.kind === 'revoke' ? revocation(intent, guardian, ground) : lock(intent, guardian, ground)
}

function revocation({ id, iat, what }: RevokeIntent, guardian: boolean, { established, evidence }: Ground): Stopped {
  const within = reach(established, evidence)
  if (within !== undefined && !within.includes(id)) return no('ceiling_exceeded', 'A grant or a token revokes itself and nothing else.', { rule: 'intent.id', fact: id, remedy: 'Revoke it with a passkey or a registered key.' })
  const { id: by } = established.principal
  const life = what === 'grant' && established.evidence.kind === 'passkey' ? unseenLife : longestLife
  return { ok: true, stop: { kind: 'revoked', revoked: { id, by, guardian, until: iat + life } } }
}

/** Nothing that was usable when it was revoked lives longer: a token, or a grant that is shown. */
const longestLife = Math.max(limits.grantTtl, limits.tokenTtl) + limits.clockSkew
/** A grant that nobody shows may be dated ahead: nothing tells when a passkey was touched, and no signer sees a grant before it is used. Whoever fears later ones removes the passkey. */
const unseenLife = 366 * 86_400

/** What a credential that was handed on may revoke: itself, and what it goes back to. Undefined: whatever its principal may. */
function reach({ evidence: { kind }, grant }: Established, evidence: readonly Evidence[]): readonly string[] | undefined {
  if (kind !== 'grant' && kind !== 'token' && kind !== 'facade') return undefined
  const tokens = evidence.flatMap((item) => (item.kind === 'token' || item.kind === 'facade' ? (parseToken(item.token)?.claims.jti ?? []) : []))
  // Who only saw a façade's token cannot end the hours that it was made from.
  return [...(grant === undefined || kind === 'facade' ? [] : [grant]), ...tokens]
}

function lock({ row, iat }: LockIntent, guardian: boolean, { established, roster }: Ground): Stopped {
  if (![...roster.people, ...roster.services, ...roster.trusts].some(({ id }) => id === row)) return no('policy_denied', 'The roster has no such person, service or trust.', { rule: 'intent.row', fact: row, remedy: 'Name a row of the roster.' })
  if (!guardian && established.principal.id !== row) return no('not_a_guardian', 'Only a guardian, by a passkey, locks another row than their own.', { rule: 'intent.row', fact: `${row}, asked by ${established.principal.id}`, remedy: 'Ask a guardian.' })
  return { ok: true, stop: { kind: 'locked', locked: { row, until: iat + limits.lockTtl } } }
}

const no = (...reason: Parameters<typeof reasonOf>): Stopped => ({ ok: false, reason: reasonOf(...reason) })
