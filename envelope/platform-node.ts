import { createCipheriv, createDecipheriv } from 'node:crypto'
import { heapMemory, type Secret } from '@symbolon/core/secret.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import type { Suite } from '@symbolon/core/suite.ts'

/* `#platform` in Node: libsodium and OpenSSL. Its twin for browsers does the same (`platform.test.ts`). */

/** Group arithmetic for clients. A process that keeps keys in locked memory brings a suite of its own. */
export const clientSuite: Suite = sodiumSuite(heapMemory)

export interface Cipher {
  /** 32 bytes. */
  readonly key: Secret
  /** 12 bytes, never twice under one key. */
  readonly iv: Uint8Array
  readonly additional: Uint8Array
}

/** AES-256-GCM: ciphertext, then the tag of 16 bytes. The key is borrowed, and copied nowhere but into OpenSSL's own context. */
export const encrypt = async ({ key, iv, additional }: Cipher, plain: Uint8Array): Promise<Uint8Array> =>
  key.borrow((bytes) => {
    const cipher = createCipheriv('aes-256-gcm', bytes, iv).setAAD(additional)
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  })

/** @returns undefined for what was not closed under this key, iv and additional data */
export const decrypt = async ({ key, iv, additional }: Cipher, body: Uint8Array): Promise<Uint8Array | undefined> => {
  if (body.length < 16) return undefined
  return key.borrow((bytes) => {
    const decipher = createDecipheriv('aes-256-gcm', bytes, iv, { authTagLength: 16 }).setAAD(additional).setAuthTag(body.subarray(-16))
    const plain = decipher.update(body.subarray(0, -16))
    try {
      decipher.final()
      return plain
    } catch (error) {
      plain.fill(0)
      // OpenSSL says no more of a wrong tag than this; a bug of ours carries a code.
      if (error instanceof Error && !('code' in error)) return undefined
      throw error
    }
  })
}
