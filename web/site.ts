import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, type Dirent } from 'node:fs'
import { extname, join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { SafeError } from '@symbolon/runtime/log.ts'
import { systemCode } from '@symbolon/runtime/secret-file.ts'
import { pagePaths, type PublicConfig } from './public.ts'

/* The console's files, read once: what is served is what stood there at start, by exact path, with nothing computed per request. */

export type Encoding = 'br' | 'gzip' | 'identity'
export interface Served {
  readonly type: string
  /** Strong, of the bytes before compression; each encoding has a suffix of its own. */
  readonly etag: string
  readonly cache: string
  readonly bodies: Readonly<Record<Encoding, Buffer>>
}
/** By path, `/` included. */
export type Site = ReadonlyMap<string, Served>

/** What a built console may consist of. Anything else was not built by us. */
const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}
const maxFiles = 512
const maxBytes = 32 * 1024 * 1024

// Built files carry a hash of their content in their names; the document and what is not built do not.
const forever = 'public, max-age=31536000, immutable'
const ask = 'no-cache'

/** Throws a SafeError for a folder that is not a built console. */
export function loadSite(folder: string, config: PublicConfig): Site {
  const files = filesIn(folder, '')
  const size = files.reduce((sum, { bytes }) => sum + bytes.length, 0)
  if (files.length > maxFiles || size > maxBytes) throw new SafeError('site_too_large', `${folder} holds ${files.length} files of ${size} bytes in all`)
  const document = files.find(({ path }) => path === '/index.html')
  if (document === undefined) throw new SafeError('site_missing', `${folder} holds no index.html: build the console first`)
  const assets = files.filter((file) => file !== document).map(({ path, bytes }) => [path, served(path, bytes, path.startsWith('/assets/') ? forever : ask)] as const)
  const page = served('/index.html', document.bytes, ask)
  const json = served('/config.json', Buffer.from(JSON.stringify(config)), ask)
  return new Map([...assets, ...pagePaths.map((path) => [path, page] as const), ['/config.json', json]])
}

interface File {
  readonly path: string
  readonly bytes: Buffer
}

function filesIn(folder: string, path: string): File[] {
  return entriesOf(join(folder, path)).flatMap((entry) => {
    const here = `${path}/${entry.name}`
    if (entry.isDirectory()) return filesIn(folder, here)
    if (!entry.isFile() || types[extname(entry.name)] === undefined || !/^[A-Za-z0-9._/-]+$/.test(here)) throw new SafeError('site_foreign', `${folder} holds ${JSON.stringify(here)}, which is no part of a console`)
    return [{ path: here, bytes: readFileSync(join(folder, here)) }]
  })
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    throw new SafeError('site_missing', `${folder} cannot be read (${systemCode(error)})`)
  }
}

function served(path: string, bytes: Buffer, cache: string): Served {
  return {
    type: types[extname(path)] ?? 'application/octet-stream',
    etag: createHash('sha256').update(bytes).digest('base64url').slice(0, 22),
    cache,
    bodies: {
      br: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
      gzip: gzipSync(bytes, { level: 9 }),
      identity: bytes,
    },
  }
}
