import { z } from 'zod'
import { bytesOf, tagged, taggedHash, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { audience, base64urlOf, digestText, issuerUrl, p256Jwk, seconds, signerId } from '@symbolon/protocol/fields.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { verifyP256 } from '@symbolon/protocol/p256.ts'
import { group, namespace, rosterDigest, vaultRow, type Roster } from './roster.ts'

/* The keyset: the roster's public part, which clients pin. Its first fingerprint is the deployment's lineage. */

export const keyset = z.strictObject({
  v: z.literal(1),
  /** Fingerprint of the first keyset; absent in the first itself. */
  lineage: digestText.optional(),
  roster: z.int().min(1),
  /** Digest of the whole roster document. */
  digest: digestText,
  issuer: issuerUrl,
  policy: digestText,
  audiences: z.array(audience).min(1).max(64),
  default_audience: audience,
  groups: z.array(group).min(1).max(64),
  signers: z.array(z.strictObject({ id: signerId, identity: p256Jwk, hpke: p256Jwk })).min(3).max(limits.signers),
  vault: vaultRow.optional(),
  namespaces: z.array(namespace).max(256).optional(),
})
export type Keyset = z.infer<typeof keyset>

/** One signer's word, by its identity key over `keysetBytes`: this is the keyset, as of `iat`. */
const keysetSignature = z.strictObject({ signer: signerId, iat: seconds, signature: base64urlOf(64) })
export type KeysetSignature = z.infer<typeof keysetSignature>
export const signedKeyset = z.strictObject({ keyset, signatures: z.array(keysetSignature).min(1).max(limits.signers) })
export type SignedKeyset = z.infer<typeof signedKeyset>

/** Clients refuse a keyset whose t-th youngest signature is older than this, in seconds. */
export const keysetMaxAge = 24 * 3600

export function keysetOf(document: Roster): Keyset {
  const { version, lineage, deployment, policy, audiences, default_audience, groups, signers, vault, namespaces } = document
  return {
    v: 1,
    ...(lineage === undefined ? {} : { lineage }),
    roster: version,
    digest: rosterDigest(document),
    issuer: deployment.issuer,
    policy,
    audiences,
    default_audience,
    groups,
    signers: signers.map(({ id, identity, hpke }) => ({ id, identity, hpke })),
    ...(vault === undefined ? {} : { vault }),
    ...(namespaces === undefined ? {} : { namespaces }),
  }
}

/** What CLI, SDK and tests pin. */
export const fingerprint = (value: Keyset): Base64url => toBase64url(taggedHash('keyset/v1', canonical(value)))

/** The keys that tokens are signed with, as a JWKS (RFC 7517): every one that a live token may name. */
export const tokenJwks = ({ groups }: Pick<Keyset, 'groups'>) => ({
  keys: groups.filter((row) => row.purpose === 'token').map(({ key, kid, alg }) => ({ kty: 'OKP', crv: 'Ed25519', x: key, kid, alg, use: 'sig' })),
})

/** What an identity key signs. */
export const keysetBytes = (value: Keyset, iat: number): Uint8Array => tagged('keyset-signature/v1', canonical({ iat, keyset: fingerprint(value) }))

/** Is this the word of the signer that it names? Says nothing of its age. */
export const keysetSignatureHolds = (value: Keyset, signature: KeysetSignature): boolean => keysetSignatureHoldsBy(value, value, signature)

/** The same, by a signer of another keyset: a later one is vouched for by signers of its predecessor. */
export function keysetSignatureHoldsBy(vouching: Keyset, value: Keyset, { signer, iat, signature }: KeysetSignature): boolean {
  const row = vouching.signers.find(({ id }) => id === signer)
  return row !== undefined && verifyP256(row.identity, keysetBytes(value, iat), bytesOf(signature))
}

/** The lineage that intents carry: the fingerprint of the first keyset. */
export const lineageOf = (document: Roster): Base64url => document.lineage ?? fingerprint(keysetOf(document))
