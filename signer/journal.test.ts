import { createHash, randomBytes } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, describe, expect, test } from 'vitest'
import { openJournal, type Journal, type Wish } from './journal.ts'
import type { Finished } from './records.ts'

const made: { folder: string; open: Journal[] }[] = []
const hash = (text: string): Uint8Array => new Uint8Array(createHash('sha256').update(text).digest())
const lineage = hash('lineage')

function home() {
  const folder = mkdtempSync(join(tmpdir(), 'signer-journal-'))
  const failures: unknown[] = []
  const forked: Finished[] = []
  const opened: Journal[] = []
  made.push({ folder, open: opened })
  const open = (over: { folder?: string; signer?: number; lineage?: Uint8Array } = {}) => {
    const journal = openJournal({ folder, signer: 1, lineage, onFailure: (error) => failures.push(error), onForked: (shown) => forked.push(shown), ...over })
    opened.push(journal)
    return journal
  }
  return { folder, file: join(folder, 'journal.sqlite'), marker: join(folder, 'journal.json'), failures, forked, open }
}

afterEach(() => {
  for (const { folder, open } of made.splice(0)) {
    for (const journal of open) {
      try {
        journal.close()
      } catch (error) {
        // Closed by the test itself.
        expect(error).toMatchObject({ code: 'ERR_INVALID_STATE' })
      }
    }
    rmSync(folder, { recursive: true })
  }
})

