import { expect, test } from 'vitest'
import { toBase64url, utf8, type Base64url } from './bytes.ts'
import { linkUrl, parseLink, type Link } from './link.ts'

const of = (fill: number): Base64url => toBase64url(new Uint8Array(32).fill(fill))
const bootstrap: Link = { v: 1, kind: 'bootstrap', seed: of(1), lineage: of(2), exp: 1_800_000_000 }
const invitation: Link = { v: 1, kind: 'invitation', seed: of(1), lineage: of(2), row: 'ann', name: 'Ann', exp: 1_800_000_000 }
const fragment = (value: unknown) => toBase64url(utf8(JSON.stringify(value)))

test.each([bootstrap, invitation])('a $kind link is read as it was written', (value) => {
  const url = new URL(linkUrl('http://localhost:7400', value))
  expect(url.pathname).toBe('/enrol')
  expect(url.search).toBe('')
  expect(parseLink(url.hash.slice(1))).toEqual(value)
})

test.each([
  ['nothing', ''],
  ['another alphabet', '%7B%7D'],
  ['members in another order', fragment({ v: 1, kind: 'bootstrap', seed: of(1), lineage: of(2), exp: 1 })],
  ['a short seed', fragment({ exp: 1, kind: 'bootstrap', lineage: of(2), seed: 'AAAA', v: 1 })],
  ['a bootstrap link with a row', fragment({ exp: 1, kind: 'bootstrap', lineage: of(2), row: 'ann', seed: of(1), v: 1 })],
  ['an invitation without a row', fragment({ exp: 1, kind: 'invitation', lineage: of(2), seed: of(1), v: 1 })],
  ['a name with a control character', fragment({ exp: 1, kind: 'invitation', lineage: of(2), name: 'a\u202eb', row: 'ann', seed: of(1), v: 1 })],
])('%s is no link', (_case, text) => expect(parseLink(text)).toBeUndefined())
