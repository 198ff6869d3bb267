import { z } from 'zod'
import { taggedHash, toBase64url, type Base64url } from './bytes.ts'
import { base64urlOf, digestText } from './fields.ts'
import { canonical } from './json.ts'
import { combine, secretType } from './label.ts'
import { limits } from './limits.ts'
import { versionNumber } from './record.ts'

/*
 * A ciphertext: a head, which signers see, and a body, which they do not. The body is AES-256-GCM under a data key; the head holds that key,
 * encrypted to the `vault` group key under the label (docs/specs/threshold-encryption.md), and its hash, since GCM does not commit to a key.
 */
export const ciphertextHead = z.strictObject({
  v: z.literal(1),
  suite: z.literal('TDH2-edwards25519-SHA512+AES-256-GCM'),
  /** `kid` and epoch of the `vault` group key. */
  group: digestText,
  epoch: z.int().min(1),
  label: z.strictObject({
    namespace: z.string().max(64),
    project: z.string().max(64),
    scope: z.string().max(64),
    environment: z.string().max(64),
    name: z.string().max(limits.pathLength),
    combine,
    version: versionNumber,
    type: secretType,
  }),
  /** TDH2: two points, two scalars, and the wrapped data key. */
  u: base64urlOf(32),
  u_bar: base64urlOf(32),
  e: base64urlOf(32),
  f: base64urlOf(32),
  wrapped: base64urlOf(32),
  /** Tagged hash of the data key. */
  key_hash: digestText,
  iv: base64urlOf(12),
  /** SHA-256 of the body, and its length in bytes. */
  body: digestText,
  size: z.int().min(16).max(limits.secretBodyBytes),
})
export type CiphertextHead = z.infer<typeof ciphertextHead>

/** What a record names. */
export const ciphertextDigest = (head: CiphertextHead): Base64url => toBase64url(taggedHash('ciphertext/v1', canonical(head)))
/** Of the 32 bytes of a data key. */
export const dataKeyHash = (key: Uint8Array): Base64url => toBase64url(taggedHash('data-key/v1', key))
