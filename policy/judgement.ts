import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import type { Approval } from '@symbolon/protocol/approval.ts'
import type { Asserted, Evidence } from '@symbolon/protocol/evidence.ts'
import type { Intent, IntentDigest, LockIntent, ReadIntent, RecordIntent, RevokeIntent, RosterIntent, SecretIntent, SecretListIntent, SecretReadIntent, TokenIntent } from '@symbolon/protocol/intent.ts'
import type { Label, SecretPath } from '@symbolon/protocol/label.ts'
import type { Decision, Reason } from '@symbolon/protocol/reason.ts'
import type { SignedRecord, VaultRecord } from '@symbolon/protocol/record.ts'
import type { TokenClaims } from '@symbolon/protocol/token.ts'
import type { IssuerKeys, MissingKey, Principal, SingleUse, Touched } from '@symbolon/evidence/established.ts'
import type { Stops } from '@symbolon/evidence/stops.ts'
import type { Passkey, Roster } from '@symbolon/roster/roster.ts'
import type { Bundle } from './bundle.ts'
import type { SecretAction } from './secret-rules.ts'

/** What is asked, as it came from the wire. Only `intent`, `evidence` and `approvals` can shape the bytes. */
export interface JudgeRequest {
  /** Canonical bytes of the intent. */
  readonly intent: Uint8Array
  readonly evidence: readonly Evidence[]
  /** The ID token that this signer opened from a sealed item. Without it such an item is refused, or, where that was asked for, presumed. */
  readonly opened?: string
  readonly approvals: readonly Approval[]
  /** Records that the intent speaks of: the predecessor of the one that it asks for, or, for each label that it reads, the newest. */
  readonly records?: readonly SignedRecord[]
  /** What only the api saw: it can turn a yes into a no, nothing else. */
  readonly asserted: Asserted
}

/** Plain data: it crosses between threads. */
export type Judgement = Granted | Refused | Unavailable

/** Every kind of question has its own answer; `grants` tells them apart. */
export type Granted = GrantedToken | GrantedRecord | GrantedReading | GrantedListing
/** What a quorum signs. */
export type GrantedSigned = GrantedToken | GrantedRecord

interface GrantedBase {
  readonly verdict: 'granted'
  readonly digest: IntentDigest
  readonly principal: Principal
  readonly decision: Decision
  /** SHA-256 of what this yes comes to: the message that is signed, or the list of what is opened. The intent is bound to it. */
  readonly bytesHash: Base64url
  /** What this request spends; to be bound to the digest before anything is signed. */
  readonly singleUse: readonly SingleUse[]
  /** The passkey that was touched for this very intent. A counter that went down is for whoever keeps it to alarm about. */
  readonly passkey?: Touched
}

export interface GrantedToken extends GrantedBase {
  readonly grants: 'token'
  readonly intent: TokenIntent
  readonly claims: TokenClaims
  /** ASCII of the JWS signing input: what the signers sign. */
  readonly message: string
}

/** A secret's next record. Whether its predecessor is the newest is for whoever keeps records to say. */
export interface GrantedRecord extends GrantedBase {
  readonly grants: 'record'
  readonly intent: RecordIntent
  readonly record: VaultRecord
  /** Digest of it. */
  readonly recordDigest: Base64url
  /** ASCII: the record's bytes with their tag. */
  readonly message: string
}

/** Which ciphertexts may be opened. Whether each record is the newest is for whoever keeps records to say. */
export interface GrantedReading extends GrantedBase {
  readonly grants: 'reading'
  readonly intent: SecretReadIntent
  /** In the intent's order. */
  readonly openings: readonly Opening[]
}
export interface Opening {
  readonly path: SecretPath
  readonly seq: number
  /** Digest of the record. */
  readonly record: Base64url
  readonly label: Label
  /** Digest of the ciphertext's head. */
  readonly ciphertext: Base64url
}

/** Which names and records may be shown: judged where they are kept, by nobody else. */
export interface GrantedListing extends GrantedBase {
  readonly grants: 'listing'
  readonly intent: SecretListIntent
}

/** What an explanation says of secrets: policy would allow it. What is stored is not looked at, so that nobody learns from it what there is. */
export interface GrantedByPolicy extends Omit<GrantedBase, 'bytesHash'> {
  readonly grants: 'policy'
  readonly intent: SecretIntent
}
export type Explained = GrantedToken | GrantedByPolicy | Refused | Unavailable

