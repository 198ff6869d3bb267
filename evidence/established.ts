import type { IdTokenClass, Evidence, EvidenceKind } from '@symbolon/protocol/evidence.ts'
import type { RefusalCode } from '@symbolon/protocol/errors.ts'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { Intent, IntentDigest } from '@symbolon/protocol/intent.ts'
import type { Json } from '@symbolon/protocol/json.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import type { Ceiling } from '@symbolon/protocol/ceiling.ts'
import type { Actor, Origin } from '@symbolon/protocol/token.ts'

/** Who asks, as the roster knows them. `roles` and `groups` are the row's own, as of this roster. */
export interface Principal {
  readonly id: string
  readonly kind: 'service' | 'trust'
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
}

/** Judges evidence by one roster; keeps imported public keys, nothing else. Synchronous, no I/O, never throws on input. */
export interface Verifier {
  verify(input: EvidenceInput): EvidenceResult
}

export const refuse = (code: RefusalCode, message: string, more: Pick<Reason, 'rule' | 'fact' | 'remedy'> = {}) => ({ ok: false, reasons: [reasonOf(code, message, more)] }) as const
