import { utf8 } from '@symbolon/protocol/bytes.ts'

/*
 * What is sealed (`partials` of protocol/open.ts), as canonical JSON, written straight into the memory that it is sealed from: as text it would stay
 * in the heap until somebody collects it. Each part has the same length, so every byte has its place.
 */

export interface Part {
  readonly point: Uint8Array
  readonly e: Uint8Array
  readonly f: Uint8Array
}

const [head, tail] = [utf8('{"partials":['), utf8('],"v":1}')]
const [toE, toF, toPoint, end] = [utf8('{"e":"'), utf8('","f":"'), utf8('","point":"'), utf8('"}')]
/** Base64url of 32 bytes. */
const encoded = 43
const each = toE.length + toF.length + toPoint.length + end.length + 3 * encoded

/** Length of the whole. @param count at least 1 */
export const partialBytes = (count: number): number => head.length + count * (each + 1) - 1 + tail.length

/** Writes the part at place `at`, with all that stands around it. @param out `partialBytes` of as many as there will be */
export function putPartial(out: Uint8Array, at: number, { point, e, f }: Part): void {
  out.set(head)
  out.set(tail, out.length - tail.length)
  let place = head.length + at * (each + 1)
  const put = (bytes: Uint8Array) => {
    out.set(bytes, place)
    place += bytes.length
  }
  const encode = (bytes: Uint8Array) => {
    base64url(out, place, bytes)
    place += encoded
  }
  if (at > 0) out[place - 1] = 0x2c
  put(toE)
  encode(e)
  put(toF)
  encode(f)
  put(toPoint)
  encode(point)
  put(end)
}

const alphabet = utf8('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')

/** @param bytes 32 */
function base64url(out: Uint8Array, at: number, bytes: Uint8Array): void {
  if (bytes.length !== 32) throw new RangeError('32 bytes')
  for (let sextet = 0; sextet < encoded; sextet += 1) {
    const bit = sextet * 6
    const pair = ((bytes[bit >> 3] ?? 0) << 8) | (bytes[(bit >> 3) + 1] ?? 0)
    out[at + sextet] = alphabet[(pair >> (10 - (bit & 7))) & 63] ?? 0
  }
}
