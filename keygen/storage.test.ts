import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { purposes } from '@symbolon/protocol/purpose.ts'
import { openStorage, type Outcome, type Storage } from './storage.ts'

const digest = (fill: number) => toBase64url(new Uint8Array(32).fill(fill))
const [one, two] = [digest(1), digest(2)]
const groups = purposes.map((purpose) => ({ purpose, epoch: 1 }))
// What the files hold is other code's affair.
const outcome = { roster: { groups }, certificate: {}, keyset: {} } as unknown as Outcome

let root: string
let storage: Storage
const path = (name: string) => join(root, 'state', name)
const shares = () => groups.map(({ purpose }) => existsSync(path(`keystore/shares/${purpose}-1.sealed`)))
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'symbolon-storage-'))
  storage = openStorage({ state: path(''), keystore: path('keystore') })
  groups.forEach((group) => storage.writeShare(group, utf8(group.purpose)))
})
afterEach(() => rmSync(root, { recursive: true }))
const remember = (plan: typeof one) =>
  storage.remember({ v: 1, plan, session: one, statement: { v: 1, plan, session: one, transcript: one, groups: groups.map(({ purpose }) => ({ purpose, epoch: 1, t: 2, n: 3, key: one, shares: [1, 2, 3].map((id) => ({ id, share: one })) })) }, own: [{ v: 1, plan, session: one, phase: 'done', sender: 1, body: {}, signature: toBase64url(new Uint8Array(64)) }] })

describe('two-phase storage', () => {
  test('SEC-20 until activation nothing lies where a signer looks', () => {
    expect([storage.active(), shares()]).toEqual([false, [false, false, false, false]])
    expect(Buffer.from(storage.readShare({ purpose: 'vault', epoch: 1 }) ?? []).toString()).toBe('vault')
  })

  test('SEC-20 activation moves every share and writes the roster last', () => {
    mkdirSync(path('keyset.json'))
    expect(() => storage.activate(outcome)).toThrow()
    expect([existsSync(path('certificates.json')), storage.active()]).toEqual([true, false])
    rmSync(path('keyset.json'), { recursive: true })
    // Cut short, it is done again from where it stopped.
    storage.activate(outcome)
    expect([storage.active(), shares()]).toEqual([true, [true, true, true, true]])
    expect(existsSync(path('keyset.json'))).toBe(true)
  })

  test('what is active is never replaced', () => {
    storage.activate(outcome)
    writeFileSync(path('certificates.json'), 'kept')
    storage.activate({ ...outcome, certificate: { other: true } } as unknown as Outcome)
    expect(existsSync(path('roster.json'))).toBe(true)
    storage.begin(two)
    storage.discard()
    expect([storage.active(), shares()]).toEqual([true, [true, true, true, true]])
  })

  test('SEC-20 a run of the same plan finds what was left; another plan’s leftovers are removed', () => {
    remember(one)
    expect(storage.begin(one)).toMatchObject({ plan: one, own: [{ phase: 'done' }] })
    expect(storage.readShare({ purpose: 'token', epoch: 1 })).toBeDefined()
    expect(storage.begin(two)).toBeUndefined()
    expect(existsSync(path('ceremony'))).toBe(false)
  })

  test('leftovers that cannot be read, or that are only shares, are removed', () => {
    expect(storage.begin(one)).toBeUndefined()
    expect(existsSync(path('ceremony'))).toBe(false)
    mkdirSync(path('ceremony'), { recursive: true })
    writeFileSync(path('ceremony/progress.json'), '{"v":1')
    expect(storage.begin(one)).toBeUndefined()
    expect(existsSync(path('ceremony'))).toBe(false)
  })

  test('a folder that cannot be written is an error, not a silence', () => {
    writeFileSync(path('blocked'), '')
    chmodSync(path('blocked'), 0o600)
    const blocked = openStorage({ state: path('blocked'), keystore: path('blocked') })
    expect(() => blocked.writeShare({ purpose: 'token', epoch: 1 }, utf8('x'))).toThrow(expect.objectContaining({ syscall: expect.any(String) }))
  })
})
