import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { ArenaError, openArena } from './arena.ts'
import { Secret, SecretError, heapMemory } from './secret.ts'

const codeOf = (action: () => unknown) => {
  try {
    action()
  } catch (error) {
    if (error instanceof ArenaError || error instanceof SecretError) return error.code
    throw error
  }
  return 'no error'
}
const full = (bytes: Uint8Array) => bytes.fill(0xab)

describe('the arena', () => {
  test('hands out zeroed memory that does not overlap, and takes it back zeroed', () => {
    const arena = openArena(4096)
    const secrets = Array.from({ length: 64 }, () => arena.take(64))
    expect(codeOf(() => arena.take(1))).toBe('arena_full')
    secrets.forEach((secret, i) => secret.borrow((bytes) => bytes.fill(i)))
    secrets.forEach((secret, i) => secret.borrow((bytes) => expect(new Set(bytes)).toEqual(new Set([i]))))
    const view = secrets[7]?.borrow((bytes) => bytes) ?? expect.fail()
    secrets[7]?.wipe()
    expect(new Set(view)).toEqual(new Set([0]))
    expect(arena.free).toBe(64)
    arena.take(40).borrow((bytes) => expect([bytes.length, new Set(bytes)]).toEqual([40, new Set([0])]))
    expect(arena.free).toBe(0)
  })

  test('wiping twice gives the memory back once', () => {
    const arena = openArena(4096)
    const secret = arena.take(100)
    expect(arena.free).toBe(4096 - 128)
    secret.wipe()
    secret.wipe()
    expect(arena.free).toBe(4096)
    const [a, b] = [arena.take(100), arena.take(100)]
    a.borrow(full)
    b.borrow((bytes) => expect(new Set(bytes)).toEqual(new Set([0])))
  })

  test('slots are aligned for doubles', () => openArena(4096).take(24).borrow((bytes) => expect(() => new Float64Array(bytes.buffer, bytes.byteOffset, 3)).not.toThrow()))

  test.each([0, -4096, 4095, 1.5, Number.NaN])('%d bytes is no arena', (bytes) => expect(codeOf(() => openArena(bytes))).toBe('arena_size'))

  test.runIf(process.platform === 'linux')('memory over the limit is refused, not silently unlocked (Linux only)', () => {
    const script = 'import(process.argv[1]).then(({ openArena }) => { try { openArena(1 << 20); console.log("opened") } catch (error) { console.log(error.code) } })'
    // The capability to lock would lift the limit, so a child of root gives it up.
    const unprivileged = process.getuid?.() === 0 ? 'setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock' : ''
    const run = (limit: string) =>
      execFileSync('sh', ['-c', `ulimit -l ${limit} && exec ${unprivileged} "$0" -e "$1" "$2"`, process.execPath, script, join(import.meta.dirname, 'arena.ts')], { encoding: 'utf8' }).trim()
    expect(run('64')).toBe('memory_not_locked')
    expect(run('4096')).toBe('opened')
  })
})

describe.each([
  { on: 'the arena', memory: openArena(4096) },
  { on: 'the heap', memory: heapMemory },
])('a secret on $on', ({ memory }) => {
  const secret = () => {
    const taken = memory.take(32)
    taken.borrow(full)
    return taken
  }

  test('TST-54 shows nothing in JSON, strings and inspection', () => {
    expect(codeOf(() => JSON.stringify({ deep: [secret()] }))).toBe('secret_serialised')
    expect(String(secret())).toBe('[Secret]')
    expect(`${inspect({ deep: secret() }, { depth: 9, showHidden: true, getters: true })}`).not.toMatch(/ab|171/)
    expect(Object.keys(secret())).toEqual([])
    expect(structuredClone({ deep: secret() })).toEqual({ deep: {} })
  })

  test('is gone when wiped', () => {
    const gone = secret()
    const view = gone.borrow((bytes) => bytes)
    gone.wipe()
    expect(gone.wiped).toBe(true)
    expect(new Set(view)).toEqual(new Set([0]))
    expect(codeOf(() => gone.borrow(() => 1))).toBe('secret_wiped')
    expect(codeOf(() => gone.length)).toBe('secret_wiped')
  })

  test('is wiped at the end of its block, also by an exception', () => {
    const seen: Secret[] = []
    expect(() => {
      using inner = secret()
      seen.push(inner)
      throw new RangeError('out')
    }).toThrow(RangeError)
    expect(seen.map(({ wiped }) => wiped)).toEqual([true])
  })

  test('is not lent to what runs later', () => expect(codeOf(() => secret().borrow(() => Promise.resolve()))).toBe('secret_outlives_borrow'))
})
