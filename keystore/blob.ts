import { createCipheriv, createDecipheriv, createECDH, hkdfSync, type ECDH } from 'node:crypto'
import { z } from 'zod'
import { fail, ok } from '@symbolon/core/errors.ts'
import type { Memory, Secret } from '@symbolon/core/secret.ts'
import { bytesOf, concat, equalBytes, lengthPrefixed, sha256, tagged, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import { base64urlOf, base64urlUpTo, digestText } from '@symbolon/protocol/fields.ts'
import { canonical, decodeCanonical } from '@symbolon/protocol/json.ts'
import { decodePoint, pointOfJwk, type P256Jwk, type P256Point } from '@symbolon/protocol/p256.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { keystoreError } from './errors.ts'
import { sealHeader, type KeystoreResult, type SealHeader, type SealedBlob } from './keystore.ts'

/*
 * Profile p256-ecdh-v1: an ephemeral P-256 key agrees with the device's key, HKDF-SHA256 (RFC 5869) gives key and nonce, AES-256-GCM
 * seals. Sealing needs no device; opening needs one ECDH in it. Anyone who knows the device's public key can make a blob, so
 * what comes out is believed only after comparison with a public key (s·G with the roster's verifying share).
 */
const profile = 'p256-ecdh-v1'
const maxSecretBytes = 64
const tagBytes = 16

const blobSchema = z.strictObject({
  v: z.literal(1),
  profile: z.literal(profile),
  /** RFC 7638 thumbprint of the device key that opens it. */
  key: digestText,
  header: sealHeader,
  /** 0x04 ‖ X ‖ Y. */
  ephemeral: base64urlOf(65),
  /** AES-256-GCM, tag at the end. */
  ciphertext: base64urlUpTo(maxSecretBytes + tagBytes),
})
export const blobBytesLimit = 2_048

/** What the AEAD key depends on besides the agreed secret, and what the AEAD authenticates: everything but the ciphertext. */
const boundBytes = (key: Base64url, header: SealHeader, ephemeral: Uint8Array): Uint8Array =>
  tagged('seal/v1', lengthPrefixed(utf8(profile)), lengthPrefixed(utf8(key)), lengthPrefixed(ephemeral), lengthPrefixed(canonical(header)))

/** Key and nonce of one blob. A fresh ephemeral per blob makes the pair unique, so the nonce need not be stored. */
function withAead<T>(agreed: Secret, bound: Uint8Array, use: (key: Uint8Array, nonce: Uint8Array) => T): T {
  const okm = new Uint8Array(agreed.borrow((ikm) => hkdfSync('sha256', ikm, new Uint8Array(), sha256(bound), 44)))
  try {
    return use(okm.subarray(0, 32), okm.subarray(32))
  } finally {
    okm.fill(0)
  }
}

/** Node computes the agreement into ordinary memory; it is moved into `memory` and wiped there at once. */
export function agree(ecdh: ECDH, point: P256Point, memory: Memory): Secret {
  const x = ecdh.computeSecret(point)
  const secret = memory.take(32)
  secret.borrow((bytes) => bytes.set(x))
  x.fill(0)
  return secret
}

/** @param options.ephemeral a fresh key pair, used for this blob only; drawn here if absent */
export function sealBlob(options: { sealing: P256Jwk; header: SealHeader; secret: Secret; memory: Memory; ephemeral?: ECDH }): KeystoreResult<SealedBlob> {
  const { sealing, header, secret, memory, ephemeral: ecdh = drawEphemeral() } = options
  const point = pointOfJwk(sealing)
  if (point === undefined) return fail(keystoreError('point_refused', 'sealing key'))
  if (secret.length === 0 || secret.length > maxSecretBytes) return fail(keystoreError('secret_too_long', `${secret.length} bytes`))
  const ephemeral = ecdh.getPublicKey()
  const key = thumbprint(sealing)
  const bound = boundBytes(key, header, ephemeral)
  using agreed = agree(ecdh, point, memory)
  const ciphertext = withAead(agreed, bound, (aeadKey, nonce) => {
    const cipher = createCipheriv('aes-256-gcm', aeadKey, nonce)
    cipher.setAAD(bound)
    return secret.borrow((bytes) => concat(cipher.update(bytes), cipher.final(), cipher.getAuthTag()))
  })
  return ok(canonical({ v: 1, profile, key, header, ephemeral: toBase64url(ephemeral), ciphertext: toBase64url(ciphertext) }) as SealedBlob)
}

// A raw point whose X starts with 0x3F can be misread as DER by some tokens. Such a blob must open; making one is avoided.
function drawEphemeral(): ECDH {
  const ecdh = createECDH('prime256v1')
  while (ecdh.generateKeys()[1] === 0x3f);
  return ecdh
}

type Opened = { readonly point: P256Point; open(agreed: Secret): KeystoreResult<Secret> }

/**
 * Everything that can be refused without the device, in the order in which a wrong file shows: not a blob, another device's,
 * another header's. Then `open`, with what the device derived from `point`.
 */
export function readBlob(options: { sealing: P256Jwk; header: SealHeader; blob: Uint8Array; memory: Memory }): KeystoreResult<Opened> {
  const { sealing, header, memory } = options
  const decoded = decodeCanonical(blobSchema, options.blob, blobBytesLimit)
  if (!decoded.ok) return fail(keystoreError('blob_malformed', decoded.reason))
  const blob = decoded.value
  const key = thumbprint(sealing)
  if (blob.key !== key) return fail(keystoreError('blob_other_key', blob.key))
  if (!equalBytes(canonical(blob.header), canonical(header))) return fail(keystoreError('blob_other_header', differing(blob.header, header)))
  const point = decodePoint(bytesOf(blob.ephemeral))
  if (point === undefined) return fail(keystoreError('point_refused', 'ephemeral'))
  const sealed = bytesOf(blob.ciphertext)
  return ok({ point, open: (agreed) => openAead({ agreed, bound: boundBytes(key, header, point), sealed, memory }) })
}

const differing = (found: SealHeader, wanted: SealHeader): string =>
  Object.entries(wanted).filter(([name, value]) => (found as Record<string, unknown>)[name] !== value).map(([name]) => name).join(' ') || 'kind'

function openAead({ agreed, bound, sealed, memory }: { agreed: Secret; bound: Uint8Array; sealed: Uint8Array; memory: Memory }): KeystoreResult<Secret> {
  const length = sealed.length - tagBytes
  if (length < 1) return fail(keystoreError('blob_malformed', 'ciphertext'))
  return withAead(agreed, bound, (aeadKey, nonce) => {
    const decipher = createDecipheriv('aes-256-gcm', aeadKey, nonce, { authTagLength: tagBytes })
    decipher.setAAD(bound)
    decipher.setAuthTag(sealed.subarray(length))
    const plain = decipher.update(sealed.subarray(0, length))
    try {
      if (!verified(decipher)) return fail(keystoreError('blob_forged', 'tag'))
      const secret = memory.take(length)
      secret.borrow((bytes) => bytes.set(plain))
      return ok(secret)
    } finally {
      plain.fill(0)
    }
  })
}

/** Node reports a wrong tag only by throwing from `final`. */
function verified(decipher: { final(): Buffer }): boolean {
  try {
    decipher.final()
    return true
  } catch (error) {
    if (error instanceof Error && error.message.includes('unable to authenticate')) return false
    throw error
  }
}
