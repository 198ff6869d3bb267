import { z } from 'zod'
import { ceiling } from './ceiling.ts'
import { audience, base64urlOf, digestText, issuerUrl, rosterId, seconds } from './fields.ts'
import { idTokenClass, originKinds } from './evidence.ts'
import { assembleJws, jwsSigningInput, parseJws, type Jws } from './jws.ts'
import { checkShape } from './json.ts'
import { limits } from './limits.ts'

/**
 * Which bytes are signed for a token (RFC 9068). One encoder, one decoder. Where each claim comes from:
 *
 * | claim       | from |
 * | ----------- | ---- |
 * | header `alg` `kid` | the roster's `token` group key, one `alg` per `kid` |
 * | header `typ` | constant `at+jwt` |
 * | `iss`       | the roster |
 * | `sub`       | the principal that the evidence yields, which must be the intent's `sub` |
 * | `act`       | the actor that evidence `token` carries |
 * | `aud` `client_id` `scope` `cnf` | the intent, after policy allowed them |
 * | `iat` `nbf` | the intent's `iat` |
 * | `exp`       | `iat` + the intent's `ttl`, or min(default, maximum) by policy and ceilings |
 * | `jti`       | the intent's digest |
 * | `auth_time` `acr` `amr` | when and how a person touched a passkey, where the evidence goes back to one (RFC 8176, RFC 9470) |
 * | `urn:symbolon:v1` | the roster's policy digest; kind and class of the evidence and the ceiling it carries |
 *
 * Nothing comes from the api, from the coordinator or from a signer's clock.
 */
export const tokenType = 'at+jwt'

export const origin = z.strictObject({
  /** Kind of the evidence that stood at the beginning. */
  kind: z.enum(originKinds),
  class: idTokenClass.optional(),
  ceiling: ceiling.optional(),
  /** Digest of the grant that it goes back to: a revoked grant takes all that was made from it along. */
  grant: digestText.optional(),
})
export type Origin = z.infer<typeof origin>

const actor: z.ZodType<Actor> = z.lazy(() => z.strictObject({ sub: rosterId, act: actor.optional() }))
export interface Actor {
  readonly sub: string
  readonly act?: Actor | undefined
}

const tokenHeader = z.strictObject({ alg: z.literal('EdDSA'), kid: base64urlOf(32), typ: z.literal(tokenType) })

export const tokenClaims = z.strictObject({
  iss: issuerUrl,
  sub: rosterId,
  aud: audience,
  client_id: rosterId,
  scope: z.string().min(1).max(limits.scopes * 129),
  iat: seconds,
  nbf: seconds,
  exp: seconds,
  jti: digestText,
  cnf: z.strictObject({ jkt: digestText }).optional(),
  act: actor.optional(),
  auth_time: seconds.optional(),
  /** A person touched a passkey for this very request, or for the grant that asks. */
  acr: z.enum(['urn:symbolon:acr:touch', 'urn:symbolon:acr:grant']).optional(),
  /** RFC 8176: a key, in hardware (`hwk`) or synced (`swk`), and the person verified (`user`). */
  amr: z.array(z.enum(['hwk', 'swk', 'user'])).min(1).max(3).optional(),
  'urn:symbolon:v1': z.strictObject({ policy: digestText, origin }),
})
export type TokenHeader = z.infer<typeof tokenHeader>
export type TokenClaims = z.infer<typeof tokenClaims>

/** The JWS signing input, ASCII: what the signers sign. Equal claims give equal bytes (RFC 8785). */
export const tokenSigningInput = (kid: TokenHeader['kid'], claims: TokenClaims): string =>
  jwsSigningInput({ alg: 'EdDSA', kid, typ: tokenType } satisfies TokenHeader, tokenClaims.parse(claims))

/** @param signature 64 bytes, RFC 8032 */
export const assembleToken = (signingInput: string, signature: Uint8Array): string => assembleJws(signingInput, signature)

/** @returns undefined for anything that is not exactly a token of ours. The signature is not checked here. */
export function parseToken(text: string): { readonly header: TokenHeader; readonly claims: TokenClaims; readonly jws: Jws } | undefined {
  const jws = parseJws(text)
  if (jws === undefined) return undefined
  const header = checkShape(tokenHeader, jws.header)
  const claims = checkShape(tokenClaims, jws.payload)
  return header.ok && claims.ok ? { header: header.value, claims: claims.value, jws } : undefined
}
