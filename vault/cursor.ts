import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { taggedHash, utf8 } from '@symbolon/protocol/bytes.ts'
import { canonical } from '@symbolon/protocol/json.ts'

/** What a cursor goes on with: another's, or another question's, does not open. */
export interface Question {
  readonly kind: 'list' | 'history' | 'export'
  readonly principal: string
  readonly prefix: string
  readonly recursive?: boolean
  readonly search?: string | undefined
}

/**
 * Where a listing goes on. Sealed, not only authenticated (AES-256-GCM): the place may be the name of a secret that its bearer may not see. It grants
 * nothing: each row is judged anew.
 */
export interface Cursors {
  seal(question: Question, place: string): string
  /** @returns undefined for a forged one, or one of another question */
  open(question: Question, cursor: string): string | undefined
}

const nonceBytes = 12
const tagBytes = 16

/** @param key 32 bytes, the same in every process of this kind */
export function openCursors(key: Uint8Array): Cursors {
  return {
    seal(question, place) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(boundTo(question))
      return Buffer.concat([nonce, cipher.update(utf8(place)), cipher.final(), cipher.getAuthTag()]).toString('base64url')
    },
    open(question, cursor) {
      const bytes = Buffer.from(cursor, 'base64url')
      if (bytes.length <= nonceBytes + tagBytes || bytes.toString('base64url') !== cursor) return undefined
      const cipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes)).setAAD(boundTo(question)).setAuthTag(bytes.subarray(-tagBytes))
      const place = cipher.update(bytes.subarray(nonceBytes, -tagBytes))
      try {
        return Buffer.concat([place, cipher.final()]).toString('utf8')
      } catch (error) {
        // What OpenSSL says of a tag that does not fit.
        if (error instanceof Error && error.message.includes('authenticate')) return undefined
        throw error
      }
    },
  }
}

const boundTo = ({ kind, principal, prefix, recursive = false, search = '' }: Question): Uint8Array => taggedHash('vault-cursor/v1', canonical({ kind, principal, prefix, recursive, search }))
