import { expect, test } from 'vitest'
import { toBase64url, utf8 } from './bytes.ts'
import { decodeDraft, draftIn, draftUrl, encodeDraft, type Draft } from './draft.ts'

const draft: Draft = { v: 1, document: toBase64url(utf8('{}')), bundle: { wasm: toBase64url(utf8('w')), data: toBase64url(utf8('{}')) } }

test('a draft goes through a link and a file unchanged, and nowhere but into the fragment', () => {
  const url = new URL(draftUrl('https://console.test', draft))
  expect([url.pathname, url.search, draftIn(url.hash), decodeDraft(encodeDraft(draft))]).toEqual(['/changes', '', draft, draft])
})
test.each(['', '#', '#propose=', '#propose=e30', '#propose=%2B', '#other=e30', `#propose=${toBase64url(utf8('{"v":2,"document":"e30"}'))}`])('%s is none', (fragment) => expect(draftIn(fragment)).toBeUndefined())
