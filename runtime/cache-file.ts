import { closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs'
import { systemCode } from './secret-file.ts'

/** What is remembered between two lives and would be fetched again if it were lost. Whoever reads it checks it like anything from outside. */
export interface CacheFile {
  /** @returns undefined if there is none, or none that can be read; `problem` says why, unless it is simply not there */
  read(): { readonly bytes: Uint8Array | undefined; readonly problem?: string }
  /** Whole or not at all. @returns why not */
  write(bytes: Uint8Array): string | undefined
}

export function openCacheFile(path: string, maxBytes: number): CacheFile {
  return {
    read() {
      try {
        if (statSync(path).size > maxBytes) return { bytes: undefined, problem: 'too_large' }
        return { bytes: readFileSync(path) }
      } catch (error) {
        const code = systemCode(error)
        return code === 'ENOENT' ? { bytes: undefined } : { bytes: undefined, problem: code }
      }
    },
    write(bytes) {
      try {
        writeDurably(`${path}.new`, bytes)
        renameSync(`${path}.new`, path)
        return undefined
      } catch (error) {
        return systemCode(error)
      }
    },
  }
}

function writeDurably(path: string, bytes: Uint8Array): void {
  const descriptor = openSync(path, 'w', 0o600)
  try {
    writeSync(descriptor, bytes)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
