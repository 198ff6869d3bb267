import { createPublicKey, verify } from 'node:crypto'
import { z } from 'zod'
import { lengthPrefixed, taggedHash, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import { proofJwk, seconds } from '@symbolon/protocol/fields.ts'
import { checkShape } from '@symbolon/protocol/json.ts'
import { parseJws, type Jws } from '@symbolon/protocol/jws.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import type { ProofStore } from './store.ts'

/** RFC 9449, section 4.2. */
const header = z.strictObject({ typ: z.literal('dpop+jwt'), alg: z.enum(['EdDSA', 'Ed25519', 'ES256']), jwk: z.record(z.string(), z.unknown()) })
const payload = z.looseObject({ jti: z.string().min(1).max(256), htm: z.string().max(16), htu: z.string().max(1_024), iat: seconds })

export interface DpopRequest {
  /** Every `DPoP` header of the request. */
  readonly proofs: readonly string[]
  readonly method: string
  /** The public URL of the endpoint, from the roster: what a proxy made of it does not matter. */
  readonly url: string
  /** Seconds. */
  readonly now: number
}

export interface DpopKey {
  readonly ok: true
  /** RFC 7638 thumbprint of the key that the token will be bound to. */
  readonly jkt: Base64url
}

/**
 * RFC 9449, section 4.3, for a request without an access token. The replay check is last and is the only effect: a proof that is
 * wrong uses nothing up, and one that is right works once, at whichever node it arrives.
 */
export async function checkDpop({ proofs, method, url, now }: DpopRequest, store: ProofStore): Promise<DpopKey | Failure> {
  const [text, ...more] = proofs
  if (text === undefined || more.length > 0) return bad('Exactly one DPoP header is needed.')
  const jws = parseJws(text)
  const head = jws === undefined ? undefined : checkShape(header, jws.header)
  const body = jws === undefined ? undefined : checkShape(payload, jws.payload)
  if (jws === undefined || head?.ok !== true || body?.ok !== true) return bad('It is not a DPoP proof of a kind that is supported here (EdDSA, ES256).')
  const jwk = publicKey(head.value.jwk)
  if (jwk === undefined || !isSigned(jws, head.value.alg, jwk)) return bad('Its signature does not verify with the key in its header.')
  if (body.value.htm !== method) return bad('htm is not the method of this request.')
  if (!sameUrl(body.value.htu, url)) return bad('htu is not the URL of this endpoint.')
  if (Math.abs(now - body.value.iat) > limits.clockSkew) return bad('iat is not within a minute of now.')
  const jkt = thumbprint(jwk)
  const id = taggedHash('dpop/v1', lengthPrefixed(utf8(jkt)), lengthPrefixed(utf8(body.value.jti)))
  const fresh = await store.take(id, body.value.iat + 2 * limits.clockSkew + 1)
  return fresh ? { ok: true, jkt } : bad('This proof was used before.')
}

const bad = (detail: string): Failure => fail('invalid_dpop_proof', { detail })

type Jwk = z.infer<typeof proofJwk>

// Clients add `use`, `key_ops`, `alg` or `kid`, which say nothing here. A private member means that a secret was sent: refused.
function publicKey(jwk: Readonly<Record<string, unknown>>): Jwk | undefined {
  if ('d' in jwk) return undefined
  const { kty, crv, x, y } = jwk
  const shape = checkShape(proofJwk, crv === 'Ed25519' ? { kty, crv, x } : { kty, crv, x, y })
  return shape.ok ? shape.value : undefined
}

function isSigned({ signingInput, signature }: Jws, alg: string, jwk: Jwk): boolean {
  const fits = jwk.crv === 'Ed25519' ? alg !== 'ES256' : alg === 'ES256'
  return fits && signature.length === 64 && verifies(jwk, signingInput, signature)
}

function verifies(jwk: Jwk, bytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    const key = createPublicKey({ key: { ...jwk }, format: 'jwk' })
    return jwk.crv === 'Ed25519' ? verify(null, bytes, key, signature) : verify('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }, signature)
  } catch (error) {
    // OpenSSL's errors (a point that is not on its curve) carry a code; anything else is a bug.
    if (error instanceof Error && 'code' in error) return false
    throw error
  }
}

// RFC 9449, section 4.3, item 9: without query and fragment, after the normalisation that URL does.
function sameUrl(htu: string, url: string): boolean {
  if (!URL.canParse(htu)) return false
  const { origin, pathname, username, password } = new URL(htu)
  return username === '' && password === '' && `${origin}${pathname}` === new URL(url).href
}
