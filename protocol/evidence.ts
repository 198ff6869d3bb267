import { z } from 'zod'
import { base64urlOf, base64urlUpTo, signerId } from './fields.ts'
import { limits } from './limits.ts'
import { assertion } from './webauthn.ts'

/* Evidence as it travels, unchanged, from the client to every signer. Each signer decides by itself whether it is true. */

const compact = z.string().min(1).max(limits.jwsBytes).regex(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/, 'must be a compact JWS')

/** A registered service or API key, by a proof. */
export const keyEvidence = z.strictObject({ kind: z.literal('key'), proof: compact })
/** An ID token of an issuer in the roster. Its class follows from roster row and audience. */
export const idTokenEvidence = z.strictObject({ kind: z.literal('id_token'), token: compact })
/** A live token of this deployment, and a proof by its `cnf` key. */
export const tokenEvidence = z.strictObject({ kind: z.literal('token'), token: compact, proof: compact })

/** A person's touch for this very intent: the assertion's challenge is the intent's digest. */
export const passkeyEvidence = z.strictObject({ kind: z.literal('passkey'), assertion })
/** A grant (the canonical bytes of its intent, and the assertion over its digest) and a proof by its key, `of` the grant's digest. */
export const grantEvidence = z.strictObject({ kind: z.literal('grant'), intent: base64urlUpTo(limits.intentBytes), assertion, proof: compact })
/**
 * An ID token of class `static`, sealed to each signer (HPKE, RFC 9180, base mode; `info` is the intent's digest under a tag), and a proof by the
 * key that is shown first and owns it from then on, `of` the digest of the sealed list.
 */
export const sealedEvidence = z.strictObject({
  kind: z.literal('sealed_id_token'),
  sealed: z.array(z.strictObject({ signer: signerId, enc: base64urlOf(65), ct: base64urlUpTo(limits.sealedBytes) })).min(1).max(limits.signers),
  proof: compact,
})

/** A live token without a key, made for the vault process (`roster.vault.audience`): what clients have that cannot prove anything. Outside the claim. */
export const facadeEvidence = z.strictObject({ kind: z.literal('facade'), token: compact })

export const evidence = z.discriminatedUnion('kind', [keyEvidence, idTokenEvidence, tokenEvidence, passkeyEvidence, grantEvidence, sealedEvidence, facadeEvidence])
export type Evidence = z.infer<typeof evidence>
/** What can stand at the beginning of a token. A sealed ID token is an ID token. */
export const originKinds = ['passkey', 'grant', 'id_token', 'key', 'token'] as const
export type OriginKind = (typeof originKinds)[number]
/** What evidence is, once it is known to be true. Of a façade's, no token is made. */
export const evidenceKinds = [...originKinds, 'facade'] as const
export type EvidenceKind = (typeof evidenceKinds)[number]
export const evidenceList = z.array(evidence).min(1).max(limits.evidenceItems)

/**
 * How tightly an ID token is bound to the request. `bound`: its audience is the intent's digest. `static`: one audience for all requests,
 * so it is sealed to the signers. `bearer`: sent in clear. The last two are outside the claim.
 */
export const idTokenClass = z.enum(['bound', 'static', 'bearer'])
export type IdTokenClass = z.infer<typeof idTokenClass>

/** What only the api sees. A fact for limits and stricter answers; it never changes the signed bytes. */
export const asserted = z.strictObject({ address: z.string().max(45).optional() })
export type Asserted = z.infer<typeof asserted>
