import { createCipheriv, createECDH, ECDH } from 'node:crypto'
import { concat, sha256, utf8 } from '@symbolon/protocol/bytes.ts'

/*
 * HPKE (RFC 9180) in base mode, sealing one message: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, no additional data. Written on OpenSSL,
 * since WebCrypto's way through as many promises as there are steps costs eight times the arithmetic, at every opening of a secret.
 */

/** Section 7.1 and 7.2: KEM 0x0010; KDF 0x0001, AEAD 0x0002. */
const kem = concat(utf8('KEM'), Uint8Array.of(0x00, 0x10))
const hpke = concat(utf8('HPKE'), Uint8Array.of(0x00, 0x10, 0x00, 0x01, 0x00, 0x02))
const version = utf8('HPKE-v1')
const none = new Uint8Array()

/** RFC 2104, with keys of at most one block. From two hashes: Node makes a key object of each HMAC key, which costs more than they do. */
function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const keyed = (pad: number, ...rest: readonly Uint8Array[]) => {
    const block = concat(new Uint8Array(64).fill(pad), ...rest)
    key.forEach((byte, at) => (block[at] = byte ^ pad))
    return block
  }
  const inner = keyed(0x36, ...parts)
  const outer = keyed(0x5c, sha256(inner))
  const code = sha256(outer)
  inner.fill(0)
  outer.fill(0)
  return code
}

/** Section 4. */
const extract = (suite: Uint8Array, salt: Uint8Array, label: string, ikm: Uint8Array): Uint8Array => hmac(salt, version, suite, utf8(label), ikm)
/** Section 4, of at most 32 bytes: one block of HKDF-Expand. */
const expand = (suite: Uint8Array, key: Uint8Array, label: string, { info, length }: { readonly info: Uint8Array; readonly length: number }): Uint8Array =>
  hmac(key, Uint8Array.of(0, length), version, suite, utf8(label), info, Uint8Array.of(1)).subarray(0, length)

/** Of no pre-shared key. */
const pskIdHash = extract(hpke, none, 'psk_id_hash', none)

/** Whether 65 bytes are an uncompressed point of P-256, which has no other subgroup. */
export function isReplyKey(point: Uint8Array): boolean {
  try {
    return point.length === 65 && point[0] === 4 && ECDH.convertKey(point, 'prime256v1').length === 65
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_CRYPTO_OPERATION_FAILED') return false
    throw error
  }
}

/**
 * @param to an uncompressed point that `isReplyKey`
 * @param plain the caller keeps wiping duty
 * @returns encapsulated key and ciphertext with its tag
 */
export function seal({ to, info }: { readonly to: Uint8Array; readonly info: Uint8Array }, plain: Uint8Array): { readonly enc: Uint8Array; readonly ct: Uint8Array } {
  const ephemeral = createECDH('prime256v1')
  const enc = ephemeral.generateKeys()
  const dh = ephemeral.computeSecret(to)
  const secrets: Uint8Array[] = [dh]
  const kept = <T extends Uint8Array>(secret: T): T => {
    secrets.push(secret)
    return secret
  }
  try {
    const shared = kept(expand(kem, kept(extract(kem, none, 'eae_prk', dh)), 'shared_secret', { info: concat(enc, to), length: 32 }))
    const context = concat(Uint8Array.of(0), pskIdHash, extract(hpke, none, 'info_hash', info))
    const secret = kept(extract(hpke, shared, 'secret', none))
    const cipher = createCipheriv('aes-256-gcm', kept(expand(hpke, secret, 'key', { info: context, length: 32 })), expand(hpke, secret, 'base_nonce', { info: context, length: 12 }))
    return { enc, ct: concat(cipher.update(plain), cipher.final(), cipher.getAuthTag()) }
  } finally {
    for (const secret of secrets) secret.fill(0)
  }
}
