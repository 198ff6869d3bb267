import { heapMemory } from '@symbolon/core/secret.ts'
import { concat, sha256, utf8 } from '@symbolon/protocol/bytes.ts'
import { decrypt } from '#platform'

/*
 * HPKE (RFC 9180) in base mode, opening one message: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, no additional data. The key agreement is
 * WebCrypto's, so a key that cannot be exported will do. What follows it is two dozen hashes: through WebCrypto each would be a promise, and
 * together they would cost several times the arithmetic, at every reading.
 */

/** Sections 7.1 to 7.3: KEM 0x0010; KDF 0x0001, AEAD 0x0002. */
const kem = concat(utf8('KEM'), Uint8Array.of(0x00, 0x10))
const hpke = concat(utf8('HPKE'), Uint8Array.of(0x00, 0x10, 0x00, 0x01, 0x00, 0x02))
const version = utf8('HPKE-v1')
const none = new Uint8Array()
const curve = { name: 'ECDH', namedCurve: 'P-256' } as const

/** WebCrypto's; its name is one of browsers' types. */
type CryptoKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>

/** P-256, for ECDH. */
export interface ReplyPair {
  /** With the usage `deriveBits`. */
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
}

/** Whoever derives from a secret takes it into `secrets`, which are wiped at the end. */
type Kept = (secret: Uint8Array) => Uint8Array

/** RFC 2104, with keys of at most one block. */
function hmac(kept: Kept, key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const keyed = (pad: number, ...rest: readonly Uint8Array[]) => {
    const block = kept(concat(new Uint8Array(64).fill(pad), ...rest))
    key.forEach((byte, at) => (block[at] = byte ^ pad))
    return block
  }
  return kept(sha256(keyed(0x5c, kept(sha256(keyed(0x36, ...parts))))))
}

interface Deriving {
  readonly kept: Kept
  readonly suite: Uint8Array
}

/** Section 4. */
const extract = ({ kept, suite }: Deriving, salt: Uint8Array, label: string, ikm: Uint8Array): Uint8Array => hmac(kept, salt, version, suite, utf8(label), ikm)
/** Section 4, of at most 32 bytes: one block of HKDF-Expand. */
const expand = ({ kept, suite }: Deriving, key: Uint8Array, label: string, { info, length }: { readonly info: Uint8Array; readonly length: number }): Uint8Array =>
  hmac(kept, key, Uint8Array.of(0, length), version, suite, utf8(label), info, Uint8Array.of(1)).subarray(0, length)

/** Section 4.1. @returns undefined for what is no point of the curve */
async function agree({ privateKey }: ReplyPair, enc: Uint8Array): Promise<Uint8Array | undefined> {
  const theirs = await pointOf(enc)
  return theirs === undefined ? undefined : new Uint8Array(await crypto.subtle.deriveBits({ name: 'ECDH', public: theirs }, privateKey, 256))
}

async function pointOf(enc: Uint8Array): Promise<CryptoKey | undefined> {
  // WebCrypto would take the compressed form as well; RFC 9180 has one form (section 7.1.1).
  if (enc.length !== 65 || enc[0] !== 4) return undefined
  try {
    return await crypto.subtle.importKey('raw', new Uint8Array(enc), curve, true, [])
  } catch (error) {
    if (error instanceof DOMException && error.name === 'DataError') return undefined
    throw error
  }
}

export interface Sealed {
  readonly enc: Uint8Array
  readonly ct: Uint8Array
}

/**
 * @param own the public key's 65 bytes
 * @returns undefined for what was not sealed to this key for this info; else what the caller wipes
 */
export async function openSealed({ enc, ct }: Sealed, { pair, own }: { readonly pair: ReplyPair; readonly own: Uint8Array }, info: Uint8Array): Promise<Uint8Array | undefined> {
  const dh = await agree(pair, enc)
  if (dh === undefined) return undefined
  const secrets: Uint8Array[] = [dh]
  const kept: Kept = (secret) => {
    secrets.push(secret)
    return secret
  }
  using key = heapMemory.take(32)
  const iv = new Uint8Array(12)
  try {
    const ofKem = { kept, suite: kem }
    const of = { kept, suite: hpke }
    const shared = expand(ofKem, extract(ofKem, none, 'eae_prk', dh), 'shared_secret', { info: concat(enc, own), length: 32 })
    const context = concat(Uint8Array.of(0), extract(of, none, 'psk_id_hash', none), extract(of, none, 'info_hash', info))
    const secret = extract(of, shared, 'secret', none)
    key.borrow((bytes) => bytes.set(expand(of, secret, 'key', { info: context, length: 32 })))
    iv.set(expand(of, secret, 'base_nonce', { info: context, length: 12 }))
  } finally {
    for (const secret of secrets) secret.fill(0)
  }
  return await decrypt({ key, iv, additional: none }, ct)
}
