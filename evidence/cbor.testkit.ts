import { concat, utf8 } from '@symbolon/protocol/bytes.ts'

export type CborValue = number | boolean | string | Uint8Array | readonly CborValue[] | ReadonlyMap<CborValue, CborValue>

/** RFC 8949 in the form that CTAP 2.1, section 8, asks for, but members stand in the order given. */
export function encodeCbor(value: CborValue): Uint8Array {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'boolean') return Uint8Array.of(value ? 0xf5 : 0xf4)
  if (typeof value === 'string') return concat(head(3, utf8(value).length), utf8(value))
  if (value instanceof Uint8Array) return concat(head(2, value.length), value)
  if (value instanceof Map) return concat(head(5, value.size), ...[...(value as ReadonlyMap<CborValue, CborValue>)].flatMap(([name, member]) => [encodeCbor(name), encodeCbor(member)]))
  const list = value as readonly CborValue[]
  return concat(head(4, list.length), ...list.map(encodeCbor))
}

function head(major: number, argument: number): Uint8Array {
  if (argument < 24) return Uint8Array.of((major << 5) | argument)
  if (argument < 0x100) return Uint8Array.of((major << 5) | 24, argument)
  if (argument < 0x10000) return Uint8Array.of((major << 5) | 25, argument >> 8, argument & 0xff)
  return Uint8Array.of((major << 5) | 26, (argument >>> 24) & 0xff, (argument >>> 16) & 0xff, (argument >>> 8) & 0xff, argument & 0xff)
}
