import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { LocalFailure, systemWhy } from './failure.ts'

/* Files that hold a private key or another secret of the user's. */

/** @throws LocalFailure where there is none, or none that can be used */
export function keyIn(path: string): KeyObject {
  const pem = readSecret(path)
  try {
    return createPrivateKey(pem)
  } catch (error) {
    // OpenSSL's message may quote the file.
    if (error instanceof Error && 'code' in error) throw new LocalFailure(`${path} is no private key`, 'it is not an unencrypted PKCS#8 PEM', 'Make one with `openssl genpkey -algorithm ed25519`.')
    throw error
  } finally {
    pem.fill(0)
  }
}

/** A file that only its owner may read; the bytes are the caller's to wipe. */
export function readSecret(path: string): Buffer {
  try {
    const { mode } = statSync(path)
    if ((mode & 0o077) !== 0) throw new LocalFailure(`${path} is open to others`, `its mode is ${(mode & 0o777).toString(8)}`, `chmod 600 ${path}`)
    return readFileSync(path)
  } catch (error) {
    throw unreadable(path, error)
  }
}

export const readText = (path: string): string => readFile(path).toString('utf8')

export function readFile(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw unreadable(path, error)
  }
}

const unreadable = (path: string, error: unknown): unknown => (error instanceof Error && 'code' in error ? new LocalFailure(`${path} cannot be read`, systemWhy(error.code), 'Check the path, its owner and its mode.') : error)
