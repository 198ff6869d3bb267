import { lengthPrefixed, sha256, taggedHash, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { canonical, type Problem } from '@symbolon/protocol/json.ts'
import { decodePolicyData, type PolicyData } from './data.ts'

/** A policy: Rego compiled to WebAssembly, and the data it decides by. The roster names its digest. */
export interface Bundle {
  readonly wasm: Uint8Array
  readonly data: PolicyData
  readonly digest: Base64url
}

export const wasmBytesLimit = 4 * 1024 * 1024

/** Over the program's hash and the data's canonical form: the spelling of the data file does not matter, its meaning does. */
export const bundleDigest = (wasm: Uint8Array, data: PolicyData): Base64url =>
  toBase64url(taggedHash('policy/v1', lengthPrefixed(sha256(wasm)), lengthPrefixed(canonical(data))))

export type OpenedBundle =
  | { readonly ok: true; readonly bundle: Bundle }
  | { readonly ok: false; readonly reason: 'program_unreadable' | 'data_unreadable' | 'digest_differs'; readonly problems: readonly Problem[] }

/** Reads the two files of a bundle. Says nothing about whether it is the right one: see `bundleOf`. */
export function readBundle(files: { readonly wasm: Uint8Array; readonly data: Uint8Array }): OpenedBundle {
  if (!isProgram(files.wasm)) return { ok: false, reason: 'program_unreadable', problems: [{ pointer: '', message: 'not a WebAssembly module, or too large' }] }
  const data = decodePolicyData(files.data)
  if (!data.ok) return { ok: false, reason: 'data_unreadable', problems: data.problems.length > 0 ? data.problems : [{ pointer: '', message: data.reason }] }
  return { ok: true, bundle: { wasm: files.wasm, data: data.value, digest: bundleDigest(files.wasm, data.value) } }
}

/** Reads the two files of the bundle that a roster names; any other is refused. */
export function bundleOf(roster: { readonly policy: Base64url }, files: { readonly wasm: Uint8Array; readonly data: Uint8Array }): OpenedBundle {
  const read = readBundle(files)
  if (!read.ok || read.bundle.digest === roster.policy) return read
  return { ok: false, reason: 'digest_differs', problems: [{ pointer: '', message: `the roster names ${roster.policy}, these files are ${read.bundle.digest}` }] }
}

const isProgram = (wasm: Uint8Array): boolean => wasm.length <= wasmBytesLimit && Buffer.from(wasm.subarray(0, 4)).equals(Buffer.from([0, 0x61, 0x73, 0x6d]))
