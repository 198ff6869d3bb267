import { fromUtf8 } from '@symbolon/protocol/bytes.ts'

/* CBOR (RFC 8949) as CTAP 2.1, section 8, has it: definite lengths, shortest lengths, no tags, no floats. What authenticators send has no more. */

export type Cbor = number | boolean | string | Uint8Array | readonly Cbor[] | CborMap
/** Member names are integers or texts; an integer and a text never collide. */
export type CborMap = ReadonlyMap<number | string, Cbor>

const maxDepth = 8
const maxItems = 64

/** @returns the first item and where it ends; undefined for anything that is not one. Bytes after it are the caller's to judge. */
export function decodeCbor(bytes: Uint8Array): { readonly value: Cbor; readonly end: number } | undefined {
  return item(bytes, 0, 0)
}

type Read<T> = { readonly value: T; readonly end: number } | undefined

function item(bytes: Uint8Array, at: number, depth: number): Read<Cbor> {
  const first = bytes[at]
  if (first === undefined || depth > maxDepth) return undefined
  if (first === 0xf4 || first === 0xf5) return { value: first === 0xf5, end: at + 1 }
  const head = argument(bytes, at)
  if (head === undefined) return undefined
  const { value, end } = head
  switch (first >> 5) {
    case 0:
      return { value, end }
    case 1:
      return { value: -1 - value, end }
    case 2:
      return end + value > bytes.length ? undefined : { value: bytes.subarray(end, end + value), end: end + value }
    case 3:
      return text(bytes, end, value)
    case 4:
      return list(bytes, head, depth)
    case 5:
      return map(bytes, head, depth)
    default:
      return undefined
  }
}

/** Up to 32 bits, in the shortest spelling. */
function argument(bytes: Uint8Array, at: number): Read<number> {
  const info = (bytes[at] ?? 0) & 0x1f
  if (info < 24) return { value: info, end: at + 1 }
  const width = info === 24 ? 1 : info === 25 ? 2 : info === 26 ? 4 : 0
  const end = at + 1 + width
  if (width === 0 || end > bytes.length) return undefined
  const value = bytes.subarray(at + 1, end).reduce((sum, byte) => sum * 256 + byte, 0)
  const least = width === 1 ? 24 : width === 2 ? 0x100 : 0x10000
  return value < least ? undefined : { value, end }
}

function text(bytes: Uint8Array, start: number, length: number): Read<string> {
  const end = start + length
  const value = end > bytes.length ? undefined : fromUtf8(bytes.subarray(start, end))
  return value === undefined ? undefined : { value, end }
}

function list(bytes: Uint8Array, { value: count, end: start }: { value: number; end: number }, depth: number): Read<readonly Cbor[]> {
  if (count > maxItems) return undefined
  const value: Cbor[] = []
  let end = start
  for (let n = 0; n < count; n++) {
    const next = item(bytes, end, depth + 1)
    if (next === undefined) return undefined
    value.push(next.value)
    end = next.end
  }
  return { value, end }
}

function map(bytes: Uint8Array, { value: count, end: start }: { value: number; end: number }, depth: number): Read<CborMap> {
  if (count > maxItems) return undefined
  const value = new Map<number | string, Cbor>()
  let end = start
  for (let n = 0; n < count; n++) {
    const name = item(bytes, end, depth + 1)
    if (name === undefined || (typeof name.value !== 'number' && typeof name.value !== 'string') || value.has(name.value)) return undefined
    const member = item(bytes, name.end, depth + 1)
    if (member === undefined) return undefined
    value.set(name.value, member.value)
    end = member.end
  }
  return { value, end }
}

/** @returns undefined unless the bytes are exactly one map */
export function decodeCborMap(bytes: Uint8Array): CborMap | undefined {
  const read = decodeCbor(bytes)
  return read !== undefined && read.end === bytes.length && isMap(read.value) ? read.value : undefined
}

export const isMap = (value: Cbor | undefined): value is CborMap => value instanceof Map
export const isBytes = (value: Cbor | undefined): value is Uint8Array => value instanceof Uint8Array
