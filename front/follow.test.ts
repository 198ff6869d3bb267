import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { bookLimit, type Book } from '@symbolon/protocol/book.ts'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { encodeIntent, type LockIntent } from '@symbolon/protocol/intent.ts'
import type { Bundle } from '@symbolon/policy/bundle.ts'
import type { Ruling } from '@symbolon/policy/judgement.ts'
import type { Stops } from '@symbolon/evidence/stops.ts'
import { openBook } from '@symbolon/roster/book.ts'
import { bookOf, certifiedEntry, certifiedVersion, filled, first, lineage, nextOf, peopled, rotationOf } from '@symbolon/roster/roster.testkit.ts'
import { openCacheFile } from '@symbolon/runtime/cache-file.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import { openFollowing, type OpenServing } from './follow.ts'
import { openHolder } from './holder.ts'

const folder = mkdtempSync(join(tmpdir(), 'symbolon-follow-'))
afterAll(() => rmSync(folder, { recursive: true }))
const now = 1_800_000_000
const log = openLog({ process: 'front', level: 'error', to: { write: () => undefined } })
const two = peopled()
const three = nextOf(two, { rate: 601 })
const bundle = { digest: first.policy } as Bundle
const lock = (row: string): Book['stops'][number] => ({
  intent: toBase64url(encodeIntent({ v: 1, kind: 'lock', nonce: filled(16, 9), iat: now, exp: now + 60, iss: first.deployment.issuer, lineage, sub: 'ann', row } as LockIntent)),
  evidence: [{ kind: 'key', proof: 'a.b.c' }],
})

let files = 0
/** What is opened is only named; what stops somebody is true if it is about Bob. */
async function follower(shown: Partial<Omit<Book, 'v'>>, file = join(folder, `book-${++files}.json`)) {
  const events: string[] = []
  let book = openBook(first).take(bookOf(shown)).state.after(1)
  book = { ...book, stops: shown.stops ?? [] }
  const open = async (state: { version(): number; entries: readonly unknown[] }, _bundle: Bundle, stops: Stops): Promise<OpenServing<{ name: string }>> => {
    const name = `${state.version()}+${state.entries.length}`
    events.push(`open ${name} locked ${stops.locked.length}`)
    const rule = async ({ intent }: { intent: Uint8Array }): Promise<Ruling> => {
      const { row } = JSON.parse(Buffer.from(intent).toString()) as { row: string }
      events.push(`judge ${row}`)
      return (row === 'bob' ? { verdict: 'granted', stop: { kind: 'locked', locked: { row, until: now + 86_400 } } } : { verdict: 'refused', reasons: [{ code: 'not_a_guardian', message: 'No.' }] }) as Ruling
    }
    return { value: { name }, judges: { rule, setStops: async ({ locked }) => void events.push(`stops ${locked.map(({ row }) => row).join()}`) }, close: async () => void events.push(`close ${name}`) }
  }
  const following = await openFollowing({ first, bundle, wire: { book: async (after) => ({ ok: true, value: { ...book, versions: book.versions.filter(({ certificate: { slot } }) => slot.of === 'roster' && slot.version > after) } }) }, cache: openCacheFile(file, bookLimit), log, clock: () => now, open })
  const servings = openHolder(following.first)
  return { following, servings, events, file, go: () => following.follow(servings) }
}
const current = (held: Awaited<ReturnType<typeof follower>>) => held.servings.current().name

test('what is certified takes the place of what was in force, which is closed', async () => {
  const held = await follower({ versions: [certifiedVersion(two), certifiedVersion(three)] })
  await held.go()
  expect([current(held), held.following.state().version(), held.events]).toEqual(['3+0', 3, ['open 1+0 locked 0', 'open 3+0 locked 0', 'close 1+0']])
})

test('a request that began before keeps its own to its end', async () => {
  const held = await follower({ versions: [certifiedVersion(two)] })
  const gate = Promise.withResolvers<void>()
  const under = held.servings.use(() => gate.promise)
  await held.go()
  expect([current(held), held.events.includes('close 1+0')]).toEqual(['2+0', false])
  gate.resolve()
  await under
  await new Promise((resolve) => setImmediate(resolve))
  expect(held.events.includes('close 1+0')).toBe(true)
})

test('an entry of a row is another effective roster', async () => {
  const held = await follower({ entries: [certifiedEntry(rotationOf('svc-deploy', { root: 'svc-deploy-1', seq: 1, by: 'svc-deploy-1', to: 'svc-deploy-2' }))] })
  await held.go()
  expect(current(held)).toBe('1+1')
})

test('R-2 stops are judged here, once; those that are true reach the judges, and those of a later version', async () => {
  const held = await follower({ stops: [lock('bob'), lock('cleo')] })
  await held.go()
  await held.go()
  expect(held.events).toEqual(['open 1+0 locked 0', 'judge bob', 'judge cleo', 'stops bob'])
  expect(held.following.state().stops).toHaveLength(1)
})

test('a version whose policy did not come with it is not put in force', async () => {
  const held = await follower({ versions: [certifiedVersion(peopled(['ann'], 1, { policy: filled(32, 1) as Base64url }))] })
  await held.go()
  expect([current(held), held.following.state().version()]).toEqual(['1+0', 1])
})

test('a restart begins with what was known, stops included', async () => {
  const held = await follower({ versions: [certifiedVersion(two)], stops: [lock('bob')] })
  await held.go()
  const again = await follower({}, held.file)
  expect([current(again), again.events]).toEqual(['2+0', ['open 2+0 locked 0', 'judge bob', 'stops bob']])
})
