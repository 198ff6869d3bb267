import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { p256Jwk } from '@symbolon/protocol/fields.ts'
import { decodeJson } from '@symbolon/protocol/json.ts'
import type { P256Jwk } from '@symbolon/protocol/p256.ts'
import type { SecretFile } from '@symbolon/runtime/secret-file.ts'
import { SafeError } from '@symbolon/runtime/log.ts'

/** What replies for façades are sealed to. */
export interface ReceiveKey {
  readonly key: KeyObject
  readonly jwk: P256Jwk
}

const mostBytes = 4_096

/** PKCS#8 PEM or a JWK. @throws SafeError for anything but a P-256 key */
export function loadReceiveKey(file: SecretFile): ReceiveKey {
  const bytes = file.read()
  try {
    const key = bytes[0] === 0x7b ? createPrivateKey({ key: jwkIn(bytes), format: 'jwk' }) : createPrivateKey(bytes)
    const jwk = p256Jwk.safeParse(createPublicKey(key).export({ format: 'jwk' }))
    if (jwk.success) return { key, jwk: jwk.data }
  } catch (error) {
    // OpenSSL's words may quote what it read.
    if (!(error instanceof Error)) throw error
  } finally {
    bytes.fill(0)
  }
  throw new SafeError('receive_key_unreadable', `${file.path} is not a P-256 private key (PKCS#8 PEM, or a JWK)`)
}

function jwkIn(bytes: Uint8Array): Record<string, string> {
  const decoded = decodeJson(bytes, mostBytes)
  if (!decoded.ok) throw new TypeError('not JSON')
  return decoded.value as Record<string, string>
}

/** @throws SafeError where a roster names another, or none */
export function requireReceiveKey({ jwk }: ReceiveKey, named: P256Jwk | undefined): void {
  if (named === undefined) throw new SafeError('roster_unsound', 'the roster names no vault')
  if (named.x !== jwk.x || named.y !== jwk.y) throw new SafeError('receive_key_of_another', 'the receive key is not the one that the roster names')
}
