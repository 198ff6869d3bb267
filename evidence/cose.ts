import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { proofJwk, type ProofJwk } from '@symbolon/protocol/fields.ts'
import { isBytes, type CborMap } from './cbor.ts'
import { importKey } from './signature.ts'

/** COSE algorithm numbers (RFC 9053, section 2): the only two that passkeys here sign with. */
export const coseAlgorithm = { ES256: -7, EdDSA: -8 } as const

const label = { kty: 1, alg: 3, crv: -1, x: -2, y: -3 } as const

/** A COSE key (RFC 9052, section 7; WebAuthn, section 5.8.5) with exactly the members of its kind. @returns undefined for any other algorithm, and for what is not a sound public key */
export function jwkOfCose(key: CborMap): ProofJwk | undefined {
  const [kty, alg, crv, x, y] = [label.kty, label.alg, label.crv, label.x, label.y].map((name) => key.get(name))
  if (!isBytes(x)) return undefined
  const isP256 = kty === 2 && alg === coseAlgorithm.ES256 && crv === 1 && key.size === 5 && isBytes(y)
  const isEd25519 = kty === 1 && alg === coseAlgorithm.EdDSA && crv === 6 && key.size === 4
  if (!isP256 && !isEd25519) return undefined
  const jwk = proofJwk.safeParse(isP256 ? { kty: 'EC', crv: 'P-256', x: toBase64url(x), y: toBase64url(y) } : { kty: 'OKP', crv: 'Ed25519', x: toBase64url(x) })
  return jwk.success && importKey(jwk.data) !== undefined ? jwk.data : undefined
}
