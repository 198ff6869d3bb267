import { bytesOf, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { decodeCanonical } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { partials, type SealedPartials, type WirePartial } from '@symbolon/protocol/open.ts'
import { openSealed, type ReplyPair } from './hpke-open.ts'

/* The key that a reply is sealed to (HPKE, RFC 9180, base mode), and what signers seal to it. */

export type { ReplyPair }

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
export const replyKeyOf = async (pair: ReplyPair): Promise<ReplyKey> => ({ pair, reply: toBase64url(new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey))) })

/**
 * One signer's partials, for `labels` ciphertexts.
 *
 * @param info `openedInfo` of protocol/open.ts
 * @returns undefined for what was not sealed to this key for this info, or is not as many partials
 */
export async function unsealPartials({ enc, ct }: SealedPartials, { pair, reply }: ReplyKey, info: Uint8Array, labels: number): Promise<readonly WirePartial[] | undefined> {
  const plain = await openSealed({ enc: bytesOf(enc), ct: bytesOf(ct) }, { pair, own: bytesOf(reply) }, info)
  if (plain === undefined) return undefined
  const decoded = decodeCanonical(partials, plain, 256 * limits.labels)
  return decoded.ok && decoded.value.partials.length === labels ? decoded.value.partials : undefined
}
