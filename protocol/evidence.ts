import { z } from 'zod'
import { limits } from './limits.ts'

/* Evidence as it travels, unchanged, from the client to every signer. Each signer decides by itself whether it is true. */

const compact = z.string().min(1).max(limits.jwsBytes).regex(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/, 'must be a compact JWS')

/** A registered service or API key, by a proof. */
export const keyEvidence = z.strictObject({ kind: z.literal('key'), proof: compact })
/** An ID token of an issuer in the roster. Its class follows from roster row and audience. */
export const idTokenEvidence = z.strictObject({ kind: z.literal('id_token'), token: compact })
/** A live token of this deployment, and a proof by its `cnf` key. */
export const tokenEvidence = z.strictObject({ kind: z.literal('token'), token: compact, proof: compact })

export const evidence = z.discriminatedUnion('kind', [keyEvidence, idTokenEvidence, tokenEvidence])
export type Evidence = z.infer<typeof evidence>
export type EvidenceKind = Evidence['kind']
export const evidenceList = z.array(evidence).min(1).max(limits.evidenceItems)

/** How tightly an ID token is bound to the request. `bound`: its audience is the intent's digest. `bearer`: sent in clear, outside the claim. */
export const idTokenClass = z.enum(['bound', 'bearer'])
export type IdTokenClass = z.infer<typeof idTokenClass>

/** No kind of approval exists yet; the field is there so that a request that carries one is refused, not ignored. */
export const approvalList = z.array(z.never()).max(0)

/** What only the api sees. A fact for limits and stricter answers; it never changes the signed bytes. */
export const asserted = z.strictObject({ address: z.string().max(45).optional() })
export type Asserted = z.infer<typeof asserted>
