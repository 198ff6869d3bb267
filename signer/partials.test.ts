import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { canonical, decodeCanonical } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { partials, sealedPartials } from '@symbolon/protocol/open.ts'
import { partialBytes, putPartial, type Part } from './partials.ts'

const part = (fill?: number): Part => {
  const bytes = () => (fill === undefined ? new Uint8Array(randomBytes(32)) : new Uint8Array(32).fill(fill))
  return { point: bytes(), e: bytes(), f: bytes() }
}
const written = (parts: readonly Part[]): Uint8Array => {
  const out = new Uint8Array(partialBytes(parts.length))
  // In any order.
  for (const [at, each] of [...parts.entries()].toReversed()) putPartial(out, at, each)
  return out
}

test.each([1, 2, 3, limits.labels])('%i parts are written as canonical JSON', (count) => {
  const parts = Array.from({ length: count }, () => part())
  const value = { v: 1 as const, partials: parts.map(({ point, e, f }) => ({ point: toBase64url(point), e: toBase64url(e), f: toBase64url(f) })) }
  expect(Buffer.from(written(parts)).toString()).toBe(Buffer.from(canonical(value)).toString())
  expect(decodeCanonical(partials, written(parts), 10_000)).toEqual({ ok: true, value })
})

test.each([0x00, 0xff, 0x3e, 0xfb])('every letter of base64url: bytes of %i', (fill) => {
  expect(Buffer.from(written([part(fill)])).toString()).toContain(`"point":"${toBase64url(new Uint8Array(32).fill(fill))}"`)
})

test('as many as there may be fit under their seal', () => {
  const ct = toBase64url(new Uint8Array(partialBytes(limits.labels) + 16))
  const enc = toBase64url(new Uint8Array(65))
  expect(sealedPartials.safeParse({ enc, ct }).success).toBe(true)
})
