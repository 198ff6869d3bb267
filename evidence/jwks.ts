import { z } from 'zod'
import { ed25519Jwk, issuerUrl, p256Jwk, rsaJwk } from '@symbolon/protocol/fields.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import type { IssuerAlgorithm, IssuerKey, IssuerJwk } from './established.ts'
import { importKey } from './signature.ts'

/** What an issuer may publish at most. */
export const jwksLimits = { bytes: 256 * 1024, keys: 64, kid: 128 } as const

/** `skipped`: keys that are not for this use; an issuer may publish others beside (RFC 7517, section 5). */
export type ParsedJwks =
  | { readonly ok: true; readonly keys: ReadonlyMap<string, IssuerKey>; readonly skipped: readonly SkippedKey[] }
  | { readonly ok: false; readonly reason: 'malformed' | 'duplicate_kid' }
export interface SkippedKey {
  /** Position in the document. */
  readonly at: number
  readonly why: 'no_kid' | 'not_for_signatures' | 'algorithm' | 'private' | 'unsound'
}

const document = z.object({ keys: z.array(z.record(z.string(), z.unknown())).max(jwksLimits.keys) })
type RawKey = z.infer<typeof document>['keys'][number]

/**
 * A JWKS (RFC 7517) as an issuer publishes it. Each key gets the one algorithm that it declares, or that follows from its type.
 * Two usable keys under one `kid` make the document worthless: which of them verifies would be anybody's choice.
 */
export function parseJwks(bytes: Uint8Array): ParsedJwks {
  const decoded = decodeAs(document, bytes, jwksLimits.bytes)
  if (!decoded.ok) return { ok: false, reason: 'malformed' }
  const keys = new Map<string, IssuerKey>()
  const skipped: SkippedKey[] = []
  for (const [at, raw] of decoded.value.keys.entries()) {
    const read = readKey(raw)
    if (typeof read === 'string') skipped.push({ at, why: read })
    else if (keys.has(read.kid)) return { ok: false, reason: 'duplicate_kid' }
    else keys.set(read.kid, read.key)
  }
  return { ok: true, keys, skipped }
}

/** Members that only a private or symmetric key has (RFC 7518, section 6). A key that was published with these is nobody's secret. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

function readKey(raw: RawKey): { readonly kid: string; readonly key: IssuerKey } | SkippedKey['why'] {
  const { kid, use, key_ops, alg } = raw
  if (privateMembers.some((name) => Object.hasOwn(raw, name))) return 'private'
  if (typeof kid !== 'string' || kid === '' || kid.length > jwksLimits.kid) return 'no_kid'
  if ((use !== undefined && use !== 'sig') || (key_ops !== undefined && !(Array.isArray(key_ops) && key_ops.includes('verify')))) return 'not_for_signatures'
  const jwk = publicJwk(raw)
  if (jwk === undefined) return 'algorithm'
  const algorithm = algorithmsOf(jwk).find((name) => alg === undefined || name === alg)
  if (algorithm === undefined) return 'algorithm'
  return importKey(jwk) === undefined ? 'unsound' : { kid, key: { alg: algorithm, jwk } }
}

/** The first is taken when the key declares none. RFC 9864 spells EdDSA on this curve `Ed25519`: a key is one or the other. */
function algorithmsOf(jwk: IssuerJwk): readonly IssuerAlgorithm[] {
  switch (jwk.kty) {
    case 'RSA':
      return ['RS256']
    case 'EC':
      return ['ES256']
    case 'OKP':
      return ['EdDSA', 'Ed25519']
  }
}

const shapes = z.union([rsaJwk, p256Jwk, ed25519Jwk])

function publicJwk({ kty, crv, n, e, x, y }: RawKey): IssuerJwk | undefined {
  const members = Object.entries({ kty, crv, n, e, x, y }).filter(([, value]) => value !== undefined)
  const shape = shapes.safeParse(Object.fromEntries(members))
  return shape.success ? shape.data : undefined
}

const metadata = z.object({ issuer: issuerUrl, jwks_uri: issuerUrl })

/**
 * Where an issuer says its keys are (OpenID Connect Discovery, section 4.3): for whoever writes a roster row. The document must
 * speak for exactly the issuer that was asked.
 */
export function parseDiscovery(bytes: Uint8Array, issuer: string): { readonly ok: true; readonly jwksUri: string } | { readonly ok: false; readonly reason: 'malformed' | 'other_issuer' } {
  const decoded = decodeAs(metadata, bytes, jwksLimits.bytes)
  if (!decoded.ok) return { ok: false, reason: 'malformed' }
  return decoded.value.issuer === issuer ? { ok: true, jwksUri: decoded.value.jwks_uri } : { ok: false, reason: 'other_issuer' }
}
