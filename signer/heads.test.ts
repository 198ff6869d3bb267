import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { headBytes, headQuestionBytes, type Head, type HeadReply } from '@symbolon/protocol/book.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { digest, imageOf, newDisk, openWorld, summaryOf, type Node, type World } from './heads.testkit.ts'

const alarmsOf = (node: Node) => node.alarms.map(([kind]) => kind)
const asked = (node: Node, path = '/v1/head') => node.sent.filter(([, sent]) => sent === path).length
/** Signed anew by the life that answers: what a hostile signer can say of itself. */
const resigned = (by: Node, head: Head, change: Partial<Head['statement']>): Head => {
  const statement = { ...head.statement, ...change }
  return { ...head, statement, signature: by.boot.sign(headBytes(statement)) }
}
const three = async (world: World): Promise<[Node, Node, Node]> => [await world.start(1), await world.start(2), await world.start(3)]

describe('I-3 a signer answers only while it hears t−1 others', () => {
  test('alone it never does; with one other of three once the third had ten seconds to answer', async () => {
    const world = openWorld()
    const one = await world.start(1)
    await world.pass(60, one)
    expect(one.heads.problem()).toBe('peers_unheard')
    const two = await world.start(2)
    await world.pass(10, one, two)
    expect([one, two].map(({ heads }) => heads.problem())).toEqual(['peers_unheard', 'peers_unheard'])
    await world.pass(1, one, two)
    expect([one, two].map(({ heads }) => heads.problem())).toEqual([undefined, undefined])
  })

  test('with all others at once', async () => {
    const world = openWorld()
    const [one, two, three_] = await three(world)
    await world.pass(1, three_)
    expect(three_.heads.problem()).toBeUndefined()
    // The other's question provoked their own: they need not wait for their next second.
    await world.pass(1, one, two)
    expect([one, two].map(({ heads }) => heads.problem())).toEqual([undefined, undefined])
  })

  test('I-3 after a start it does not believe whoever answers first: the others have ten seconds to tell what it missed', async () => {
    const world = openWorld()
    const [one, two, three_] = await three(world)
    await world.pass(2, one, two, three_)
    const disk = imageOf(one.disk)
    world.at.delete(1)
    two.disk.book.stops.push('removed')
    // Signer 3 is corrupt and quick, and keeps to itself what it hears; signer 2 is slow to be reached.
    three_.lie = (_, { head }) => ({ v: 1, head: resigned(three_, head, { ...summaryOf(disk.book) }) })
    world.reach = (from, to) => to !== 2 && from !== 2
    const again = await world.start(1, disk)
    await world.pass(8, again)
    expect(again.heads.problem()).toBe('peers_unheard')
    world.reach = () => true
    await world.pass(2, again)
    expect([again.heads.problem(), again.disk.book.stops]).toEqual([undefined, ['removed']])
  })

  test('a partitioned one is silent after 30 s, and not before', async () => {
    const world = openWorld()
    const [one, two, three_] = await three(world)
    await world.pass(10, one, two, three_)
    // The questions at the first and the tenth second were answered.
    world.reach = (from, to) => from !== 1 && to !== 1
    await world.pass(30, one, two, three_)
    expect(one.heads.problem()).toBeUndefined()
    await world.pass(1, one, two, three_)
    expect(one.heads.problem()).toBe('peers_unheard')
    expect(two.heads.problem()).toBeUndefined()
    world.reach = () => true
    await world.pass(1, one)
    expect(one.heads.problem()).toBeUndefined()
  })

  test.each([
    ['with its machine, by the wall clock', { wall: 31_000, steady: 0 }],
    ['while its clock was set back', { wall: -3_600_000, steady: 31_000 }],
  ])('answers that grew old %s do not count', async (_, by) => {
    const world = openWorld()
    const [one] = await three(world)
    await world.pass(1, one)
    expect(one.heads.problem()).toBeUndefined()
    world.clock.wall += by.wall
    world.clock.steady += by.steady
    expect(one.heads.problem()).toBe('peers_unheard')
  })

  test('3 of 5 need two others; one that answers twice is one', async () => {
    const world = openWorld({ count: 5, threshold: 3 })
    const [one, two] = [await world.start(1), await world.start(2)]
    await world.pass(25, one, two)
    expect(one.heads.problem()).toBe('peers_unheard')
    const four = await world.start(4)
    await world.pass(11, one, two, four)
    expect(one.heads.problem()).toBeUndefined()
  })

  test('it asks every nine seconds, and every second while it hears too few', async () => {
    const world = openWorld()
    const [one] = await three(world)
    await world.pass(19, one)
    expect(asked(one)).toBe(6)
    world.reach = () => false
    await world.pass(60, one)
    expect(asked(one)).toBeGreaterThan(60)
  })

  const lies: [string, (liar: Node, reply: HeadReply, other: Node) => unknown][] = [
    ['an answer to another question', (liar, { head }) => ({ v: 1, head: resigned(liar, head, { challenge: toBase64url(new Uint8Array(16)) }) })],
    ['an answer of another hour', (liar, { head }) => ({ v: 1, head: resigned(liar, head, { iat: head.statement.iat - 61 }) })],
    ['an answer from the future', (liar, { head }) => ({ v: 1, head: resigned(liar, head, { iat: head.statement.iat + 61 }) })],
    ['another’s number', (liar, { head }) => ({ v: 1, head: resigned(liar, head, { signer: 3 }) })],
    ['a boot key that its identity key did not certify', (_, { head }, other) => ({ v: 1, head: { ...resigned(other, head, { boot: other.boot.id }), certificate: { ...other.boot.certificate, signer: 2 } } })],
    ['another’s certificate', (_, { head }, other) => ({ v: 1, head: { ...resigned(other, head, { boot: other.boot.id }), certificate: other.boot.certificate } })],
    ['a statement that was changed after it was signed', (_, { head }) => ({ v: 1, head: { ...head, statement: { ...head.statement, epoch: 2 } } })],
    ['a boot id that its certificate does not name', (liar, { head }) => ({ v: 1, head: resigned(liar, head, { boot: toBase64url(new Uint8Array(16)) }) })],
  ]
  test.each(lies)('%s is no answer', async (_, lie) => {
    const world = openWorld()
    const one = await world.start(1)
    const two = await world.start(2)
    const other = await openWorld().start(3)
    two.lie = (_request, reply) => lie(two, reply, other)
    await world.pass(2, one)
    expect(one.heads.problem()).toBe('peers_unheard')
    expect(alarmsOf(one)).toContain('head_invalid')
  })

  test('what is no head at all is no answer', async () => {
    const world = openWorld()
    const [one, two] = [await world.start(1), await world.start(2)]
    two.lie = () => ({ v: 1, head: 'yes' })
    await world.pass(2, one)
    expect(one.heads.problem()).toBe('peers_unheard')
  })

  test('questions are answered only if their asker’s own boot key asks, and not in a flood', async () => {
    const world = openWorld()
    const [one, two, three_] = await three(world)
    const challenge = toBase64url(new Uint8Array(16))
    const question = (by: Node, to: number) => ({ v: 1 as const, challenge, certificate: by.boot.certificate, signature: by.boot.sign(headQuestionBytes({ boot: by.boot.id, to, challenge })) })
    expect(one.heads.answer(2, question(three_, 1))).toBe('unauthenticated')
    expect(one.heads.answer(2, question(two, 3))).toBe('unauthenticated')
    expect(one.heads.answer(9, question(two, 1))).toBe('unauthenticated')
    expect(one.heads.answer(1, question(one, 1))).toBe('unauthenticated')
    expect(one.heads.answer(2, question(two, 1))).toMatchObject({ head: { statement: { signer: 1, challenge } } })
    expect(one.heads.answer(2, question(two, 1))).toBe('limited')
  })

  test('whoever hangs keeps nobody else from being heard', async () => {
    const world = openWorld()
    const [one, two] = await three(world)
    two.lieBook = () => new Promise(() => undefined)
    two.lie = (_, { head }) => ({ v: 1, head: resigned(two, head, { stops: digest('more') }) })
    void world.pass(1, one)
    await expect.poll(() => {
      world.clock.steady += 1_000
      world.clock.wall += 1_000
      return one.heads.problem()
    }).toBeUndefined()
  })
})

