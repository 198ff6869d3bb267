import { closeSync, constants, fstatSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { digestText } from '@symbolon/protocol/fields.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import type { KeysetMemory } from '@symbolon/sdk/deployment.ts'
import { LocalFailure, systemWhy } from './failure.ts'
import type { Io } from './io.ts'

/* What this user's machine remembers: grants, and the newest keyset seen of each deployment. Files of 0600 under XDG's state folder. */

export const stateFolder = ({ env }: Pick<Io, 'env'>): string => join(env['XDG_STATE_HOME'] || join(env['HOME'] ?? '/nonexistent', '.local', 'state'), 'symbolon')

/** Whole or not at all, for its owner alone. */
export const writePrivate = (path: string, bytes: Uint8Array): void => place(path, bytes, (temporary) => renameSync(temporary, path))

/**
 * Whole or not at all, for its owner alone; of several that write at once, one.
 *
 * @returns false, and nothing written, if there is a file already
 */
export function createWholeFile(path: string, bytes: Uint8Array): boolean {
  let created = true
  place(path, bytes, (temporary) => {
    try {
      linkSync(temporary, path)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
      created = false
    }
  })
  return created
}

function place(path: string, bytes: Uint8Array, put: (temporary: string) => void): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const file = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600)
    try {
      writeFileSync(file, bytes)
      fsyncSync(file)
      put(temporary)
    } finally {
      closeSync(file)
      rmSync(temporary, { force: true })
    }
  } catch (error) {
    throw systemFailure(path, error, 'written')
  }
}

/** @returns false, and nothing written, if there is a file already */
export function createPrivateFile(path: string, text: string): boolean {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600)
    try {
      writeSync(file, text)
      fsyncSync(file)
      return true
    } finally {
      closeSync(file)
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw systemFailure(path, error, 'written')
  }
}

/** @returns undefined if there is none. The bytes are the caller's to wipe. @throws LocalFailure if others may read or write it */
export function readPrivate(path: string): Buffer | undefined {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const { mode, uid } = fstatSync(file)
      if ((mode & 0o077) !== 0 || (process.geteuid !== undefined && uid !== process.geteuid())) throw new LocalFailure(`${path} is open to others`, `its mode is ${(mode & 0o777).toString(8)}, its owner ${uid}`, `Remove it, and sign in again: symbolon login`)
      return readFileSync(file)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined
    throw systemFailure(path, error, 'read')
  }
}

/** A file that its platform wrote for this process: a kubelet decides its mode, but nobody else may have put words into it. @throws LocalFailure */
export function readShared(path: string): Buffer {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const { mode } = fstatSync(file)
      if ((mode & 0o022) !== 0) throw new LocalFailure(`${path} can be written by others`, `its mode is ${(mode & 0o777).toString(8)}`, `chmod go-w ${path}`)
      return readFileSync(file)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    throw systemFailure(path, error, 'read')
  }
}

export const removePrivate = (path: string): void => rmSync(path, { force: true })

const systemFailure = (path: string, error: unknown, verb: string): unknown => (error instanceof Error && 'code' in error ? new LocalFailure(`${path} cannot be ${verb}`, systemWhy(error.code), 'Check its folder, owner and mode.') : error)

const seenShape = z.strictObject({ v: z.literal(1), roster: z.int().min(1), digest: digestText })

/** An older keyset than the newest that was believed here is refused, so what cannot be read is not passed over. */
export function keysetMemory(io: Io): KeysetMemory {
  const path = (lineage: string) => join(stateFolder(io), 'keysets', `${lineage}.json`)
  return {
    seen: (lineage) => {
      const bytes = readPrivate(path(lineage))
      if (bytes === undefined) return undefined
      const decoded = decodeAs(seenShape, bytes, 1_024)
      if (!decoded.ok) throw new LocalFailure(`${path(lineage)} cannot be read`, 'it says which keyset was seen last', 'Remove it if you know why it is damaged.')
      return decoded.value
    },
    saw: (lineage, { roster, digest }) => {
      try {
        writePrivate(path(lineage), Buffer.from(`${JSON.stringify({ v: 1, roster, digest })}\n`))
      } catch (error) {
        // A job in a container may have no home: it can still mint, by the pin and the age of the signatures.
        if (!(error instanceof LocalFailure)) throw error
        io.err.write(`warning: which keyset was seen cannot be remembered (${error.what}: ${error.why})\n`)
      }
    },
  }
}
