import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { commandOf } from '@symbolon/runtime/pid-file.ts'
import { startPostgres } from '@symbolon/dev/postgres.ts'
import { runAs, withFolder } from '../other-user.ts'

const script = 'test/runtime/postgres.testkit.ts'
const isRoot = process.geteuid?.() === 0
// Only root can be somebody else. An ordinary user's run of these tests is itself the ordinary user's case.
describe.runIf(isRoot)('embedded Postgres, by who starts it (as root only)', () => {
  test('root, under a home that nobody else may enter', async () => {
    await withFolder(0, async (home) => {
      expect(JSON.parse(await runAs({ uid: 0 }, script, [home]))).toMatchObject({ uid: 0, way: 'namespace', rows: [{ value: 42 }] })
      expect(statSync(home).mode & 0o777).toBe(0o700)
    })
  })

  test('an ordinary user', async () => {
    await withFolder(1000, async (home) => {
      expect(JSON.parse(await runAs({ uid: 1000 }, script, [home]))).toMatchObject({ uid: 1000, way: 'plain', rows: [{ value: 42 }] })
    })
  })

  test('root where user namespaces are not to be had', async () => {
    await withFolder(0, async (home) => {
      const bin = join(home, 'bin')
      mkdirSync(bin)
      for (const program of ['setpriv', 'id', 'true']) symlinkSync(`/usr/bin/${program}`, join(bin, program))
      expect(JSON.parse(await runAs({ uid: 0, path: bin }, script, [home]))).toMatchObject({ uid: 0, way: 'switched', rows: [{ value: 42 }] })
      expect(statSync(join(home, 'postgres/data')).uid).toBe(65534)
    })
  })
})

describe('embedded Postgres', () => {
  let home: string
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'symbolon-pg-'))
  })
  afterEach(() => rmSync(home, { recursive: true }))

  test('keeps its socket short under a deep home, private, and removes it', async () => {
    const deep = join(home, 'd'.repeat(90))
    mkdirSync(deep, { mode: 0o700 })
    const started = await startPostgres({ home: deep, logFile: join(home, 'log'), roles: [] })
    if (!started.ok) throw new Error(started.message)
    const { socket, pid } = started.postgres
    expect(socket.startsWith(deep)).toBe(false)
    expect(statSync(socket).mode & 0o777).toBe(0o700)
    expect(commandOf(pid)).toContain(`-D ${deep}/postgres/data`)
    await started.postgres.stop()
    expect(() => statSync(socket)).toThrow(expect.objectContaining({ code: 'ENOENT' }))
    expect(commandOf(pid)).toBeUndefined()
  })

  test('an initdb that was cut off is begun anew', async () => {
    mkdirSync(join(home, 'postgres/data.new'), { recursive: true, mode: 0o700 })
    symlinkSync('/nowhere', join(home, 'postgres/data.new/PG_VERSION'))
    const started = await startPostgres({ home, logFile: join(home, 'log'), roles: [] })
    if (!started.ok) throw new Error(started.message)
    await started.postgres.stop()
    expect(readdirSync(join(home, 'postgres')).toSorted()).toEqual(['data', 'socket'])
  })

  test('a second server on the same data is refused, before it could pass for the first', async () => {
    const first = await startPostgres({ home, logFile: join(home, 'log'), roles: [] })
    if (!first.ok) throw new Error(first.message)
    try {
      const second = await startPostgres({ home, logFile: join(home, 'log2'), roles: [] })
      expect(second).toEqual({ ok: false, message: `Postgres already runs on this data as process ${first.postgres.pid}` })
    } finally {
      await first.postgres.stop()
    }
  })
})