describe('catching up', () => {
  test('B-3 what one knows, all that hear it know within ten seconds', async () => {
    const world = openWorld()
    const nodes = await three(world)
    await world.pass(14, ...nodes)
    nodes[2].disk.book.stops.push('lock:bob')
    await world.pass(10, ...nodes)
    expect(nodes.map(({ disk }) => disk.book.stops)).toEqual([['lock:bob'], ['lock:bob'], ['lock:bob']])
  })

  test('B-3 over chains too: who hears only the one in the middle knows a turn later', async () => {
    const world = openWorld()
    const nodes = await three(world)
    world.reach = (from, to) => Math.abs(from - to) === 1
    await world.pass(20, ...nodes)
    nodes[0].disk.book.stops.push('lock:bob')
    await world.pass(20, ...nodes)
    expect(nodes[2].disk.book.stops).toEqual(['lock:bob'])
  })

  test('I-3 after an outage it is silent until it has learnt what it missed', async () => {
    const world = openWorld()
    const nodes = await three(world)
    const [one, two, three_] = nodes
    await world.pass(10, ...nodes)
    world.reach = (from, to) => from !== 1 && to !== 1
    for (const { disk } of [two, three_]) disk.book.versions.push('two', 'three')
    await world.pass(40, ...nodes)
    expect(one.heads.problem()).toBe('peers_unheard')
    // Heads come through, books do not: it does not answer by a roster that it knows to be old.
    world.reach = () => true
    two.lieBook = () => 'no book'
    three_.lieBook = () => 'no book'
    await world.pass(5, one)
    expect(one.heads.problem()).toBe('peers_unheard')
    delete two.lieBook
    await world.pass(12, one)
    expect(one.disk.book.versions).toEqual(['one', 'two', 'three'])
    expect(one.heads.problem()).toBeUndefined()
  })

  test('I-3 a liar that claims a version without its certificate stops nobody, and counts as unheard', async () => {
    const world = openWorld()
    const [one, two] = [await world.start(1), await world.start(2)]
    two.lie = (_, { head }) => ({ v: 1, head: resigned(two, head, { roster: { version: 9, digest: digest('nine') } }) })
    await world.pass(5, one)
    expect(alarmsOf(one)).toEqual(['peer_unproven'])
    expect(one.heads.problem()).toBe('peers_unheard')
    expect(one.disk.book.versions).toEqual(['one'])
    const three_ = await world.start(3)
    await world.pass(12, one, three_)
    expect(one.heads.problem()).toBeUndefined()
    // Its book is not fetched each second, as long as it says the same.
    expect(one.sent.filter(([peer, path]) => peer === 2 && path === '/v1/book')).toHaveLength(1)
    await world.pass(70, one, three_)
    expect(one.sent.filter(([peer, path]) => peer === 2 && path === '/v1/book')).toHaveLength(2)
  })

  test('D-4 a liar that sends mountains for nothing, each time for another reason, is not read each time', async () => {
    const world = openWorld()
    const [one, two] = [await world.start(1), await world.start(2)]
    let told = 0
    two.lie = (_, { head }) => ({ v: 1, head: resigned(two, head, { stops: digest(`nothing ${++told}`) }) })
    two.lieBook = () => ({ v: 1, versions: [], entries: [], stops: [], padding: 'x'.repeat(20_000_000) })
    const three_ = await world.start(3)
    await world.pass(120, one, three_)
    expect(told).toBeGreaterThan(10)
    expect(one.sent.filter(([peer, path]) => peer === 2 && path === '/v1/book').length).toBeLessThanOrEqual(4)
    expect(one.heads.problem()).toBeUndefined()
    // What it tells at last is still heard.
    delete two.lie
    delete two.lieBook
    two.disk.book.stops.push('a')
    await world.pass(50, one, three_)
    expect(one.disk.book.stops).toEqual(['a'])
  })

  test('I-3 two certified documents of one version are an alarm, and both go on', async () => {
    const world = openWorld()
    const [one, two] = [await world.start(1), await world.start(2)]
    one.disk.book.versions.push('two')
    two.disk.book.versions.push('deux')
    await world.pass(12, one, two)
    expect([alarmsOf(one), alarmsOf(two)]).toEqual([['roster_forked'], ['roster_forked']])
    expect([one, two].map(({ heads }) => heads.problem())).toEqual([undefined, undefined])
  })

  test('the book of one that is merely behind is asked for once', async () => {
    const world = openWorld()
    const [one, two] = [await world.start(1), await world.start(2)]
    one.disk.book.stops.push('a')
    world.reach = (from) => from === 1
    await world.pass(40, one)
    expect(asked(one, '/v1/book')).toBe(1)
    expect(summaryOf(two.disk.book)).not.toEqual(summaryOf(one.disk.book))
  })

  test('property: whatever cuts there were, once all hear each other all know the same within ten seconds', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ cut: fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })), { maxLength: 4 }), at: fc.integer({ min: 1, max: 3 }), seconds: fc.integer({ min: 1, max: 12 }) }), { maxLength: 5 }),
        async (events) => {
          const world = openWorld()
          const nodes = await three(world)
          for (const [index, { cut, at, seconds }] of events.entries()) {
            world.reach = (from, to) => !cut.some(([a, b]) => a === from && b === to)
            world.at.get(at)?.disk.book.stops.push(`stop-${index}`)
            await world.pass(seconds, ...nodes)
          }
          world.reach = () => true
          await world.pass(11, ...nodes)
          const all = events.map((_, index) => `stop-${index}`)
          for (const { disk, heads, alarms } of nodes) {
            expect([...disk.book.stops].sort()).toEqual(all)
            expect(heads.problem()).toBeUndefined()
            expect(alarms).toEqual([])
          }
        },
      ),
      { numRuns: 40 },
    )
  })
})

