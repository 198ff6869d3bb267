import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { bookLimit, type Book } from '@symbolon/protocol/book.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { encodeIntent, type LockIntent } from '@symbolon/protocol/intent.ts'
import { openBook } from '@symbolon/roster/book.ts'
import { bookOf, certifiedVersion, filled, first, lineage, nextOf, peopled } from '@symbolon/roster/roster.testkit.ts'
import { openCacheFile } from '@symbolon/runtime/cache-file.ts'
import type { ChannelAnswer } from '@symbolon/runtime/channel-client.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import { followBook } from './book.ts'

const folder = mkdtempSync(join(tmpdir(), 'symbolon-book-'))
afterAll(() => rmSync(folder, { recursive: true }))
const now = 1_800_000_000
const lines: string[] = []
const log = openLog({ process: 'coordinator', level: 'debug', to: { write: (line: string) => void lines.push(line) } })

const two = peopled()
const three = nextOf(two, { rate: 601 })
const whole = openBook(first).take(bookOf({ versions: [certifiedVersion(two), certifiedVersion(three)] })).state

let files = 0
function follower(answers: readonly (ChannelAnswer | ((after: number) => Book))[], file = join(folder, `book-${++files}.json`)) {
  const asked: [number, number][] = []
  const signers = answers.map((answer, at) => ({
    row: { id: at + 1 },
    channel: {
      get: () => Promise.reject(new Error('not asked here')),
      post: async (_path: string, body: string | Uint8Array): Promise<ChannelAnswer> => {
        const { after } = JSON.parse(String(body)) as { after: number }
        asked.push([at + 1, after])
        return typeof answer === 'function' ? { ok: true, status: 200, body: Buffer.from(JSON.stringify(answer(after))) } : answer
      },
    },
  }))
  return { asked, file, book: followBook({ first, signers, cache: openCacheFile(file, bookLimit), timeoutMs: 100, log, now: () => now }) }
}
const down: ChannelAnswer = { ok: false, reason: 'unreachable', detail: 'ECONNREFUSED' }
const honest = (after: number) => whole.after(after)

test('it asks until there is nothing more, and takes what verifies', async () => {
  // One at a time, as a long book comes.
  const { book, asked } = follower([(after) => ({ ...whole.after(after), versions: whole.after(after).versions.slice(0, 1) })])
  await book.follow()
  expect([book.state().version(), asked]).toEqual([3, [[1, 1], [1, 2], [1, 3]]])
  expect(book.state().document.rate).toBe(601)
})

test('the one that says it is ahead is asked first, then another each time', async () => {
  const { book, asked } = follower([down, down, honest])
  expect([book.ahead(3, 1), book.ahead(3, 3)]).toEqual([false, true])
  await book.follow()
  expect([book.state().version(), asked.map(([signer]) => signer)]).toEqual([3, [3, 3]])
  await book.follow()
  await book.follow()
  expect(new Set(asked.map(([signer]) => signer)).size).toBe(2)
})

test('I-3 a version that t signers did not certify is not taken, whoever brings it', async () => {
  const { book } = follower([() => bookOf({ versions: [certifiedVersion(two, [1])] })])
  await book.follow()
  expect(book.state().version()).toBe(1)
})

test.each<[string, ChannelAnswer]>([['is down', down], ['says nonsense', { ok: true, status: 200, body: Buffer.from('{"v":1}') }], ['is busy', { ok: true, status: 503, body: Buffer.from('') }]])('a signer that %s changes nothing', async (_name, answer) => {
  const { book } = follower([answer])
  await book.follow()
  expect(book.state().version()).toBe(1)
})

test('what it knew it knows again after a restart, without asking', async () => {
  const { book, file } = follower([honest])
  await book.follow()
  expect(follower([down], file).book.state().version()).toBe(3)
})

test('the remembered book is only a cache: edited, cut short or lost, it is judged again and fetched', async () => {
  const { book, file } = follower([honest])
  await book.follow()
  const kept = readFileSync(file, 'utf8')
  const forged = JSON.stringify(bookOf({ versions: [certifiedVersion(two, [1])] }))
  for (const content of [forged, kept.slice(0, kept.length / 2), kept.replaceAll('"subject":"', '"subject":"A'), '']) {
    writeFileSync(file, content)
    const again = follower([honest], file)
    expect(again.book.state().version()).toBe(1)
    await again.book.follow()
    expect(again.book.state().version()).toBe(3)
  }
})

test('stops are handed on, for each reader to judge, and forgotten when they can stop nothing', () => {
  const lock = (iat: number): Book['stops'][number] => ({
    intent: toBase64url(encodeIntent({ v: 1, kind: 'lock', nonce: filled(16, 9), iat, exp: iat + 60, iss: first.deployment.issuer, lineage, sub: 'ann', row: 'bob' } as LockIntent)),
    evidence: [{ kind: 'key', proof: 'a.b.c' }],
  })
  const { book } = follower([])
  book.take(bookOf({ stops: [lock(now), lock(now - 200_000)] }))
  expect(book.state().after(1).stops).toEqual([lock(now)])
})
