import { mkdtempSync, rmSync, cpSync, existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, describe, expect, test } from 'vitest'
import { sha256, utf8 } from '@symbolon/protocol/bytes.ts'
import { openBookFile, type BookFile } from './book-file.ts'
import { openJournal, type Journal } from './journal.ts'

const lineage = sha256(utf8('lineage'))
const open: { close(): void }[] = []
const homes: string[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.close()
  for (const folder of homes.splice(0)) rmSync(folder, { recursive: true })
})

/** A signer's folder, and one life after another in it. */
function home() {
  const folder = mkdtempSync(join(tmpdir(), 'signer-book-'))
  homes.push(folder)
  const failures: unknown[] = []
  const live = (over: { readonly signer?: number; readonly record?: (journal: Journal) => Journal['record'] } = {}): { journal: Journal; book: BookFile; die(): void } => {
    const journal = openJournal({ folder, signer: 1, lineage, onFailure: (error) => failures.push(error), onForked: () => {} })
    open.push(journal)
    const book = openBookFile({ folder, signer: over.signer ?? 1, lineage, journal: { record: over.record?.(journal) ?? ((wishes, clock) => journal.record(wishes, clock)), kept: () => journal.kept(), head: () => journal.head() }, onFailure: (error) => failures.push(error) })
    open.push(book)
    return { journal, book, die: () => open.splice(0).forEach((each) => each.close()) }
  }
  return { folder, file: join(folder, 'book.sqlite'), live, edit: (sql: string) => edit(join(folder, 'book.sqlite'), sql) }
}
function edit(file: string, sql: string): void {
  const db = new DatabaseSync(file)
  db.exec(sql)
  db.close()
}
const codeOf = (work: () => unknown): unknown => {
  try {
    work()
    return 'no error'
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  } finally {
    for (const each of open.splice(0)) each.close()
  }
}
const texts = ({ past }: BookFile) => past.map(({ act, body }) => `${act} ${Buffer.from(body).toString()}`)

test('what was written is there in the next life, in order', () => {
  const { live } = home()
  const one = live()
  expect([one.book.past, one.book.write('accepted', utf8('a'), 1_000), one.book.write('taken', utf8('b'), 1_001)]).toEqual([[], true, true])
  one.die()
  expect(texts(live().book)).toEqual(['accepted a', 'taken b'])
})

test('each act has its entry in the journal', () => {
  const { live } = home()
  const { journal, book } = live()
  const before = journal.head().seq
  book.write('accepted', utf8('a'), 1_000)
  book.write('taken', utf8('b'), 1_000)
  expect(journal.head().seq - before).toBe(2)
})

describe('a signer does not start with a book', () => {
  const kept = () => {
    const made = home()
    const { book, die } = made.live()
    for (const body of ['a', 'b', 'c']) book.write('taken', utf8(body), 1_000)
    die()
    return made
  }

  test('that is gone', () => {
    const { live, file } = kept()
    rmSync(file)
    expect(codeOf(live)).toBe('book_lost')
    expect(existsSync(file)).toBe(false)
  })

  test('that is older than the journal remembers', () => {
    const { live, folder, file } = home()
    const one = live()
    one.book.write('taken', utf8('a'), 1_000)
    one.die()
    cpSync(file, join(folder, 'old.sqlite'))
    const two = live()
    two.book.write('accepted', utf8('b'), 1_000)
    two.die()
    for (const name of ['book.sqlite-wal', 'book.sqlite-shm']) rmSync(join(folder, name), { force: true })
    cpSync(join(folder, 'old.sqlite'), file)
    expect(codeOf(live)).toBe('book_behind')
  })

  test.each([
    ['an act edited', "UPDATE act SET body = CAST('x' AS BLOB) WHERE seq = 2", 'book_damaged'],
    ['an act edited with its own hash kept', 'UPDATE act SET act = \'accepted\' WHERE seq = 1', 'book_damaged'],
    ['an act taken out', 'DELETE FROM act WHERE seq = 2', 'book_damaged'],
    ['its end cut off', 'DELETE FROM act WHERE seq = 3', 'book_behind'],
    ['everything taken out', 'DELETE FROM act', 'book_behind'],
    ['acts exchanged', 'UPDATE act SET seq = 9 WHERE seq = 1; UPDATE act SET seq = 1 WHERE seq = 2; UPDATE act SET seq = 2 WHERE seq = 9', 'book_damaged'],
    ['another owner', 'UPDATE owner SET signer = 2', 'book_foreign'],
    ['another id', 'UPDATE owner SET id = zeroblob(16)', 'book_damaged'],
    ['no owner', 'DELETE FROM owner', 'book_foreign'],
    ['no tables', 'DROP TABLE act', 'book_damaged'],
  ])('with %s by hand', (_, sql, code) => {
    const made = kept()
    made.edit(sql)
    expect(codeOf(made.live)).toBe(code)
  })

  test('of another signer', () => {
    const { live } = kept()
    expect(codeOf(() => live({ signer: 2 }))).toBe('book_foreign')
  })

  test('that holds more than one act beyond the journal', () => {
    const { live, folder } = home()
    const one = live()
    one.die()
    // Copies of the journal as of one act before, and of two acts before.
    cpSync(join(folder, 'journal.sqlite'), join(folder, 'journal.old'))
    const two = live()
    two.book.write('taken', utf8('a'), 1_000)
    two.book.write('taken', utf8('b'), 1_000)
    two.die()
    cpSync(join(folder, 'journal.old'), join(folder, 'journal.sqlite'))
    expect(codeOf(live)).toBe('book_damaged')
  })
})

describe('TST-14 a crash', () => {
  test('that the journal could not be written after: nothing follows, and the next act tells of both', () => {
    const { live } = home()
    let broken = false
    const { book, die } = live({ record: (journal) => (wishes, clock) => (broken ? undefined : journal.record(wishes, clock)) })
    broken = true
    expect([book.write('accepted', utf8('a'), 1_000), book.failing()]).toEqual([false, true])
    expect(book.write('accepted', utf8('b'), 1_000)).toBe(false)
    broken = false
    expect([book.write('accepted', utf8('c'), 1_000), book.failing()]).toEqual([true, false])
    die()
    expect(texts(live().book)).toEqual(['accepted a', 'accepted c'])
  })

  test('before the journal heard of the last act: it hears at the next start', () => {
    const { live, folder } = home()
    const one = live()
    one.book.write('taken', utf8('a'), 1_000)
    one.die()
    cpSync(join(folder, 'journal.sqlite'), join(folder, 'journal.old'))
    const two = live()
    two.book.write('accepted', utf8('b'), 1_000)
    two.die()
    cpSync(join(folder, 'journal.old'), join(folder, 'journal.sqlite'))
    const three = live()
    expect(texts(three.book)).toEqual(['taken a', 'accepted b'])
    three.die()
    const four = live()
    expect(four.journal.head().seq).toBe(3)
  })
})

test('a journal that begins anew after a loss takes the book as it is', () => {
  const { live, folder } = home()
  const one = live()
  one.book.write('taken', utf8('a'), 1_000)
  one.book.write('taken', utf8('b'), 1_000)
  one.die()
  for (const name of ['journal.sqlite', 'journal.json']) rmSync(join(folder, name))
  const two = live()
  expect(texts(two.book)).toEqual(['taken a', 'taken b'])
  two.die()
  const db = new DatabaseSync(join(folder, 'book.sqlite'))
  db.exec('DELETE FROM act WHERE seq = 2')
  db.close()
  expect(codeOf(live)).toBe('book_behind')
})