/** The rows of one listing. */
export interface ListQuestion {
  /** Of kind `secret.list`, with a prefix. */
  readonly request: JudgeRequest
  readonly paths: readonly SecretPath[]
  /** What the principal must be allowed to do with a row for it to count. Default: `list`. */
  readonly action?: SecretAction
}
export interface Listed {
  readonly verdict: 'granted'
  readonly digest: IntentDigest
  readonly intent: SecretListIntent
  readonly principal: Principal
  /** One for each path, in order: may this row be shown? */
  readonly shown: readonly boolean[]
}
export type Listing = Listed | Refused | Unavailable

/** A judgement on the request. What is absent was not reached. */
export interface Refused {
  readonly verdict: 'refused'
  readonly digest?: IntentDigest
  readonly intent?: Intent
  readonly principal?: Principal
  readonly decision?: Decision
  readonly reasons: Reasons
  /** Of a reading that policy denies: why. `reasons` say the same as where there is nothing, so this is for whoever judges, and never for the wire. */
  readonly hidden?: Reasons
}
export type Reasons = readonly [Reason, ...Reason[]]

/** No judgement: the machine lacks something. `missing` is to be fetched, then judged again. */
export interface Unavailable {
  readonly verdict: 'unavailable'
  readonly code: NotNowCode
  readonly missing?: MissingKey
}

/** On an intent that mints nothing. Plain data: it crosses between threads. */
export type Ruling = Ruled | Refused | Unavailable

export type RuledIntent = RosterIntent | RevokeIntent | LockIntent | ReadIntent

/** The evidence is true and the principal may ask for this. What the next roster version needs besides is for `roster/` to say. */
export interface Ruled {
  readonly verdict: 'granted'
  readonly digest: IntentDigest
  readonly intent: RuledIntent
  readonly principal: Principal
  /** The principal touched a passkey for this very intent. */
  readonly touch: boolean
  /** What that passkey may be used for; empty without a touch. */
  readonly passkeyUses: Passkey['uses']
  /** That passkey with its counter: one that went down is for whoever keeps it to alarm about. */
  readonly passkey?: Touched
  /** Ids of people whose yes verifies and lives: each once, never the principal, nobody who also said no. Sorted. */
  readonly approvers: readonly string[]
  /** Likewise those who said no. */
  readonly denied: readonly string[]
  /** Why other approvals do not count. */
  readonly dismissed: readonly Reason[]
  /** For kinds `revoke` and `lock`: what is stopped from now on. */
  readonly stop?: StopFact
}
export type StopFact =
  | { readonly kind: 'revoked'; readonly revoked: Stops['revoked'][number] }
  | { readonly kind: 'locked'; readonly locked: Stops['locked'][number] }

/** Of the requests that are ruled on, nothing is asserted: no policy of data weighs them. */
export type RuleRequest = Pick<JudgeRequest, 'intent' | 'evidence' | 'opened' | 'approvals'>

export interface RuleOptions {
  /** For stops that come from the book: neither `exp` nor an approval window binds them. They may not lie in the future. */
  readonly whenever?: boolean
}

/** Each is synchronous, without I/O, and never throws on input. `clock`: seconds, the machine's own. */
export interface Judge {
  /** Intents of kind `token` and of every kind about secrets. The clock only says whether one may be answered now, never what the answer is. */
  judge(request: JudgeRequest, clock: number): Judgement
  /** The same of a dry intent, which `judge` refuses: what it would come to. */
  explain(request: JudgeRequest, clock: number): Explained
  /** Which rows of a listing may be shown: the same policy, asked about many paths at once. */
  list(question: ListQuestion, clock: number): Listing
  /** Intents of kinds `roster`, `revoke`, `lock` and `read`. */
  rule(request: RuleRequest, clock: number, options?: RuleOptions): Ruling
}

export interface JudgeOptions {
  /** The effective one: the document with the certified entries applied, its `lineage` known. */
  readonly roster: Roster
  /** Must be the one that the roster names. */
  readonly bundle: Bundle
  /** What is revoked and locked. Asked once per judgement, for the newest. */
  stops(): Stops
  /** Asked once per judgement, for the newest snapshot. */
  issuerKeys(): IssuerKeys
  /** For the api alone, which cannot open sealed ID tokens: see evidence/verify.ts. */
  readonly presumesSealed?: boolean
}
