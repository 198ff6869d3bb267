import { fromBase64url, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Ceiling } from '@symbolon/protocol/ceiling.ts'
import type { Grant } from '@symbolon/protocol/grant.ts'
import { decodeIntent, intentDigest, type GrantIntent, type Intent, type IntentDigest } from '@symbolon/protocol/intent.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import type { Passkey, Person, Roster } from '@symbolon/roster/roster.ts'
import { openAssertionCheck, type CheckAssertion, type VerifiesAssertion } from './assertion.ts'
import type { Authentication, EvidenceInput, EvidenceResult } from './established.ts'
import { idOf, openMemo, type Memo } from './memo.ts'
import { personOf } from './principal.ts'
import { checkBoundProof } from './proof.ts'
import { openKeyring, type Keyring } from './signature.ts'
import { noStops, openStopCheck, type StopCheck, type Stops } from './stops.ts'

interface Read {
  readonly intent: GrantIntent
  readonly challenge: IntentDigest
  /** The challenge as text. */
  readonly digest: Base64url
}
interface Touched extends Read {
  readonly ok: true
  readonly person: Person
  readonly passkey: Passkey
}
export type GrantResult = Touched | { readonly ok: false; readonly reason: Reason }

/** @param at NumericDate at which it must live */
export type GrantCheck = (grant: Grant, at: number) => GrantResult

/** Grants of which each worker remembers that the touch verified: those of a working day. */
const mostRemembered = 4096

export interface GrantGround {
  readonly roster: Roster
  readonly check: CheckAssertion
  readonly verifies: VerifiesAssertion
  readonly stopped: StopCheck
  /**
   * Grants that were read, and whose touch verified, by all of their text: what is found here would be found again, for this roster is all
   * that it depends on besides. Never a decision: time and stops are asked each time. Of a yes only, so that nobody pushes these out with nonsense.
   */
  readonly known?: Memo<Touched>
}

/** A grant by itself, without a proof by its key: for whoever hands one on. */
export const openGrantCheck = (roster: Roster, stops: Stops = noStops): GrantCheck =>
  grantCheck({ roster, check: openAssertionCheck(roster), verifies: openKeyring().verifiesAssertion, stopped: openStopCheck(stops) })

/** Is this a living grant of this deployment, by a touch of a person who is in the roster now, with a passkey that is? */
function grantCheck({ roster, check, verifies, stopped, known }: GrantGround): GrantCheck {
  const touched = ({ assertion }: Grant, read: Read): GrantResult => {
    const found = check(assertion, { challenge: read.challenge, person: read.intent.sub, use: 'sign_in' }, verifies)
    return found.ok ? { ok: true, ...read, person: found.person, passkey: found.passkey } : { ok: false, reason: found.reason }
  }
  return (grant, at) => {
    const text = textOf(grant)
    const before = known?.get(text)
    const read = before ?? readGrant(grant)
    if (read === undefined) return { ok: false, reason: reasonOf('grant_invalid', 'This is not a grant in its canonical form.', { rule: 'grant' }) }
    const { intent, digest } = read
    const wrong = wrongGrant(intent, roster, at) ?? stopped.locked(intent.sub, at) ?? stopped.revoked(digest, intent.sub)
    if (wrong !== undefined) return { ok: false, reason: wrong }
    const result = before ?? touched(grant, read)
    if (result.ok) known?.keep(text, result)
    return result
  }
}

function readGrant(grant: Grant): Read | undefined {
  const bytes = fromBase64url(grant.intent)
  const decoded = bytes === undefined ? undefined : decodeIntent(bytes)
  if (bytes === undefined || decoded?.ok !== true || decoded.value.kind !== 'grant') return undefined
  const challenge = intentDigest(bytes)
  return { intent: decoded.value, challenge, digest: toBase64url(challenge) }
}

/** All of it. A handle that is empty is not that of the person, so nothing is kept that could be taken for one without. */
const textOf = ({ intent, assertion: { credential, authenticator_data, client_data, signature, user_handle } }: Grant): string =>
  idOf([intent, credential, authenticator_data, client_data, signature, user_handle ?? ''])

function wrongGrant({ iss, lineage, as, iat, exp, end }: GrantIntent, roster: Roster, at: number): Reason | undefined {
  const invalid = (message: string, rule: string, fact?: string) => reasonOf('grant_invalid', message, { rule: `grant.${rule}`, ...(fact === undefined ? {} : { fact }) })
  if (iss !== roster.deployment.issuer) return invalid('The grant was made for another deployment.', 'iss', iss)
  if (roster.lineage === undefined) return reasonOf('passkey_unknown', 'By version 1 of the roster nobody can have granted anything.', { rule: 'grant.sub' })
  if (lineage !== roster.lineage) return invalid('The grant was made for another deployment.', 'lineage')
  if (as !== undefined) return invalid('A grant cannot act as somebody else.', 'as', as)
  if (exp <= iat || exp - iat > limits.intentWindow) return invalid('The grant’s own window is not one.', 'exp', `${exp - iat} s`)
  if (end <= iat || end - iat > roster.grants.max) return invalid('The grant lasts longer than the roster allows.', 'end', `${end - iat} s; at most ${roster.grants.max} s`)
  if (iat > at + limits.clockSkew) return invalid('The grant is from the future.', 'iat', `${iat}`)
  if (end <= at) return reasonOf('grant_expired', 'The grant has ended.', { rule: 'grant.end', fact: `${end}` })
  return undefined
}

type GrantJudge = (item: Grant & { readonly proof: string }, input: EvidenceInput) => EvidenceResult

/** Evidence `grant`: hours that a person delegated by one touch, and a proof by the key that they were delegated to. */
export function openGrantJudge(ground: Omit<GrantGround, 'verifies' | 'known'>, keyring: Keyring): GrantJudge {
  const check = grantCheck({ ...ground, verifies: keyring.verifiesAssertion, known: openMemo(mostRemembered) })
  const { issuer } = ground.roster.deployment

  return (item, { intent, digest }) => {
    const grant = check(item, intent.iat)
    if (!grant.ok) return { ok: false, reasons: [grant.reason] }
    const wrong = elsewhere(grant.intent, intent) ?? checkBoundProof(item.proof, { jkt: grant.intent.key, rule: 'grant.key' }, { intent, digest, issuer, of: grant.digest }, keyring)
    return wrong === undefined ? establish(grant, intent) : { ok: false, reasons: [wrong] }
  }
}

function elsewhere(grant: GrantIntent, intent: Intent): Reason | undefined {
  if (grant.sub !== intent.sub) return reasonOf('subject_mismatch', 'The grant is not that of the person named.', { rule: 'grant.sub', fact: intent.sub })
  if ('client' in intent && intent.client !== grant.client) return reasonOf('grant_invalid', 'The grant was made to other software.', { rule: 'grant.client', fact: intent.client, remedy: `Let client be ${grant.client}.` })
  return undefined
}

function establish({ intent: { iat, end, ceiling: within }, digest, person, passkey }: Touched, intent: Intent): EvidenceResult {
  const ceiling: Ceiling = { ...within, end }
  const auth: Authentication = { time: iat, touch: false, hardware: !passkey.synced }
  return {
    ok: true,
    value: {
      principal: personOf(person),
      evidence: { kind: 'grant', age: Math.max(0, intent.iat - iat) },
      origin: { kind: 'grant', ceiling, grant: digest },
      ceiling,
      auth,
      grant: digest,
      singleUse: [],
    },
  }
}
