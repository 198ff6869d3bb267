import type { z } from 'zod'
import { sha256, toBase64url, type Base64url } from './bytes.ts'
import type { proofJwk, rsaJwk } from './fields.ts'
import { canonical } from './json.ts'

/** RFC 7638, SHA-256: over the required members only, which RFC 8785 puts in the same order as section 3.3 asks. */
export function thumbprint(jwk: z.infer<typeof proofJwk> | z.infer<typeof rsaJwk>): Base64url {
  switch (jwk.kty) {
    case 'OKP':
      return toBase64url(sha256(canonical({ crv: jwk.crv, kty: jwk.kty, x: jwk.x })))
    case 'EC':
      return toBase64url(sha256(canonical({ crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y })))
    case 'RSA':
      return toBase64url(sha256(canonical({ e: jwk.e, kty: jwk.kty, n: jwk.n })))
  }
}
