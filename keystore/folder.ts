import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/* Files that must be whole or absent, readable by their owner only. */

/** Creates the folder (0700) and those above it that are missing. */
export function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
}

/** Written beside, synced, renamed, and the rename synced: after a power cut the file is the old one or the new one. */
export function writeWhole(path: string, bytes: Uint8Array): void {
  const folder = dirname(path)
  makeFolder(folder)
  const beside = join(folder, `.${basename(path)}.${process.pid}`)
  const file = openSync(beside, 'w', 0o600)
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(beside, path)
  syncFolder(folder)
}

/** Makes renames and removals in `path` durable. */
export function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/** @returns undefined if there is no such file, or it is larger than `maxBytes`, or not a regular file. */
export function readBounded(path: string, maxBytes: number): Uint8Array | undefined {
  if (!existsSync(path)) return undefined
  const stat = statSync(path)
  return stat.isFile() && stat.size <= maxBytes ? new Uint8Array(readFileSync(path)) : undefined
}
