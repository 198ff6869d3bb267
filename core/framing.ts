import { concat } from './suite.ts'

/* How hash inputs are put together where no RFC says so. All numbers are big-endian. */

export const u16 = (n: number): Uint8Array => Uint8Array.of(n >>> 8, n & 0xff)
export const u32 = (n: number): Uint8Array => Uint8Array.of(n >>> 24, (n >>> 16) & 0xff, (n >>> 8) & 0xff, n & 0xff)

/** Each part behind its length in four bytes: no two lists of parts give the same bytes. */
export const framed = (parts: readonly Uint8Array[]): Uint8Array => concat(...parts.flatMap((part) => [u32(part.length), part]))
