import { createLocalJWKSet, errors, jwtVerify, type JSONWebKeySet } from 'jose'
import { z } from 'zod'
import { limits } from '@symbolon/protocol/limits.ts'
import { checkShape } from '@symbolon/protocol/json.ts'
import { parseToken, tokenType, type TokenClaims } from '@symbolon/protocol/token.ts'
import { tokenJwks, type Keyset } from '@symbolon/roster/keyset.ts'
import { failed, ok, type Outcome } from './errors.ts'

/** Which keys are believed, for which issuer. */
export interface Trusted {
  readonly issuer: string
  readonly jwks: JSONWebKeySet
}

export const trustKeyset = (keyset: Keyset): Trusted => ({ issuer: keyset.issuer, jwks: tokenJwks(keyset) })

const jwksShape = z.object({ keys: z.array(z.looseObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string(), kid: z.string(), alg: z.literal('EdDSA') })).min(1).max(64) })

/** A JWKS from a file or from a host that the api's owner does not control. */
export function trustJwks(value: unknown, issuer: string): Outcome<Trusted> {
  const shape = checkShape(jwksShape, value)
  return shape.ok ? ok({ issuer, jwks: shape.value }) : failed('input_invalid', { detail: 'not a JWKS of Ed25519 keys', problems: shape.problems })
}

export interface Wanted {
  /** The one audience that is accepted; absent: any, for looking at a token, never for believing one. */
  readonly audience?: string | undefined
  /** Seconds. */
  readonly now: number
}

/**
 * Verifies a token offline: exactly our form, `alg` and `typ` from here and never from the token, the issuer byte for byte, times
 * with 60 s of skew. Header parameters that point to keys (`jku`, `jwk`, `x5u`, `x5c`) are refused with any other stranger.
 */
export async function verifyToken(token: string, trusted: Trusted, { audience, now }: Wanted): Promise<Outcome<TokenClaims>> {
  const parsed = parseToken(token)
  if (parsed === undefined) return failed('token_unverified', { detail: 'not a token of the form that Symbolon mints' })
  try {
    await jwtVerify(token, createLocalJWKSet(trusted.jwks), {
      algorithms: ['EdDSA'],
      typ: tokenType,
      issuer: trusted.issuer,
      currentDate: new Date(now * 1000),
      clockTolerance: limits.clockSkew,
      requiredClaims: ['exp', 'iat', 'nbf', 'jti', 'sub', 'aud'],
      ...(audience === undefined ? {} : { audience }),
    })
    return ok(parsed.claims)
  } catch (error) {
    // jose's codes say which check failed and quote nothing.
    if (error instanceof errors.JOSEError) return failed('token_unverified', { detail: error instanceof errors.JWTClaimValidationFailed ? `its ${error.claim} is not what is wanted` : whyOf(error.code) })
    throw error
  }
}

const whyOf = (code: string): string => ({ ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'the signature is wrong', ERR_JWKS_NO_MATCHING_KEY: 'its key is not in the keyset', ERR_JWT_EXPIRED: 'it has expired' })[code] ?? code
