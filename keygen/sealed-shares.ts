import type { webcrypto } from 'node:crypto'
import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256, HpkeError } from '@hpke/core'
import type { Memory, Secret } from '@symbolon/core/secret.ts'
import { bytesOf, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { ceremonyContext, type BodyOf } from '@symbolon/protocol/ceremony.ts'
import { decodePoint, jwkOfPoint, pointOfJwk, type P256Jwk } from '@symbolon/protocol/p256.ts'
import { purposes } from '@symbolon/protocol/purpose.ts'

/*
 * Dealt shares on their way: HPKE base mode (RFC 9180) with P-256, HKDF-SHA256, AES-256-GCM, to a key that each member makes for this
 * session only. With it gone, what was recorded stays closed, even to who later holds the member's device; and to complain, a member
 * discloses it, so that everybody can open what the dealer sealed.
 */
const suite = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
const shareBytes = 32

export type SessionKey = { readonly jwk: P256Jwk; readonly pair: webcrypto.CryptoKeyPair }
type SealedShares = BodyOf<'deal'>['shares'][number]
/** Names exactly one envelope: nobody can pass it on as somebody else's, or to somebody else (SEC-15). */
export interface Envelope {
  readonly session: Base64url
  readonly dealer: number
  readonly receiver: number
}

const infoOf = ({ session, dealer, receiver }: Envelope): ArrayBuffer => arrayBuffer(ceremonyContext('deal', session, [String(dealer), String(receiver)]))
/** WebCrypto wants memory of its own. */
const arrayBuffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer

export async function makeSessionKey(): Promise<SessionKey> {
  const pair = await suite.kem.generateKeyPair()
  const point = decodePoint(new Uint8Array(await suite.kem.serializePublicKey(pair.publicKey)))
  if (point === undefined) throw new Error('WebCrypto made a key that is not on its curve')
  return { jwk: jwkOfPoint(point), pair }
}

/** The private half, for a complaint: 32 bytes that are public from here on. */
export const disclose = async (key: SessionKey): Promise<Base64url> => toBase64url(new Uint8Array(await suite.kem.serializePrivateKey(key.pair.privateKey)))

/** The disclosed key, if it is the private half of `jwk`. */
export async function disclosed(jwk: P256Jwk, key: Base64url): Promise<SessionKey | undefined> {
  const point = pointOfJwk(jwk)
  if (point === undefined) return undefined
  try {
    const privateKey = await crypto.subtle.importKey('jwk', { ...jwk, d: key, ext: true }, { name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits'])
    return { jwk, pair: { privateKey, publicKey: await suite.kem.deserializePublicKey(point) } }
  } catch (error) {
    // WebCrypto compares the halves: a key that is not the private half of `jwk` is a DataError.
    if (error instanceof DOMException) return undefined
    throw error
  }
}

/** @param shares one for each purpose, in order; they stay the caller's to wipe */
export async function sealShares(to: P256Jwk, envelope: Envelope, shares: readonly Secret[]): Promise<SealedShares> {
  const point = pointOfJwk(to)
  if (point === undefined) throw new Error('session keys are checked when they are accepted')
  const plain = new Uint8Array(purposes.length * shareBytes)
  try {
    shares.forEach((share, at) => share.borrow((bytes) => plain.set(bytes, at * shareBytes)))
    const { enc, ct } = await suite.seal({ recipientPublicKey: await suite.kem.deserializePublicKey(point), info: infoOf(envelope) }, plain.buffer)
    return { to: envelope.receiver, enc: toBase64url(new Uint8Array(enc)), ciphertext: toBase64url(new Uint8Array(ct)) }
  } finally {
    plain.fill(0)
  }
}

/** One share for each purpose, the caller's to wipe; undefined if this key does not open it as this envelope. */
export async function openShares(key: SessionKey, envelope: Envelope, sealed: Pick<SealedShares, 'enc' | 'ciphertext'>, memory: Memory): Promise<Secret[] | undefined> {
  try {
    const [enc, ciphertext] = [arrayBuffer(bytesOf(sealed.enc)), arrayBuffer(bytesOf(sealed.ciphertext))]
    const plain = new Uint8Array(await suite.open({ recipientKey: key.pair, enc, info: infoOf(envelope) }, ciphertext))
    const shares = purposes.map((_, at) => {
      const share = memory.take(shareBytes)
      share.borrow((bytes) => bytes.set(plain.subarray(at * shareBytes, (at + 1) * shareBytes)))
      return share
    })
    plain.fill(0)
    return shares
  } catch (error) {
    if (error instanceof HpkeError) return undefined
    throw error
  }
}
