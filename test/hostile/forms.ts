import { closeSync, openSync, readFileSync, readSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/* What a secret looks like wherever it may have been left, and where to look for it. */

export interface Needle {
  readonly form: string
  readonly bytes: Buffer
}

/** In base64 a run of bytes looks three ways, by where it begins; only letters that depend on nothing else count. */
function base64Forms(secret: Buffer, encoding: 'base64' | 'base64url'): Needle[] {
  return [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), secret]).toString(encoding).replaceAll('=', '')
    const [skipped, whole] = [Math.ceil((before * 4) / 3), Math.floor(((before + secret.length) * 8) / 6)]
    return { form: `${encoding} at ${before}`, bytes: Buffer.from(text.slice(skipped, whole)) }
  })
}

/** Every form of these bytes. @param secret at least 12 bytes that occur nowhere by chance */
export function formsOf(secret: Uint8Array): readonly Needle[] {
  const raw = Buffer.from(secret)
  const escaped = JSON.stringify(raw.toString()).slice(1, -1)
  const all = [
    { form: 'raw', bytes: raw },
    { form: 'JSON', bytes: Buffer.from(escaped) },
    { form: 'JSON in JSON', bytes: Buffer.from(JSON.stringify(escaped).slice(1, -1)) },
    { form: 'URL', bytes: Buffer.from(encodeURIComponent(raw.toString())) },
    { form: 'UTF-16', bytes: Buffer.from(raw.toString(), 'utf16le') },
    { form: 'hex', bytes: Buffer.from(raw.toString('hex')) },
    { form: 'HEX', bytes: Buffer.from(raw.toString('hex').toUpperCase()) },
    ...base64Forms(raw, 'base64'),
    ...base64Forms(raw, 'base64url'),
  ]
  return all.filter(({ bytes }, at) => all.findIndex((other) => other.bytes.equals(bytes)) === at)
}
/** Of a key, which is no text. */
export const formsOfKey = (key: Uint8Array): readonly Needle[] => formsOf(key).filter(({ form }) => ['raw', 'hex', 'HEX'].includes(form) || form.startsWith('base64'))

export const formsIn = (bytes: Buffer, needles: readonly Needle[]): string[] => needles.filter((needle) => bytes.includes(needle.bytes)).map(({ form }) => form)

/** Which forms lie in which files of a folder and all below it. */
export function formsInFolder(folder: string, needles: readonly Needle[]): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true }).flatMap((entry) => {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile() || !isThere(path)) return []
    return formsIn(readFileSync(path), needles).map((form) => `${path}: ${form}`)
  })
}
/** A database moves its files about while it runs. */
const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined

const page = 16 * 1024 * 1024

export interface Searched {
  readonly found: readonly string[]
  /** How much was read. */
  readonly bytes: number
}

/**
 * Which forms lie in a process's memory, in any mapping that can be read, was ever touched and is no unchanged file. Linux, as root or the owner.
 *
 * @param shared false: without what it shares with a process that was searched already
 */
export function formsInMemory(pid: number, needles: readonly Needle[], { shared = true }: { readonly shared?: boolean } = {}): Searched {
  const mappings = mappingsOf(pid, shared)
  if (mappings === undefined) return { found: [], bytes: 0 }
  const longest = Math.max(...needles.map(({ bytes }) => bytes.length))
  const fd = openSync(`/proc/${pid}/mem`, 'r')
  const [found, chunk] = [new Set<string>(), Buffer.alloc(page)]
  let bytes = 0
  try {
    for (const { start, end } of mappings) {
      for (let at = start; at < end; at += page - longest) {
        const read = readAt(fd, chunk, at, Math.min(page, end - at))
        bytes += read
        for (const form of formsIn(chunk.subarray(0, read), needles)) found.add(form)
      }
    }
    return { found: [...found], bytes }
  } finally {
    chunk.fill(0)
    closeSync(fd)
  }
}

function readAt(fd: number, into: Buffer, at: number, length: number): number {
  try {
    return readSync(fd, into, 0, length, at)
  } catch (error) {
    // Guard pages, the kernel's own, and what was unmapped meanwhile.
    if (error instanceof Error && 'code' in error && ['EIO', 'EFAULT'].includes(String(error.code))) return 0
    throw error
  }
}

interface Mapping {
  readonly start: number
  readonly end: number
}
/** Undefined: it has ended. */
function mappingsOf(pid: number, shared: boolean): readonly Mapping[] | undefined {
  const text = readOf(`/proc/${pid}/smaps`)
  if (text === undefined || text === '') return undefined
  const mappings: Mapping[] = []
  let last: Mapping | undefined
  for (const line of text.split('\n')) {
    const [, start, end, rights = '', file = ''] = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ *(.*)$/.exec(line) ?? []
    // What was mapped from a file and cannot be written holds what the file does; what a library locks against writing has no file.
    const isFile = file.startsWith('/') && !rights.includes('w')
    if (start !== undefined && end !== undefined) last = rights.startsWith('r') && !isFile && (shared || rights[3] !== 's') ? { start: Number.parseInt(start, 16), end: Number.parseInt(end, 16) } : undefined
    else if (last !== undefined && /^Rss: +[1-9]/.test(line)) mappings.push(last)
  }
  return mappings
}

/** A process and all that it started. */
export function familyOf(pid: number): readonly number[] {
  const parents = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)).map((name) => [Number(name), parentOf(name)] as const)
  const family = [pid]
  for (let at = 0; at < family.length; at++) for (const [child, parent] of parents) if (parent === family[at]) family.push(child)
  return family
}
const parentOf = (pid: string): number => Number((readOf(`/proc/${pid}/stat`) ?? '').replace(/^.*\) /s, '').split(' ')[1])

/** Undefined: the process has ended. */
function readOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ESRCH'].includes(String(error.code))) return undefined
    throw error
  }
}
