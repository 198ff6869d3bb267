import { nobleEd25519Suite } from '@symbolon/core/noble.ts'
import type { Secret } from '@symbolon/core/secret.ts'
import type { Suite } from '@symbolon/core/suite.ts'

/* `#platform` in browsers: noble and WebCrypto. */

/** Group arithmetic for clients. */
export const clientSuite: Suite = nobleEd25519Suite()

export interface Cipher {
  /** 32 bytes. */
  readonly key: Secret
  /** 12 bytes, never twice under one key. */
  readonly iv: Uint8Array
  readonly additional: Uint8Array
}

/** WebCrypto wants memory of its own. */
const buffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer

async function imported(key: Secret, use: 'encrypt' | 'decrypt') {
  // A copy, because what is borrowed may not outlive the call; wiped as soon as the browser has its own.
  const raw = key.borrow((bytes) => new Uint8Array(bytes))
  try {
    return await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, [use])
  } finally {
    raw.fill(0)
  }
}

const parameters = ({ iv, additional }: Cipher) => ({ name: 'AES-GCM', iv: buffer(iv), additionalData: buffer(additional), tagLength: 128 })

/** AES-256-GCM: ciphertext, then the tag of 16 bytes. */
export async function encrypt(cipher: Cipher, plain: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.encrypt(parameters(cipher), await imported(cipher.key, 'encrypt'), new Uint8Array(plain)))
}

/** @returns undefined for what was not closed under this key, iv and additional data */
export async function decrypt(cipher: Cipher, body: Uint8Array): Promise<Uint8Array | undefined> {
  if (body.length < 16) return undefined
  const key = await imported(cipher.key, 'decrypt')
  try {
    return new Uint8Array(await crypto.subtle.decrypt(parameters(cipher), key, new Uint8Array(body)))
  } catch (error) {
    if (error instanceof DOMException && error.name === 'OperationError') return undefined
    throw error
  }
}