const exp = 1_300
const granted = (over: Partial<Extract<Wish, { verdict: 'granted' }>> = {}): Wish => ({
  verdict: 'granted',
  request: randomBytes(32),
  intent: hash('intent'),
  bytes: hash('bytes'),
  evidence: hash('evidence'),
  singleUse: [],
  exp,
  ...over,
})
const codeOf = (work: () => unknown): unknown => {
  try {
    work()
    return 'no error'
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
}

describe('I-2 one intent, one claim set', () => {
  test('the same pair may be granted again, other bytes never', () => {
    const journal = home().open()
    expect(journal.record([granted()], 1_000)).toEqual(['granted'])
    expect(journal.record([granted()], 1_001)).toEqual(['granted'])
    expect(journal.record([granted({ bytes: hash('other bytes') })], 1_002)).toEqual(['bound_otherwise'])
  })

  test('other evidence for the same digest is refused', () => {
    const journal = home().open()
    journal.record([granted()], 1_000)
    expect(journal.record([granted({ evidence: hash('another proof') })], 1_000)).toEqual(['bound_otherwise'])
  })

  test('holds within one batch', () => {
    const journal = home().open()
    expect(journal.record([granted(), granted({ bytes: hash('other') }), granted()], 1_000)).toEqual(['granted', 'bound_otherwise', 'granted'])
  })

  test('TST-14 holds over a restart', () => {
    const { open } = home()
    const journal = open()
    journal.record([granted()], 1_000)
    journal.close()
    expect(open().record([granted({ bytes: hash('other') })], 1_001)).toEqual(['bound_otherwise'])
  })

  test('single-use evidence is spent on one digest, and may be judged again for that one', () => {
    const journal = home().open()
    const singleUse = [{ id: hash('id token'), until: 1_100 }]
    expect(journal.record([granted({ singleUse })], 1_000)).toEqual(['granted'])
    expect(journal.record([granted({ singleUse, intent: hash('second intent') })], 1_000)).toEqual(['evidence_spent'])
    expect(journal.record([granted({ singleUse })], 1_000)).toEqual(['granted'])
  })

  test('I-6 evidence that a key owns is that key’s, under any intent, and nobody else’s', () => {
    const { open } = home()
    const journal = open()
    const wish = (intent: string, owner?: string) => granted({ intent: hash(intent), singleUse: [{ id: hash('token'), until: 2_000, ...(owner === undefined ? {} : { owner: hash(owner) }) }] })
    expect([wish('one', 'key'), wish('two', 'key'), wish('three', 'thief'), wish('four')].map((each) => journal.record([each], 1_000)?.[0])).toEqual(['granted', 'granted', 'evidence_spent', 'evidence_spent'])
    expect(journal.record([wish('five', 'thief'), wish('five', 'key')], 1_500)).toEqual(['evidence_spent', 'granted'])
    expect([2_061, 2_062].map((clock) => journal.record([wish('six', 'thief')], clock)?.[0])).toEqual(['evidence_spent', 'granted'])
  })

  test('a refused attempt binds nothing', () => {
    const journal = home().open()
    const singleUse = [{ id: hash('id token'), until: 1_100 }]
    journal.record([granted({ singleUse })], 1_000)
    const second = hash('second intent')
    expect(journal.record([granted({ singleUse, intent: second })], 1_000)).toEqual(['evidence_spent'])
    expect(journal.record([granted({ intent: second, bytes: hash('own bytes') })], 1_000)).toEqual(['granted'])
    expect(journal.record([{ verdict: 'refused', request: randomBytes(32), intent: hash('third') }], 1_000)).toEqual(['refused'])
    expect(journal.record([granted({ intent: hash('third') })], 1_000)).toEqual(['granted'])
  })
})

describe('the clock mark', () => {
  test('never goes back, over restarts too', () => {
    const { open } = home()
    const journal = open()
    journal.record([granted()], 5_000)
    expect([journal.clock(5_010), journal.clock(4_990), journal.clock(4_940), journal.clock(4_939)]).toEqual([5_010, 5_000, 5_000, undefined])
    journal.close()
    expect([open().clock(4_990), 0]).toEqual([5_000, 0])
  })

  test('a binding is kept until exp and skew have passed', () => {
    const { folder, open } = home()
    const journal = open()
    const singleUse = [{ id: hash('id token'), until: exp + 500 }]
    journal.record([granted({ singleUse })], 1_000)
    const count = (table: string) => {
      const db = new DatabaseSync(join(folder, 'journal.sqlite'))
      const { n } = db.prepare(`SELECT count(*) AS n FROM ${table}`).get() ?? {}
      db.close()
      return n
    }
    const tick = (clock: number) => {
      const each = open()
      each.record([{ verdict: 'refused', request: randomBytes(32), intent: undefined }], clock)
      each.close()
      return [count('binding'), count('spent')]
    }
    journal.close()
    expect([tick(exp + 60), tick(exp + 61), tick(exp + 560), tick(exp + 561)]).toEqual([[1, 1], [0, 1], [0, 1], [0, 0]])
  })

  test('what expires together in great number is forgotten bit by bit, without a later time, and once more later', () => {
    const { folder, open } = home()
    const many = () => Array.from({ length: 300 }, () => granted({ intent: randomBytes(32) }))
    const left = (...clocks: readonly number[]) => {
      const journal = open()
      journal.record(many(), 1_000)
      for (const clock of clocks) journal.record([granted({ intent: randomBytes(32), exp: clock })], clock)
      journal.close()
      const db = new DatabaseSync(join(folder, 'journal.sqlite'))
      const { n } = db.prepare('SELECT count(*) AS n FROM binding').get() ?? {}
      db.exec('DELETE FROM binding')
      db.close()
      return n
    }
    const late = exp + 61
    expect([left(), left(late), left(late, late), left(late, late, late), left(late, late, late, late + 61)]).toEqual([300, 45, 2, 3, 1])
  })
})

describe('TST-37 the hash chain', () => {
  const filled = () => {
    const it = home()
    const journal = it.open()
    for (let at = 0; at < 5; at += 1) journal.record([granted({ intent: hash(`intent ${at}`) }), { verdict: 'refused', request: randomBytes(32), intent: undefined }], 1_000 + at)
    expect(journal.head().seq).toBe(10)
    journal.close()
    return it
  }
  const edit = (file: string, sql: string) => {
    const db = new DatabaseSync(file)
    db.exec(sql)
    db.close()
  }

  test('an untouched journal opens, and goes on where it ended', () => {
    const { open } = filled()
    const journal = open()
    expect(journal.head().seq).toBe(10)
    expect(journal.record([granted({ intent: hash('next') })], 2_000)).toEqual(['granted'])
    journal.close()
    expect(open().head().seq).toBe(11)
  })

  test.each([
    ['an edited time', 'UPDATE entry SET time = time + 1 WHERE seq = 4'],
    ['an edited verdict', "UPDATE entry SET verdict = 'refused' WHERE seq = 5"],
    ['edited bytes', 'UPDATE entry SET bytes = randomblob(32) WHERE seq = 5'],
    ['an intent taken out', 'UPDATE entry SET intent = NULL WHERE seq = 5'],
    ['an entry dropped in the middle', 'DELETE FROM entry WHERE seq = 5'],
    ['the first dropped', 'DELETE FROM entry WHERE seq = 1'],
    ['the last dropped', 'DELETE FROM entry WHERE seq = 10'],
    ['all dropped', 'DELETE FROM entry'],
    ['two exchanged', 'UPDATE entry SET seq = -1 WHERE seq = 3; UPDATE entry SET seq = 3 WHERE seq = 5; UPDATE entry SET seq = 5 WHERE seq = -1'],
    ['one added', 'INSERT INTO entry SELECT 11, time, verdict, request, intent, bytes, hash FROM entry WHERE seq = 10'],
    ['a forged head', 'UPDATE state SET head = randomblob(32)'],
    ['no state', 'DELETE FROM state'],
  ])('does not open with %s', (_, sql) => {
    const { file, open } = filled()
    edit(file, sql)
    expect(codeOf(open)).toBe('journal_damaged')
  })
})

test.each([
  ['edited', "UPDATE entry SET request = randomblob(32) WHERE seq = 2", 'entry 2 is not what was written'],
  ['dropped', 'DELETE FROM entry WHERE seq = 2', 'entry 2 is missing'],
])('TST-37 the entry that was %s is named', (_, sql, message) => {
  const { file, open } = home()
  const journal = open()
  for (let at = 0; at < 3; at += 1) journal.record([granted({ intent: hash(`intent ${at}`) })], 1_000)
  journal.close()
  const db = new DatabaseSync(file)
  db.exec(sql)
  db.close()
  expect(open).toThrow(message)
})

describe('TST-15 the file', () => {
  test('says whether an entry that somebody saw still stands in it', () => {
    const { open } = home()
    const journal = open()
    const before = journal.head()
    journal.record([granted()], 1_000)
    const { seq, hash: at } = journal.head()
    journal.record([granted({ intent: hash('another') })], 1_001)
    expect([before, { seq, hash: at }, journal.head()].map((entry) => journal.holds(entry))).toEqual([true, true, true])
    expect([{ seq, hash: hash('other') }, { seq: 3, hash: journal.head().hash }].map((entry) => journal.holds(entry))).toEqual([false, false])
  })

  const used = () => {
    const it = home()
    const journal = it.open()
    journal.record([granted()], 1_000)
    journal.close()
    return it
  }

  test('that is lost stops the signer, and is not made anew', () => {
    const { file, open } = used()
    rmSync(file)
    expect(codeOf(open)).toBe('journal_lost')
    expect(existsSync(file)).toBe(false)
  })

  test('without its marker does not open', () => {
    const { marker, open } = used()
    rmSync(marker)
    expect(codeOf(open)).toBe('journal_foreign')
  })

  test('with a damaged marker does not open', () => {
    const { marker, open } = used()
    writeFileSync(marker, '{"v":1}')
    expect(codeOf(open)).toBe('journal_marker_damaged')
  })

  test.each([['a text', 'not a database'], ['nothing', '']])('that holds %s does not open', (_, text) => {
    const { file, open } = used()
    writeFileSync(file, text)
    expect(codeOf(open)).toBe('journal_damaged')
  })

  test.each([['another signer', { signer: 2 }], ['another deployment', { lineage: hash('staging') }]])('of %s does not open', (_, over) => {
    const { open } = used()
    expect(codeOf(() => open(over))).toBe('journal_foreign')
  })

  test('of the same signer from another day, put under this marker, does not open', () => {
    const [one, two] = [used(), used()]
    cpSync(two.file, one.file)
    expect(codeOf(one.open)).toBe('journal_foreign')
  })

  test('that another process has open does not open twice', () => {
    const { open } = used()
    open()
    expect(codeOf(open)).toBe('journal_in_use')
  })

  test('that a crash left without its name gets it; one before its marker is made anew', () => {
    const { folder, file, marker, open } = used()
    renameSync(file, `${file}.new`)
    const journal = open()
    expect(journal.head().seq).toBe(1)
    journal.close()
    rmSync(marker)
    renameSync(file, `${file}.new`)
    expect(open({ folder }).head().seq).toBe(0)
  })
})

describe('a disk that fails', () => {

  test('records nothing of the batch, and all of it once there is room again', () => {
    const { folder, failures, open } = home()
    const journal = open()
    journal.record([granted()], 1_000)
    journal.close()
    const db = new DatabaseSync(join(folder, 'journal.sqlite'))
    db.exec("CREATE TRIGGER full BEFORE INSERT ON entry WHEN new.seq = 3 BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    db.close()
    const failing = open()
    const batch = [granted({ intent: hash('a') }), granted({ intent: hash('b') })]
    expect(failing.record(batch, 1_001)).toBeUndefined()
    expect(failures).toHaveLength(1)
    expect([failing.head().seq, failing.failing()]).toEqual([1, true])
    expect(failing.record([granted({ intent: hash('a'), bytes: hash('other') })], 1_002)).toEqual(['granted'])
    expect(failing.failing()).toBe(false)
    failing.close()
    expect(open().head().seq).toBe(2)
  })
})
