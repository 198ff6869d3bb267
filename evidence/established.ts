import type { IdTokenClass, Evidence, EvidenceKind } from '@symbolon/protocol/evidence.ts'
import type { RefusalCode } from '@symbolon/protocol/errors.ts'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { Intent, IntentDigest } from '@symbolon/protocol/intent.ts'
import type { Json } from '@symbolon/protocol/json.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import type { Ceiling } from '@symbolon/protocol/ceiling.ts'
import type { Actor, Origin } from '@symbolon/protocol/token.ts'
import type { Passkey } from '@symbolon/roster/roster.ts'

/** Who asks, as the roster knows them. `roles` and `groups` are the row's own, as of this roster. */
export interface Principal {
  readonly id: string
  /** `bootstrap`: the key of version 1, which may make version 2 and nothing else. */
  readonly kind: 'service' | 'trust' | 'person' | 'bootstrap'
  readonly roles: readonly string[]
  readonly groups: readonly string[]
  readonly owner?: string
  /** What the issuer says of them; empty for a key. Signed by the issuer, chosen by nobody else. */
  readonly claims: Readonly<Record<string, Json>>
}

/** One single-use credential that this request spends. `until` (NumericDate): from then on nobody can use it anyway. */
export interface SingleUse {
  readonly id: Base64url
  readonly until: number
  /** What it is bound to instead of the intent's digest: the thumbprint of the key that showed it first. */
  readonly owner?: Base64url
}

/** When (NumericDate) a person last touched a passkey for this; whether for this very intent; whether the key cannot be copied (WebAuthn, section 6.1.3). */
export interface Authentication {
  readonly time: number
  readonly touch: boolean
  readonly hardware: boolean
}

/** The passkey that was touched for this very intent. A counter below the last one seen is for whoever keeps it to alarm about; it refuses nothing. */
export interface Touched {
  readonly credential: Base64url
  readonly uses: Passkey['uses']
  readonly counter: number
}

/** What true evidence establishes. A function of intent, evidence, roster and issuer keys; no clock is read. */
export interface Established {
  readonly principal: Principal
  /** `age`: seconds from when the credential was issued to the issue time, never negative. */
  readonly evidence: { readonly kind: EvidenceKind; readonly class?: IdTokenClass; readonly age: number }
  /** What the token must carry on. */
  readonly origin: Origin
  /** What nothing made from this evidence may exceed; the same as `origin.ceiling`. */
  readonly ceiling?: Ceiling
  /** Who acts, when the evidence is a token that already names an actor. */
  readonly act?: Actor
  /** Where the evidence goes back to a person. */
  readonly auth?: Authentication
  /** Of evidence `passkey` alone. */
  readonly passkey?: Touched
  /** Digest of the grant that it goes back to. */
  readonly grant?: Base64url
  readonly singleUse: readonly SingleUse[]
}

/** `missing`: the issuer row's keys hold no such `kid`, and nobody has looked since; fetch, then judge again. */
export type EvidenceResult =
  | { readonly ok: true; readonly value: Established }
  | { readonly ok: false; readonly reasons: readonly [Reason, ...Reason[]] }
  | { readonly ok: false; readonly missing: MissingKey }

/** `issuer` is the id of the roster's row. */
export interface MissingKey {
  readonly issuer: string
  readonly kid: string
}

/** A public key, an issuer's or another's. `alg` is the only one it may be used with. Plain data: it crosses to worker threads. */
export interface IssuerKey {
  readonly alg: IssuerAlgorithm
  readonly jwk: IssuerJwk
}
export type IssuerAlgorithm = 'RS256' | 'ES256' | 'EdDSA' | 'Ed25519'
export type IssuerJwk =
  | { readonly kty: 'RSA'; readonly n: string; readonly e: string }
  | { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string }
  | { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string }

/** What is known of one issuer: its keys by `kid`, and the `kid`s that a document fetched just now did not have. */
export interface IssuerKeySet {
  readonly keys: ReadonlyMap<string, IssuerKey>
  readonly absent: ReadonlySet<string>
}

/** Snapshot by id of issuer row. Rows with pinned keys need no entry. */
export type IssuerKeys = ReadonlyMap<string, IssuerKeySet>

export interface EvidenceInput {
  readonly intent: Intent
  readonly digest: IntentDigest
  readonly evidence: readonly Evidence[]
  readonly issuerKeys: IssuerKeys
  /** The ID token that whoever asks opened from the sealed item of this evidence. */
  readonly opened?: string
}

/** Judges evidence by one roster; keeps imported public keys, nothing else. Synchronous, no I/O, never throws on input. */
export interface Verifier {
  verify(input: EvidenceInput): EvidenceResult
}

export const refuse = (code: RefusalCode, message: string, more: Pick<Reason, 'rule' | 'fact' | 'remedy'> = {}) => ({ ok: false, reasons: [reasonOf(code, message, more)] }) as const
