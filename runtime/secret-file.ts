import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { inspect } from 'node:util'

/** Why a file may not be used as a secret. */
export type SecretProblem = { readonly code: SecretProblemCode; readonly message: string }
export type SecretProblemCode = 'secret_missing' | 'secret_not_a_file' | 'secret_not_private' | 'secret_empty' | 'secret_too_large'

const maxSecretBytes = 64 * 1024

/**
 * A secret that rests in a file. Carries the path only: the bytes exist from `read()` until its caller wipes them, and neither
 * JSON nor inspection shows more than that there is a secret.
 */
export class SecretFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** The bytes, in a buffer of their own that the caller wipes. Throws if the file is no longer fit: it was when config was loaded. */
  read(): Buffer {
    const found = readSecret(this.path)
    if (!found.ok) throw new Error(`${this.path}: ${found.problem.code}`)
    return found.bytes
  }

  toJSON(): string {
    return '[secret file]'
  }

  [inspect.custom](): string {
    return '[secret file]'
  }
}

/** Whether the file may serve as a secret: a regular file, of this user (or root), closed to group and others, neither empty nor huge. */
export function checkSecret(path: string): SecretProblem | undefined {
  const found = readSecret(path)
  if (!found.ok) return found.problem
  found.bytes.fill(0)
  return undefined
}

type Found = { readonly ok: true; readonly bytes: Buffer } | { readonly ok: false; readonly problem: SecretProblem }

const refuse = (code: SecretProblemCode, message: string): Found => ({ ok: false, problem: { code, message } })

// Opened once and judged by descriptor, so that the file that was checked is the file that is read.
function readSecret(path: string): Found {
  let descriptor: number
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    return refuse('secret_missing', `cannot be opened (${systemCode(error)})`)
  }
  try {
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) return refuse('secret_not_a_file', 'is not a regular file')
    if ((stat.mode & 0o077) !== 0) return refuse('secret_not_private', `has mode ${(stat.mode & 0o777).toString(8)}; must be 600 or 400`)
    if (!isOurs(stat.uid)) return refuse('secret_not_private', `belongs to user ${stat.uid}, not to the one that runs this process`)
    if (stat.size === 0) return refuse('secret_empty', 'is empty')
    if (stat.size > maxSecretBytes) return refuse('secret_too_large', `is larger than ${maxSecretBytes} bytes`)
    // Never from the shared pool: its neighbours would hold a copy after ours is wiped.
    const bytes = Buffer.alloc(stat.size)
    return { ok: true, bytes: bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, 0)) }
  } finally {
    closeSync(descriptor)
  }
}

// Root's files are as good as ours: whoever is root needs no file of ours.
const isOurs = (uid: number): boolean => uid === 0 || uid === process.geteuid?.()

/** The `code` of a failed system call (`ENOENT`), or the name of another error. Never its message, which may quote input. */
export function systemCode(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.name : 'unknown'
}
