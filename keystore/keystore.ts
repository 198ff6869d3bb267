import { z } from 'zod'
import type { Result } from '@symbolon/core/errors.ts'
import type { Secret } from '@symbolon/core/secret.ts'
import type { Brand } from '@symbolon/protocol/bytes.ts'
import { digestText, signerId } from '@symbolon/protocol/fields.ts'
import type { P256Jwk } from '@symbolon/protocol/p256.ts'
import { purpose } from '@symbolon/protocol/purpose.ts'
import type { KeystoreError } from './errors.ts'

/* How a share rests: one interface, and behind it a device that holds two P-256 keys which never leave it. */

/** What a sealed blob is bound to. All of it is additional data of the AEAD, so a blob opens only as what it was sealed as. */
export const sealHeader = z.discriminatedUnion('kind', [
  /** A share of a group key. `group`: SHA-256 of the group's public key. `plan`: digest of the ceremony's plan. */
  z.strictObject({ kind: z.literal('share'), signer: signerId, purpose, epoch: z.int().min(1), group: digestText, plan: digestText }),
  /** The receive key. `key`: RFC 7638 thumbprint of its public half. */
  z.strictObject({ kind: z.literal('hpke'), signer: signerId, key: digestText }),
])
export type SealHeader = z.infer<typeof sealHeader>

/** Canonical JSON, strictly decoded; see `blob.ts`. Worth nothing without the device. */
export type SealedBlob = Brand<Uint8Array, 'SealedBlob'>

export type KeystoreResult<T> = Result<T, KeystoreError>

/** One signer's keystore, open. */
export interface Keystore {
  readonly signer: number
  readonly backend: Backend
  /** What must be said at every start, if this backend is not for production. */
  readonly warning?: string
  /** Signs boot keys, keysets and certificates; stays in the device. */
  readonly identity: P256Jwk
  /** Public half of the receive key: what is sealed to this signer (RFC 9180, P-256). */
  readonly hpke: P256Jwk
  /** ECDSA over SHA-256 of `bytes` by the identity key: r ‖ s, 64 bytes. */
  sign(bytes: Uint8Array): Promise<KeystoreResult<Uint8Array>>
  /** Seals up to 64 bytes to the device. The secret stays the caller's to wipe. */
  seal(header: SealHeader, secret: Secret): Promise<KeystoreResult<SealedBlob>>
  /** Opens what was sealed under this very header; the secret is the caller's to wipe. */
  unseal(header: SealHeader, blob: Uint8Array): Promise<KeystoreResult<Secret>>
  /** The receive key's private scalar, 32 bytes, checked against `hpke`; the caller's to wipe. */
  receiveKey(): Promise<KeystoreResult<Secret>>
  close(): Promise<void>
}

export type Backend = 'file' | 'pkcs11' | 'memory'
