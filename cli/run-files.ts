import { spawnSync } from 'node:child_process'
import { closeSync, constants, lstatSync, mkdtempSync, openSync, readdirSync, readlinkSync, renameSync, rmSync, statfsSync, statSync, symlinkSync, unlinkSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { LocalFailure } from './failure.ts'
import type { Io } from './io.ts'

/*
 * Secrets as files for a child: 0600 in a folder of 0700, in memory where there is such a file system. Where a file is wanted elsewhere,
 * a link stands there. With a limit of reads each is a pipe that is made anew for every reader, so nobody gets it twice.
 */

const tmpfs = 0x01021994
const foldersOfOurs = /^symbolon-run-([0-9]+)-/
/** How often a pipe is looked at for its next reader. */
const lookMs = 50

export interface SecretFiles {
  /** @returns where it is @throws LocalFailure */
  put(content: string | Uint8Array, target: string | undefined): string
  /** Replaces what `put` gave at that place, in its order. */
  update(at: number, content: string | Uint8Array): void
  /** Removes everything. */
  close(): void
}

/** @param reads of each file; undefined: any number */
export function openSecretFiles(io: Io, reads: number | undefined): SecretFiles {
  const base = baseFolder(io)
  sweep(base)
  const folder = mkdtempSync(join(base, `symbolon-run-${process.pid}-`))
  const kept: { readonly path: string; readonly pipe?: LimitedPipe }[] = []
  const links: { readonly target: string; readonly path: string }[] = []
  return {
    put: (content, target) => {
      const path = join(folder, `${kept.length}-${target === undefined ? 'secret' : basename(target)}`)
      if (reads === undefined) {
        writeWhole(path, content)
        kept.push({ path })
      } else kept.push({ path, pipe: limitedPipe(path, content, reads) })
      if (target !== undefined) {
        link(path, target)
        links.push({ target, path })
      }
      return path
    },
    update: (at, content) => {
      const found = kept[at]
      if (found === undefined) return
      if (found.pipe === undefined) writeWhole(found.path, content)
      else found.pipe.update(content)
    },
    close: () => {
      for (const { pipe } of kept) pipe?.close()
      for (const { target, path } of links) unlink(target, path)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function baseFolder({ env, err }: Io): string {
  const inMemory = [env['XDG_RUNTIME_DIR'], '/dev/shm'].find((folder) => folder !== undefined && folder !== '' && isInMemory(folder))
  if (inMemory !== undefined) return inMemory
  err.write(`warning: there is no file system in memory here; secrets are files in ${tmpdir()} until the command ends\n`)
  return tmpdir()
}

function isInMemory(folder: string): boolean {
  try {
    const { uid, mode } = statSync(folder)
    const ours = uid === process.geteuid?.() || (mode & 0o1000) !== 0
    return ours && statfsSync(folder).type === tmpfs
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false
    throw error
  }
}

/** What a run that was killed left behind. */
function sweep(base: string): void {
  for (const name of readdirSync(base)) {
    const pid = Number(foldersOfOurs.exec(name)?.[1] ?? Number.NaN)
    const path = join(base, name)
    if (Number.isInteger(pid) && !isAlive(pid) && lstatSync(path, { throwIfNoEntry: false })?.uid === process.geteuid?.()) rmSync(path, { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error) return error.code === 'EPERM'
    throw error
  }
}

function writeWhole(path: string, content: string | Uint8Array): void {
  const temporary = `${path}.new`
  const file = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600)
  const bytes = Buffer.from(content)
  try {
    writeFileSync(file, bytes)
  } finally {
    closeSync(file)
    bytes.fill(0)
  }
  renameSync(temporary, path)
}

function link(path: string, target: string): void {
  try {
    symlinkSync(path, target)
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw new LocalFailure(`${target} cannot be made`, error.code === 'EEXIST' ? 'there is something already, and it would be overwritten' : String(error.code), 'Name a file that does not exist, in a folder that does.')
    throw error
  }
}

function unlink(target: string, path: string): void {
  try {
    if (readlinkSync(target) === path) unlinkSync(target)
  } catch (error) {
    // Whoever put something else there keeps it.
    if (!(error instanceof Error && 'code' in error && ['ENOENT', 'EINVAL', 'ENOTDIR'].includes(String(error.code)))) throw error
  }
}

interface LimitedPipe {
  update(content: string | Uint8Array): void
  close(): void
}

function limitedPipe(path: string, first: string | Uint8Array, reads: number): LimitedPipe {
  let content = first
  let left = reads
  let open: { readonly file: number; readonly bytes: Buffer; at: number } | undefined
  const make = (): void => {
    const made = spawnSync('mkfifo', ['-m', '600', path], { stdio: 'ignore' })
    if (made.status !== 0) throw new LocalFailure('Reads cannot be limited here', 'mkfifo makes no pipe', 'Leave --reads out.')
  }
  const look = (): void => {
    open ??= reader()
    if (open === undefined) return
    if (!pass(open)) return
    closeSync(open.file)
    open.bytes.fill(0)
    open = undefined
    if (left === 0) clearInterval(timer)
  }
  const reader = () => {
    if (left === 0) return undefined
    const file = openForReader(path)
    if (file === undefined) return undefined
    // Whoever comes now waits for a pipe of their own, or finds none.
    unlinkSync(path)
    left -= 1
    if (left > 0) make()
    return { file, bytes: Buffer.from(content), at: 0 }
  }
  make()
  const timer = setInterval(look, lookMs)
  timer.unref()
  return {
    update: (next) => void (content = next),
    close: () => {
      clearInterval(timer)
      if (open !== undefined) closeSync(open.file)
      open?.bytes.fill(0)
    },
  }
}

/** @returns undefined as long as nobody reads (ENXIO) */
function openForReader(path: string): number | undefined {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENXIO') return undefined
    throw error
  }
}

/** @returns whether all was passed on, or the reader has left */
function pass(open: { readonly file: number; readonly bytes: Buffer; at: number }): boolean {
  try {
    while (open.at < open.bytes.length) open.at += writeSync(open.file, open.bytes, open.at)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return false
    if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return true
    throw error
  }
}
