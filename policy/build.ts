import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { entrypoint, rowsEntrypoint } from './evaluate.ts'

/* How the Rego becomes the program in bundle/. A tool for authors and tests: no process runs it, so none needs `opa`. */

const root = import.meta.dirname
export const opaVersion = '1.22.2'
/** `OPA` names another binary of the same version. */
export const opaPath = process.env['OPA'] ?? join(root, '../.tools/bin/opa')
/** What is compiled from what: the default bundle, and a policy that misbehaves, for tests. */
export const programs = [
  { source: 'rego', program: join(root, 'bundle/policy.wasm'), entrypoints: [entrypoint, rowsEntrypoint] },
  { source: 'testdata/misbehaving', program: join(root, 'testdata/misbehaving.wasm'), entrypoints: [entrypoint] },
] as const
export const capabilitiesPath = join(root, 'capabilities.json')

/**
 * What Rego may use here: comparison, arithmetic, collections, plain text, CIDR blocks. All are compiled into the program. Not among
 * them is what reads a clock, a random source, the network, the environment or a file, and what matches patterns: a name that came
 * from an identity is only ever compared as a whole.
 */
export const allowedBuiltins = new Set(
  [
    'eq equal neq lt lte gt gte assign plus minus mul div rem abs ceil floor round',
    'and or set_diff intersection union internal.member_2 internal.member_3 count max min sum product sort',
    'array.concat array.slice numbers.range object.get object.remove object.union object.filter net.cidr_contains',
    'concat contains startswith endswith format_int indexof lower upper split substring trim_prefix trim_suffix',
    'is_array is_boolean is_null is_number is_object is_set is_string type_name to_number',
  ].flatMap((names) => names.split(' ')),
)

/** Runs the compiler in this folder. @returns what it prints; throws with that when it fails, for it prints its complaints there */
export function opa(args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(opaPath, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`opa ${args[0] ?? ''}: ${stdout}${stderr}`)
  return stdout
}

/** The compiler's own declarations, of the allowed built-ins only, and no host to connect to. */
export function capabilities(): string {
  const current = JSON.parse(opa(['capabilities', '--current'])) as { builtins: { name: string }[] }
  return `${JSON.stringify({ ...current, builtins: current.builtins.filter(({ name }) => allowedBuiltins.has(name)), allow_net: [] }, undefined, 1)}\n`
}

/**
 * Compiles a folder of Rego. File names go into the program, so they are given relative to this folder.
 * @param options which rules can be asked; and, for tests of what is refused, every built-in there is
 */
export function compileRego(folder: string, options: { readonly entrypoints?: readonly string[]; readonly capabilities?: false } = {}): Uint8Array {
  const scratch = mkdtempSync(join(tmpdir(), 'symbolon-policy-'))
  try {
    const archive = join(scratch, 'bundle.tar.gz')
    const limits = options.capabilities === false ? [] : ['--capabilities', capabilitiesPath]
    opa(['build', '--target', 'wasm', ...(options.entrypoints ?? [entrypoint]).flatMap((name) => ['--entrypoint', name]), ...limits, '--ignore', '*_test.rego', '--output', archive, folder])
    return memberOf(gunzipSync(readFileSync(archive)), 'policy.wasm')
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

/** One file of a tar archive: a 512-byte header with name and octal size, then the content padded to 512. */
function memberOf(archive: Buffer, wanted: string): Uint8Array {
  for (let at = 0; at + 512 <= archive.length; ) {
    const field = (from: number, length: number) => archive.toString('latin1', at + from, at + from + length).replace(/\0.*$/s, '')
    const size = Number.parseInt(field(124, 12), 8) || 0
    if (field(0, 100).replace(/^\//, '') === wanted) return new Uint8Array(archive.subarray(at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  throw new Error(`the bundle has no ${wanted}`)
}

if (import.meta.main) {
  const version = /^Version: (.+)$/m.exec(opa(['version']))?.[1]
  if (version !== opaVersion) throw new Error(`opa ${opaVersion} is wanted, this is ${version}`)
  writeFileSync(capabilitiesPath, capabilities())
  for (const { source, program, entrypoints } of programs) writeFileSync(program, compileRego(source, { entrypoints }))
}
