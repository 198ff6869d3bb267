import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { digestOf, path } from '@symbolon/envelope/envelope.testkit.ts'
import { fileRecordMemory } from './record-memory.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'symbolon-records-'))
  folders.push(made)
  return made
}
const lineage = digestOf('lineage')
const db = path('app/db')
const seen = { seq: 4, digest: digestOf('record') }

test('what was seen is there for the next process, for its owner alone, and not by its name', () => {
  const at = folder()
  fileRecordMemory(at, () => undefined).saw(lineage, db, seen)
  expect(fileRecordMemory(at, () => undefined).seen(lineage, db)).toEqual({ ok: true, value: seen })
  expect(fileRecordMemory(at, () => undefined).seen(digestOf('another'), db)).toEqual({ ok: true, value: undefined })
  const [name = '', ...more] = readdirSync(join(at, lineage))
  expect([more, name.includes('db')]).toEqual([[], false])
  expect(statSync(join(at, lineage, name)).mode & 0o777).toBe(0o600)
  expect(readFileSync(join(at, lineage, name), 'utf8')).not.toContain('app')
})

test('what cannot be read is not passed over', () => {
  const at = folder()
  fileRecordMemory(at, () => undefined).saw(lineage, db, seen)
  const [name = ''] = readdirSync(join(at, lineage))
  writeFileSync(join(at, lineage, name), '{"v":1}')
  const got = fileRecordMemory(at, () => undefined).seen(lineage, db)
  expect(got.ok ? 'ok' : got.error.code).toBe('input_invalid')
})

test('where nothing can be kept, it is said once', () => {
  const at = join(folder(), 'file')
  writeFileSync(at, '')
  chmodSync(at, 0o600)
  const said: string[] = []
  const memory = fileRecordMemory(join(at, 'below'), (what) => said.push(what))
  memory.saw(lineage, db, seen)
  memory.saw(lineage, db, seen)
  expect(said).toHaveLength(1)
  expect(memory.seen(lineage, db)).toEqual({ ok: true, value: undefined })
})
