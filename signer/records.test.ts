import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { openJournal, type Journal, type Wish } from './journal.ts'
import { openRecords, recordSchema, type Finished, type Next } from './records.ts'

const hash = (text: string): Uint8Array => new Uint8Array(createHash('sha256').update(text).digest())
const lineage = hash('lineage')
const path = hash('app/db')
const cleanups: (() => void)[] = []
afterEach(() => cleanups.splice(0).forEach((end) => end()))

function home() {
  const folder = mkdtempSync(join(tmpdir(), 'signer-records-'))
  const forked: Finished[] = []
  const failures: unknown[] = []
  let open: Journal | undefined
  const start = () => {
    open?.close()
    return (open = openJournal({ folder, signer: 1, lineage, onFailure: (error) => failures.push(error), onForked: (shown) => forked.push(shown) }))
  }
  const edit = (sql: string) => {
    open?.close()
    open = undefined
    const db = new DatabaseSync(join(folder, 'journal.sqlite'))
    db.exec(sql)
    db.close()
  }
  cleanups.push(() => {
    open?.close()
    rmSync(folder, { recursive: true })
  })
  return { start, edit, forked, failures }
}

const finished = (name: string, seq: number, of = path): Finished => ({ path: of, seq, digest: hash(name), record: hash(`bytes of ${name}`), signature: hash(`signature of ${name}`) })
const next = (name: string, seq: number, previous?: string): Next => ({ path, seq, digest: hash(name), previous: previous === undefined ? undefined : hash(previous) })
const change = (to: Next, shown: readonly Finished[] = [], intent = `intent of ${Buffer.from(to.digest).toString('hex')}`): Wish => ({ verdict: 'granted', request: new Uint8Array(randomBytes(32)), intent: hash(intent), bytes: to.digest, evidence: hash('evidence'), singleUse: [], exp: 1_300, shown, next: to })
const reading = (...shown: readonly Finished[]): Wish => ({ verdict: 'granted', request: new Uint8Array(randomBytes(32)), intent: new Uint8Array(randomBytes(32)), bytes: hash('openings'), evidence: hash('evidence'), singleUse: [], exp: 1_300, shown })
const receipt = (of: Finished): Wish => ({ verdict: 'receipted', finished: of })
const one = (journal: Journal, wish: Wish) => journal.record([wish], 1_000)?.[0]
const codeOf = (work: () => unknown): unknown => {
  try {
    work()
    return 'no error'
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
}

describe('I-7 one record for each secret and sequence number, for good', () => {
  test('another one under the same number is refused; the same may be signed again', () => {
    const journal = home().start()
    expect(one(journal, change(next('a', 1)))).toBe('granted')
    expect(one(journal, change(next('b', 1)))).toBe('sequence_taken')
    expect(one(journal, change(next('a', 1)))).toBe('granted')
    expect(journal.records.counts()).toEqual({ known: 0, promised: 1 })
  })

  test('TST-14 also in the next life, and after every binding has expired', () => {
    const { start } = home()
    one(start(), change(next('a', 1)))
    const journal = start()
    expect(journal.record([change(next('b', 1))], 10_000_000)).toEqual(['sequence_taken'])
  })

  test('holds within one batch: two writers at once, one goes through', () => {
    const journal = home().start()
    expect(journal.record([change(next('a', 1)), change(next('b', 1)), change(next('c', 2))], 1_000)).toEqual(['granted', 'sequence_taken', 'granted'])
  })

  test('a writer that died is passed by: the next number is free, and its record stays signable until another is finished', () => {
    const journal = home().start()
    one(journal, receipt(finished('one', 1)))
    expect(one(journal, change(next('died', 2, 'one')))).toBe('granted')
    expect(one(journal, change(next('after', 3, 'one')))).toBe('granted')
    expect(one(journal, change(next('died', 2, 'one')))).toBe('granted')
    expect(one(journal, receipt(finished('after', 3)))).toBe('receipted')
    expect(one(journal, change(next('died', 2, 'one')))).toBe('record_stale')
    expect(journal.records.counts()).toEqual({ known: 1, promised: 0 })
  })

  test('of two that were begun on one predecessor, the second is stale once the first is finished', () => {
    const journal = home().start()
    expect(one(journal, change(next('a', 1)))).toBe('granted')
    expect(one(journal, change(next('b', 2)))).toBe('granted')
    one(journal, receipt(finished('a', 1)))
    expect(one(journal, change(next('b', 2)))).toBe('record_stale')
    expect(one(journal, change(next('b again', 2, 'a')))).toBe('sequence_taken')
    expect(one(journal, change(next('b again', 3, 'a')))).toBe('granted')
  })

  test('a refusal promises nothing', () => {
    const journal = home().start()
    one(journal, change(next('a', 1), [], 'intent'))
    expect(one(journal, change(next('b', 2), [], 'intent'))).toBe('bound_otherwise')
    expect(journal.records.counts()).toEqual({ known: 0, promised: 1 })
  })

  test('secrets do not get in each other’s way', () => {
    const journal = home().start()
    one(journal, change(next('a', 1)))
    expect(one(journal, change({ ...next('b', 1), path: hash('app/other') }))).toBe('granted')
  })
})

describe('I-7 only on top of the newest finished record that is known', () => {
  test.each<[string, Next]>([
    ['an older one', next('c', 3, 'one')],
    ['none', next('c', 3)],
    ['one that nobody has shown', next('c', 3, 'unheard')],
    ['the newest, with its own number', next('c', 2, 'two')],
    ['the newest, with an older number', next('c', 1, 'two')],
  ])('not on %s', (_, wanted) => {
    const journal = home().start()
    one(journal, receipt(finished('one', 1)))
    one(journal, receipt(finished('two', 2)))
    expect(one(journal, change(wanted))).toBe('record_stale')
    expect(journal.records.counts().promised).toBe(0)
  })

  test('a signer that missed writes learns of them by the predecessor that comes along', () => {
    const journal = home().start()
    one(journal, receipt(finished('one', 1)))
    expect(one(journal, change(next('eight', 8, 'seven'), [finished('seven', 7)]))).toBe('granted')
    expect(journal.records.newest(path)).toEqual({ seq: 7, digest: hash('seven') })
    expect(one(journal, change(next('c', 9, 'one'), [finished('one', 1)]))).toBe('record_stale')
  })

  test('an old predecessor that comes along is not believed to be the newest', () => {
    const journal = home().start()
    one(journal, receipt(finished('two', 2)))
    expect(one(journal, change(next('c', 3, 'one'), [finished('one', 1)]))).toBe('record_stale')
    expect(journal.records.newest(path)?.seq).toBe(2)
  })
})

describe('I-7 a reading', () => {
  test('by an older record than is known is refused, by the newest or a newer one granted and remembered', () => {
    const { start } = home()
    const journal = start()
    one(journal, receipt(finished('two', 2)))
    expect(one(journal, reading(finished('one', 1)))).toBe('record_stale')
    expect(one(journal, reading(finished('two', 2)))).toBe('granted')
    expect(one(journal, reading(finished('three', 3)))).toBe('granted')
    expect(one(start(), reading(finished('two', 2)))).toBe('record_stale')
  })

  test('with one stale secret among many opens none, and what is news of the others is remembered', () => {
    const journal = home().start()
    one(journal, receipt(finished('two', 2)))
    const other = hash('app/other')
    expect(one(journal, reading(finished('o', 5, other), finished('one', 1)))).toBe('record_stale')
    expect(journal.records.newest(other)?.seq).toBe(5)
  })
})

describe('I-7 two writers at once', () => {
  test('the one that was overtaken is not receipted where its rival was helped, unless its rival follows it', () => {
    const journal = home().start()
    one(journal, receipt(finished('base', 1)))
    one(journal, change(next('ann', 2, 'base')))
    one(journal, change(next('bob', 3, 'base')))
    one(journal, receipt(finished('ann', 2)))
    expect(journal.records.overtaken(finished('ann', 2))).toBe(true)
    one(journal, receipt(finished('bob', 3)))
    expect(journal.records.overtaken(finished('bob', 3))).toBe(false)
    one(journal, change(next('carol', 4, 'bob')))
    expect(journal.records.overtaken(finished('bob', 3))).toBe(false)
  })

  interface Made { readonly id: string; readonly seq: number; readonly on: Made | undefined; readonly shares: Set<number>; readonly receipts: Set<number> }
  const some = fc.subarray([0, 1, 2], { minLength: 1 })
  const anyStep = fc.oneof(
    { weight: 3, arbitrary: fc.record({ what: fc.constant('ask' as const), signers: some, writer: fc.nat(1), ahead: fc.integer({ min: 1, max: 3 }), on: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('again' as const), signers: some, which: fc.nat(3) }) },
    { weight: 3, arbitrary: fc.record({ what: fc.constant('finish' as const), signers: some, which: fc.nat(2) }) },
  )
  const tables = () => {
    const db = new DatabaseSync(':memory:')
    db.exec(recordSchema)
    return openRecords(db)
  }
  test('property: in whatever order three signers are asked, what two have receipted is never replaced by what does not follow it', () => {
    let [confirmed, rivals] = [0, 0]
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 10, maxLength: 40 }), (steps) => {
        const signers = [tables(), tables(), tables()]
        const made = new Map<string, Made>()
        const done = () => [...made.values()].filter(({ shares }) => shares.size >= 2).toSorted((a, b) => b.seq - a.seq)
        const ask = (signer: number, { id, seq, on, shares }: Made) => {
          const records = signers[signer]
          const isStale = on !== undefined && !['taken', 'same'].includes(records?.take(finished(on.id, on.seq)) ?? 'older')
          if (!isStale && records?.promise(next(id, seq, on?.id)) === undefined) shares.add(signer)
        }
        for (const step of steps) {
          if (step.what === 'ask') {
            const on = done()[step.on]
            const seq = (on?.seq ?? 0) + step.ahead
            const id = `${step.writer} at ${seq} on ${on?.id ?? 'nothing'}`
            made.set(id, made.get(id) ?? { id, seq, on, shares: new Set(), receipts: new Set() })
          }
          const record = step.what === 'ask' ? [...made.values()].at(-1) : step.what === 'again' ? [...made.values()].at(-1 - step.which) : done()[step.which]
          if (record === undefined) continue
          for (const signer of step.signers) {
            if (step.what !== 'finish') ask(signer, record)
            else if (['taken', 'same'].includes(signers[signer]?.take(finished(record.id, record.seq)) ?? 'older') && signers[signer]?.overtaken(finished(record.id, record.seq)) === false) record.receipts.add(signer)
          }
        }
        const follows = ({ on }: Made, ancestor: Made): boolean => on !== undefined && (on === ancestor || follows(on, ancestor))
        for (const stood of done().filter(({ receipts }) => receipts.size >= 2)) {
          confirmed += 1
          for (const later of done().filter(({ seq }) => seq > stood.seq)) expect(follows(later, stood)).toBe(true)
        }
        rivals += done().filter((each) => done().some((other) => other.seq > each.seq && !follows(other, each))).length
        expect(new Set(done().map(({ seq }) => seq)).size).toBe(done().length)
      }),
      { numRuns: 1_500 },
    )
    // It is about something: many stood, and there were rivals.
    expect([confirmed > 300, rivals > 100]).toEqual([true, true])
  }, 120_000)
})

