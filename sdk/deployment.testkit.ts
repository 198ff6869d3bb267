import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { ProofJwk } from '@symbolon/protocol/fields.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { assembleToken, tokenSigningInput, type TokenClaims } from '@symbolon/protocol/token.ts'
import { fingerprint, keysetBytes, type Keyset, type SignedKeyset } from '@symbolon/roster/keyset.ts'

/* A deployment whose group key is whole: what a client sees is the same, and no quorum is needed. */

type P256 = Extract<ProofJwk, { crv: 'P-256' }>
type Ed = Extract<ProofJwk, { crv: 'Ed25519' }>
export const jwkOf = <T extends ProofJwk>(key: KeyObject): T => key.export({ format: 'jwk' }) as unknown as T

const digest = (fill: number) => toBase64url(new Uint8Array(32).fill(fill))

export function testDeployment({ issuer = 'http://localhost:7000' }: { issuer?: string } = {}) {
  const group = generateKeyPairSync('ed25519')
  const identities = [1, 2, 3].map((id) => ({ id, pair: generateKeyPairSync('ec', { namedCurve: 'P-256' }) }))
  const { x } = jwkOf<Ed>(group.publicKey)
  const kid = thumbprint({ kty: 'OKP', crv: 'Ed25519', x })
  const keyset: Keyset = {
    v: 1,
    roster: 1,
    digest: digest(1),
    issuer,
    policy: digest(2),
    audiences: ['https://vault.test', 'https://other.test'],
    default_audience: 'https://vault.test',
    groups: [{ purpose: 'token', epoch: 1, t: 2, n: 3, key: x, kid, alg: 'EdDSA', shares: [1, 2, 3].map((id) => ({ id, share: digest(id) })) }],
    signers: identities.map(({ id, pair }) => ({ id, identity: publicOf(pair.publicKey), hpke: publicOf(pair.publicKey) })),
  }
  const vouchFor = (value: Keyset, iat: number, ids: readonly number[] = [1, 2, 3]) =>
    identities.filter(({ id }) => ids.includes(id)).map(({ id, pair }) => ({ signer: id, iat, signature: toBase64url(sign('sha256', keysetBytes(value, iat), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' })) }))
  const vouch = (iat: number, ids?: readonly number[]) => vouchFor(keyset, iat, ids)
  return {
    keyset,
    pin: fingerprint(keyset),
    vouch,
    signed: (iat: number): SignedKeyset => ({ keyset, signatures: vouch(iat) }),
    /** Version 2, signed by the same signers. */
    later: (change: Partial<Keyset>, lineage = fingerprint(keyset)) => {
      const next: Keyset = { ...keyset, lineage, roster: 2, digest: digest(3), ...change }
      return { keyset: next, signed: (iat: number): SignedKeyset => ({ keyset: next, signatures: vouchFor(next, iat) }) }
    },
    mint: (claims: TokenClaims): string => {
      const input = tokenSigningInput(kid, claims)
      return assembleToken(input, sign(null, utf8(input), group.privateKey))
    },
    policy: digest(2) as Base64url,
  }
}

function publicOf(key: KeyObject): P256 {
  const { kty, crv, x, y } = jwkOf<P256>(key)
  return { kty, crv, x, y }
}
