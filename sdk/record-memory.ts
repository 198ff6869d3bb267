import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { digestText } from '@symbolon/protocol/fields.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { pathDigest, type SecretPath } from '@symbolon/protocol/label.ts'
import { failed, ok, type Outcome } from './errors.ts'

/*
 * What this machine has seen of each secret's record, so that a vault that serves an older one is noticed even where it found signers that never
 * saw the newer one.
 */

export interface SeenRecord {
  readonly seq: number
  readonly digest: Base64url
}

export interface RecordMemory {
  seen(lineage: Base64url, path: SecretPath): Outcome<SeenRecord | undefined>
  /** Says nothing of whether it could be kept: what cannot be remembered is still verified. */
  saw(lineage: Base64url, path: SecretPath, seen: SeenRecord): void
}

/** For as long as the process lives. */
export function newRecordMemory(): RecordMemory {
  const known = new Map<string, SeenRecord>()
  return { seen: (lineage, path) => ok(known.get(`${lineage} ${path}`)), saw: (lineage, path, seen) => void known.set(`${lineage} ${path}`, seen) }
}

const kept = z.strictObject({ v: z.literal(1), seq: z.int().min(1), digest: digestText })

/**
 * A file of 0600 for each secret, named by a digest, so that the folder does not list secrets.
 *
 * @param folder for its owner alone, such as `$XDG_STATE_HOME/symbolon/records`
 * @param warn told once, if what was seen cannot be kept
 */
export function fileRecordMemory(folder: string, warn: (what: string) => void): RecordMemory {
  const fileOf = (lineage: string, path: string) => join(folder, lineage, `${pathDigest(path)}.json`)
  let warned = false
  return {
    seen(lineage, path) {
      const bytes = readIfThere(fileOf(lineage, path))
      if (!bytes.ok || bytes.value === undefined) return bytes.ok ? ok(undefined) : bytes
      const decoded = decodeAs(kept, bytes.value, 1_024)
      // Passing over it would be forgetting it.
      return decoded.ok ? ok({ seq: decoded.value.seq, digest: decoded.value.digest }) : failed('input_invalid', { detail: `${fileOf(lineage, path)} cannot be read: it says which record was seen last` })
    },
    saw(lineage, path, { seq, digest }) {
      try {
        replace(fileOf(lineage, path), `${JSON.stringify({ v: 1, seq, digest })}\n`)
      } catch (error) {
        if (!(error instanceof Error && 'code' in error)) throw error
        // A job in a container may have no home: it can still read, by what the quorum signed.
        if (!warned) warn(`which records were seen cannot be remembered in ${folder}: ${String(error.code)}`)
        warned = true
      }
    },
  }
}

function readIfThere(path: string): Outcome<Buffer | undefined> {
  try {
    return ok(readFileSync(path))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    return error.code === 'ENOENT' || error.code === 'ENOTDIR' ? ok(undefined) : failed('input_invalid', { detail: `${path} cannot be read: ${String(error.code)}` })
  }
}

/** Whole or not at all. */
function replace(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = `${path}.${randomBytes(6).toString('hex')}`
  writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' })
  renameSync(temporary, path)
}