describe('TST-15 old images and copies', () => {
  test('a journal that is shorter than a peer saw keeps its signer silent until the lost bindings have expired', async () => {
    const world = openWorld()
    const [one, two, three_] = await three(world)
    one.judge()
    const image = imageOf(one.disk)
    one.judge()
    await world.pass(10, one, two, three_)
    const restored = await world.start(1, image)
    await world.pass(1, restored, two, three_)
    expect(restored.heads.problem()).toBe('journal_behind')
    await world.pass(1, restored, two, three_)
    expect(alarmsOf(restored)).toEqual(['journal_behind'])
    await world.pass(9, restored, two, three_)
    expect(alarmsOf(two)).toContain('peer_journal_lost')
    await world.pass(408, restored, two, three_)
    expect(restored.heads.problem()).toBe('journal_behind')
    await world.pass(3, restored, two, three_)
    expect(restored.heads.problem()).toBeUndefined()
    // By then its shorter journal is the true one: its next start is like any other.
    await world.pass(20, restored, two, three_)
    const next = await world.start(1, restored.disk)
    await world.pass(1, next)
    expect(next.heads.problem()).toBeUndefined()
    expect(alarmsOf(next)).toEqual([])
  })

  test('it is no way out to grow past what was lost, nor to let the clock run ahead', async () => {
    const world = openWorld()
    const [one, two, three_] = await three(world)
    const image = imageOf(one.disk)
    one.judge()
    await world.pass(2, one, two, three_)
    const restored = await world.start(1, image)
    restored.judge()
    restored.judge()
    await world.pass(1, restored)
    expect(restored.heads.problem()).toBe('journal_behind')
    world.clock.wall += 3_600_000
    expect(restored.heads.problem()).toBe('journal_behind')
  })

  test('I-3 a peer cannot silence a signer by claiming to have seen more', async () => {
    const world = openWorld()
    const [one, two] = [await world.start(1), await world.start(2)]
    two.lie = (_, reply) => ({ ...reply, yours: resigned(two, { ...reply.head, certificate: one.boot.certificate }, { signer: 1, boot: one.boot.id, journal: { seq: 1_000, head: digest('more') } }) })
    await world.pass(12, one)
    expect(one.heads.problem()).toBeUndefined()
    expect(alarmsOf(one)).toContain('head_invalid')
  })

  test('two copies that answer in turn are an alarm', async () => {
    const world = openWorld()
    const [one, two] = [await world.start(1), await world.start(2)]
    await world.pass(2, two)
    const copy = await world.start(1, imageOf(one.disk))
    await world.pass(10, two)
    expect(alarmsOf(two)).toEqual([])
    world.at.set(1, one)
    await world.pass(10, two)
    expect(alarmsOf(two)).toContain('two_boots')
    expect(copy.boot.id).not.toBe(one.boot.id)
  })

  test('a copy that nobody can reach is noticed by its own questions', async () => {
    const world = openWorld()
    const [one, two] = [await world.start(1), await world.start(2)]
    await world.pass(2, one, two)
    const copy = await world.start(1, imageOf(one.disk))
    world.at.set(1, one)
    await world.pass(1, copy)
    await world.pass(10, one, two)
    expect(alarmsOf(two)).toContain('two_boots')
  })

  test('a restart is no alarm, also for a peer that restarted meanwhile', async () => {
    const world = openWorld()
    const [one, two] = [await world.start(1), await world.start(2)]
    await world.pass(10, one, two)
    const [again, later] = [await world.start(1, one.disk), await world.start(2, two.disk)]
    await world.pass(20, again, later)
    expect([again, later].flatMap(alarmsOf)).toEqual([])
    expect(again.heads.problem()).toBeUndefined()
  })

  test('a new signer with an empty disk is no alarm', async () => {
    const world = openWorld()
    const nodes = await three(world)
    await world.pass(20, ...nodes)
    expect(nodes.flatMap(alarmsOf)).toEqual([])
    expect(newDisk().journal).toHaveLength(1)
  })

  test('property: the longest journal that was shown is never forgotten while its signer has not waited', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom('judge', 'image', 'restore', 'hear'), { maxLength: 12 }), async (steps) => {
        const world = openWorld()
        const two = await world.start(2)
        let one = await world.start(1)
        let image = imageOf(one.disk)
        let lost = false
        let shown = 0
        for (const step of steps) {
          if (step === 'judge') one.judge()
          if (step === 'image') image = imageOf(one.disk)
          if (step === 'restore') {
            one = await world.start(1, imageOf(image))
            lost = one.disk.journal.length - 1 < shown
          }
          if (step === 'hear') {
            await world.pass(10, two)
            if (!lost) shown = Math.max(shown, one.disk.journal.length - 1)
          }
        }
        await world.pass(1, one)
        if (lost) expect(one.heads.problem()).toBe('journal_behind')
      }),
      { numRuns: 40 },
    )
  })
})