describe('a receipt', () => {
  test('is on the disk with an entry in the chain, whole', () => {
    const { start, edit } = home()
    expect(one(start(), receipt(finished('one', 1)))).toBe('receipted')
    const journal = start()
    expect(journal.head().seq).toBe(1)
    expect(journal.records.known(path)).toEqual(finished('one', 1))
    edit("UPDATE entry SET bytes = zeroblob(32) WHERE verdict = 'receipted'")
    expect(codeOf(start)).toBe('journal_damaged')
  })

  test('of an older record is none, and leaves no entry', () => {
    const journal = home().start()
    one(journal, receipt(finished('two', 2)))
    expect(one(journal, receipt(finished('one', 1)))).toBe('record_stale')
    expect(journal.head().seq).toBe(1)
  })

  test('of two finished records under one number the first stays, and somebody is told', () => {
    const { start, forked } = home()
    const journal = start()
    one(journal, receipt(finished('a', 1)))
    expect(one(journal, receipt(finished('b', 1)))).toBe('record_stale')
    expect(one(journal, reading(finished('b', 1)))).toBe('record_stale')
    expect(journal.records.newest(path)?.digest).toEqual(hash('a'))
    expect(forked.map(({ digest }) => digest)).toEqual([hash('b'), hash('b')])
  })

  test('is none where the disk fails: nothing is remembered, nor promised', () => {
    const { start, edit, failures } = home()
    start()
    edit("CREATE TRIGGER full BEFORE INSERT ON entry BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    const journal = start()
    expect(journal.record([receipt(finished('one', 1)), change(next('a', 1))], 1_000)).toBeUndefined()
    expect([journal.records.counts(), failures.length]).toEqual([{ known: 0, promised: 0 }, 1])
  })
})

describe('the file', () => {
  test('of before there were records gets their tables once, and keeps what it holds', () => {
    const { start, edit } = home()
    one(start(), change(next('a', 1)))
    edit('DROP TABLE known; DROP TABLE promised; PRAGMA user_version = 0')
    const journal = start()
    expect([journal.head().seq, journal.records.counts()]).toEqual([1, { known: 0, promised: 0 }])
    expect(one(journal, receipt(finished('one', 1)))).toBe('receipted')
    expect(start().records.counts()).toEqual({ known: 1, promised: 0 })
  })

  test.each(['known', 'promised'])('that has lost its table %s does not open, and gets no new one', (table) => {
    const { start, edit } = home()
    start()
    edit(`DROP TABLE ${table}`)
    expect(codeOf(start)).toBe('journal_damaged')
  })

  test('of a later release does not open', () => {
    const { start, edit } = home()
    start()
    edit('PRAGMA user_version = 2')
    expect(codeOf(start)).toBe('journal_newer')
  })
})

test('property: whatever is asked in whatever order, over restarts, no number has two records, and what is known only grows', () => {
  const step = fc.oneof(
    fc.record({ what: fc.constant('change' as const), name: fc.integer({ min: 0, max: 3 }), seq: fc.integer({ min: 1, max: 6 }), onto: fc.integer({ min: 0, max: 5 }) }),
    fc.record({ what: fc.constant('finish' as const) }),
    fc.record({ what: fc.constant('restart' as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const { start } = home()
      let journal = start()
      const granted = new Map<number, string>()
      const history: Finished[] = []
      let highest = 0
      for (const each of steps) {
        if (each.what === 'restart') journal = start()
        else if (each.what === 'finish') {
          const [last] = [...granted].filter(([seq]) => seq > highest).toSorted(([a], [b]) => a - b)
          if (last === undefined) continue
          const done = finished(last[1], last[0])
          history.push(done)
          expect(one(journal, receipt(done))).toBe('receipted')
          highest = last[0]
        } else {
          const onto = history.at(-1 - each.onto)
          const previous = onto === undefined ? undefined : onto
          const name = `record ${each.name} at ${each.seq} on ${previous?.seq ?? 'nothing'}`
          const outcome = one(journal, change({ path, seq: each.seq, digest: hash(name), previous: previous?.digest }))
          if (outcome !== 'granted') continue
          expect(granted.get(each.seq) ?? name).toBe(name)
          expect(each.seq).toBeGreaterThan(highest)
          expect(previous?.seq ?? 0).toBe(highest)
          granted.set(each.seq, name)
        }
        expect(journal.records.newest(path)?.seq ?? 0).toBe(highest)
      }
    }),
    { numRuns: 40 },
  )
}, 120_000)
