import type { Secret } from '@symbolon/core/secret.ts'
import type { P256Jwk, P256Point } from '@symbolon/protocol/p256.ts'
import type { Backend, KeystoreResult } from './keystore.ts'

/** What every backend must do; the rest of a keystore is the same for all. Two P-256 keys that cannot be read out. */
export interface Device {
  readonly backend: Backend
  readonly warning?: string
  /** Signs only. */
  readonly identity: P256Jwk
  /** Agrees only: what blobs are sealed to. */
  readonly sealing: P256Jwk
  /** ECDSA by the identity key over SHA-256 of `bytes`: r ‖ s, 64 bytes. */
  sign(bytes: Uint8Array): Promise<KeystoreResult<Uint8Array>>
  /** X of (sealing key · point), 32 bytes in locked memory, the caller's to wipe (SP 800-56A, 5.7.1.2; CKD_NULL). */
  derive(point: P256Point): Promise<KeystoreResult<Secret>>
  close(): Promise<void>
}
