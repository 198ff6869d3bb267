import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { IssuerRow } from './issuer-keys.ts'
import type { Logger } from './log.ts'
import { systemCode } from './secret-file.ts'

/** A document as it came, and when (seconds since 1970). */
export type StoredDocument = { readonly at: number; readonly document: Uint8Array }

/** One file per row. The name is a hash of all that the row says about fetching: a changed row finds no file of its former self. */
export type KeyFiles = {
  readonly directory: string
  nameOf(row: IssuerRow): string
  read(row: IssuerRow): StoredDocument | undefined
  write(row: IssuerRow, stored: StoredDocument): void
}

const stored = z.strictObject({ v: z.literal(1), at: z.int().min(0), document: z.base64().max(512 * 1024) })

export function openKeyFiles(directory: string, log: Logger): KeyFiles {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const pathOf = (row: IssuerRow) => join(directory, nameOf(row))
  return {
    directory,
    nameOf,
    read(row) {
      try {
        const { at, document } = stored.parse(JSON.parse(readFileSync(pathOf(row), 'utf8')))
        return { at, document: Buffer.from(document, 'base64') }
      } catch (error) {
        // No file yet, or one that cannot be read: a cache may be lost. Whatever it holds, the parser judges it like any document.
        if (systemCode(error) !== 'ENOENT') log.warn({ issuer: row.id, reason: systemCode(error) }, 'stored keys of an issuer are unreadable and will be fetched again')
        return undefined
      }
    },
    write(row, { at, document }) {
      const fresh = `${pathOf(row)}.new`
      try {
        writeFileSync(fresh, JSON.stringify({ v: 1, at, document: Buffer.from(document).toString('base64') }), { mode: 0o600 })
        renameSync(fresh, pathOf(row))
      } catch (error) {
        // The keys are good without their copy on disk; only a restart during an outage of the issuer would miss it.
        log.warn({ issuer: row.id, reason: systemCode(error) }, 'keys of an issuer could not be stored')
      }
    },
  }
}

/** Removes what belongs to no row. */
export function dropFiles({ directory, nameOf: name }: KeyFiles, rows: readonly IssuerRow[]): void {
  const kept = new Set(rows.map(name))
  for (const file of readdirSync(directory)) if (!kept.has(file)) rmSync(join(directory, file), { force: true })
}

const nameOf = ({ id, issuer, jwks_uri, ca, allowed_addresses }: IssuerRow): string =>
  `${createHash('sha256').update(JSON.stringify([id, issuer, jwks_uri, ca ?? null, allowed_addresses ?? null])).digest('hex')}.json`
