import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256, HpkeError } from '@hpke/core'
import { bytesOf, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { decodeCanonical } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { partials, type SealedPartials, type WirePartial } from '@symbolon/protocol/open.ts'

/* The key that a reply is sealed to (HPKE, RFC 9180, base mode), and what signers seal to it. */

const hpke = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })

/** WebCrypto's, P-256 for ECDH. */
export type ReplyPair = Awaited<ReturnType<typeof hpke.kem.generateKeyPair>>

export interface ReplyKey {
  readonly pair: ReplyPair
  /** SEC 1 uncompressed, 65 bytes: the intent's `reply`. */
  readonly reply: Base64url
}

/** A key for one request. Its private half cannot be exported. */
export async function openRequestKey(): Promise<ReplyKey> {
  return replyKeyOf(await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, false, ['deriveBits']))
}

/** A key that is kept: the vault process has one, for façades. */
export const replyKeyOf = async (pair: ReplyPair): Promise<ReplyKey> => ({ pair, reply: toBase64url(new Uint8Array(await hpke.kem.serializePublicKey(pair.publicKey))) })

/** WebCrypto wants memory of its own. */
const buffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer

/**
 * One signer's partials, for `labels` ciphertexts.
 *
 * @param info `openedInfo` of protocol/open.ts
 * @returns undefined for what was not sealed to this key for this info, or is not as many partials
 */
export async function unsealPartials({ enc, ct }: SealedPartials, { pair }: ReplyKey, info: Uint8Array, labels: number): Promise<readonly WirePartial[] | undefined> {
  const plain = await opened(pair, buffer(bytesOf(enc)), buffer(info), buffer(bytesOf(ct)))
  if (plain === undefined) return undefined
  const decoded = decodeCanonical(partials, plain, 256 * limits.labels)
  return decoded.ok && decoded.value.partials.length === labels ? decoded.value.partials : undefined
}

async function opened(recipientKey: ReplyPair, enc: ArrayBuffer, info: ArrayBuffer, ct: ArrayBuffer): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await hpke.open({ recipientKey, enc, info }, ct))
  } catch (error) {
    // A point off the curve, a wrong tag: whatever was sent, it is not for us.
    if (error instanceof HpkeError) return undefined
    throw error
  }
}
