import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, 'peers/frost-rs')
const binary = join(folder, 'target/release/frost-rs-peer')

/** Microseconds of CPU; `commit` and `sign` for one signer, the rest for one signature. */
export interface RustFigures {
  readonly commit: number
  readonly sign: number
  readonly aggregate: number
  /** Encoding commitments, and decoding and validating the others' at every signer and the coordinator. Not part of `signature`. */
  readonly wire: number
  readonly signature: number
}

export type RustPeer =
  | { readonly available: true; readonly version: string; readonly measure: (threshold: number, size: number, rounds: number) => RustFigures }
  | { readonly available: false; readonly why: string }

const capture = (command: string, args: readonly string[], cwd?: string) => execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

/** Builds the peer from its lock file if cargo is there. What is missing is said, not guessed around. */
export function rustPeer(): RustPeer {
  try {
    capture('cargo', ['--version'])
  } catch (error) {
    return { available: false, why: `cargo is not there: ${firstLine(error)}` }
  }
  try {
    capture('cargo', ['build', '--release', '--locked', '--quiet'], folder)
  } catch (error) {
    return { available: false, why: `bench/peers/frost-rs does not build: ${firstLine(error)}` }
  }
  if (!existsSync(binary)) return { available: false, why: 'bench/peers/frost-rs built no program' }
  const version = /"frost-ed25519 (\S+)"|frost-ed25519 v(\S+)/.exec(capture('cargo', ['tree', '--locked', '--offline', '--depth', '1'], folder))
  return {
    available: true,
    version: version?.[1] ?? version?.[2] ?? 'unknown',
    measure: (threshold, size, rounds) => JSON.parse(capture(binary, [threshold, size, rounds].map(String))) as RustFigures,
  }
}

const firstLine = (error: unknown) => String(error instanceof Error ? error.message : error).split('\n').slice(0, 2).join(' ')
