import type { KeyObject } from 'node:crypto'
import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from '@hpke/core'
import { bytesOf, concat, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { IntentDigest } from '@symbolon/protocol/intent.ts'
import { sealedDigest, sealedInfo, type SealedEvidence } from '@symbolon/protocol/sealed.ts'
import type { Keyset } from '@symbolon/roster/keyset.ts'
import { signProof, type Credential } from './credential.ts'
import type { Deployment } from './deployment.ts'
import { failed, ok, type Outcome } from './errors.ts'

/* An ID token of class `static`, on its way: only signers can read it, and none of them as evidence for another intent. */

const suite = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })

/**
 * Seals the token to each signer's receive key (RFC 9180, base mode, single shot).
 *
 * @param signers of a keyset that was judged against the pin: to seal to a key that api or coordinator chose is to show them the token
 * @param token compact, at most 16,384 bytes
 */
export const sealIdToken = ({ token, digest, signers }: { readonly token: string; readonly digest: IntentDigest; readonly signers: Keyset['signers'] }): Promise<SealedEvidence['sealed']> =>
  Promise.all(
    signers.map(async ({ id, hpke }) => {
      const recipientPublicKey = await suite.kem.deserializePublicKey(buffer(concat(Uint8Array.of(4), bytesOf(hpke.x), bytesOf(hpke.y))))
      const { enc, ct } = await suite.seal({ recipientPublicKey, info: buffer(sealedInfo(digest)) }, buffer(utf8(token)))
      return { signer: id, enc: toBase64url(new Uint8Array(enc)), ct: toBase64url(new Uint8Array(ct)) }
    }),
  )

export interface SealedOptions {
  readonly description: string
  /** Reads or fetches the platform's token: a projected Kubernetes token is renewed while its pod runs. */
  fetch(): Promise<Outcome<string>>
  /**
   * Ed25519 or P-256. The first key that a token is shown with owns it at the signers: keep one key for as long as one token is used, and show it
   * to nobody.
   */
  readonly key: KeyObject
  /** Of the client that will send it: whose signers it is sealed to. */
  deployment(): Promise<Outcome<Deployment>>
}

/** An ID token of class `static`: one audience for all requests, sealed to the signers for each. Needs a pinned keyset. */
export const sealedCredential = ({ description, fetch, key, deployment }: SealedOptions): Credential => ({
  description,
  async evidence(built, now) {
    const [found, token] = [await deployment(), await fetch()]
    if (!found.ok) return found
    if (!token.ok) return token
    if (!found.value.pinned) return failed('credential_unusable', { detail: 'an ID token is sealed to a pinned keyset only: whoever shows another could read it' })
    const sealed = await sealIdToken({ token: token.value, digest: built.digest, signers: found.value.keyset.signers })
    const proof = signProof({ key, built, now, of: sealedDigest(sealed) })
    return proof.ok ? ok([{ kind: 'sealed_id_token', sealed, proof: proof.value }]) : proof
  },
})

/** WebCrypto wants memory of its own. */
const buffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer
