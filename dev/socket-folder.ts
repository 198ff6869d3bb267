import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// sockaddr_un holds 108 bytes on Linux and 104 on macOS, the final zero included; Postgres appends `/.s.PGSQL.5432`.
const longestFolder = 103 - '/.s.PGSQL.5432.lock'.length

export type SocketFolder = { readonly ok: true; readonly path: string; readonly outside: boolean } | { readonly ok: false; readonly message: string }

/**
 * A folder for Postgres's socket that only its owner may enter: in the state folder if that path is short enough, else under the
 * user's runtime or temporary folder, with a name that follows from the state folder's.
 */
export function socketFolder(home: string): SocketFolder {
  const inside = join(home, 'postgres', 'socket')
  if (Buffer.byteLength(inside) <= longestFolder) return made(inside, false)
  const name = `symbolon-${createHash('sha256').update(home).digest('hex').slice(0, 16)}`
  const short = [process.env['XDG_RUNTIME_DIR'], tmpdir(), '/tmp'].find((base) => base !== undefined && base !== '' && Buffer.byteLength(join(base, name)) <= longestFolder)
  return short === undefined ? { ok: false, message: `no folder with a path short enough for a unix socket; move ${home} to a shorter path` } : made(join(short, name), true)
}

function made(path: string, outside: boolean): SocketFolder {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  // Somebody else may have made it first, where everybody may write: then whoever that is could stand in for the server.
  const stat = lstatSync(path)
  const owners = [process.geteuid?.(), ...(process.geteuid?.() === 0 ? [65534] : [])]
  if (!stat.isDirectory() || !owners.includes(stat.uid) || (stat.mode & 0o077) !== 0) return { ok: false, message: `${path} is not a private folder of this user; remove it` }
  return { ok: true, path, outside }
}
