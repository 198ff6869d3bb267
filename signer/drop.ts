import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { book as bookSchema, bookLimit } from '@symbolon/protocol/book.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { readBounded } from '@symbolon/keystore/folder.ts'
import type { Logger } from '@symbolon/runtime/log.ts'
import type { Adopt } from './book.ts'

/**
 * What an operator puts into the state folder as `book-to-adopt.json` is taken in as if a peer had shown it: for a signer that can hear nobody.
 * The file is renamed, so that it is read once and its fate can be seen.
 */
export async function takeDrop({ folder, adopt, log }: { readonly folder: string; readonly adopt: Adopt; readonly log: Pick<Logger, 'warn' | 'error'> }): Promise<void> {
  const path = join(folder, 'book-to-adopt.json')
  if (!existsSync(path)) return
  const taken = `${path}.taken`
  renameSync(path, taken)
  const part = decodeAs(bookSchema, readBounded(taken, bookLimit) ?? new Uint8Array(), bookLimit)
  if (!part.ok) {
    renameSync(taken, `${path}.refused`)
    return log.error({ event: 'book_dropped', result: 'malformed', reason: part.reason }, 'a book in a file')
  }
  const reply = await adopt(part.value, { by: 'the operator' })
  if (reply.result !== 'adopted') renameSync(taken, `${path}.refused`)
  log.warn({ event: 'book_dropped', ...reply }, 'a book in a file')
}
