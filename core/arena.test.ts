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

  test('it is locked: the kernel counts it', () => {
    const locked = () => Number(/VmLck:\s+(\d+) kB/.exec(execFileSync('cat', [`/proc/${process.pid}/status`], { encoding: 'utf8' }))?.[1] ?? Number.NaN)
    const before = locked()
    const arena = openArena(16 * 4096)
    // A kernel that keeps no count (some sandboxes) still refuses over the limit, which the next test sees.
    if (before + locked() > 0) expect(locked() - before).toBeGreaterThanOrEqual(64)
    expect(arena.locked).toBe(true)
  })

  test('memory over the limit is refused, not silently unlocked', () => {
    const script = `import('${join(import.meta.dirname, 'arena.ts')}').then(({ openArena }) => { try { openArena(1 << 20); console.log('opened') } catch (error) { console.log(error.code) } })`
    // Capabilities would lift the limit, so the child gives them up.
    const command = `ulimit -l 64; exec setpriv --bounding-set -all --inh-caps -all --no-new-privs --reuid ${process.getuid?.() === 0 ? 65_534 : process.getuid?.()} --clear-groups "$0" -e "$1"`
    const plain = `ulimit -l 64; exec "$0" -e "$1"`
    const run = () => execFileSync('sh', ['-c', process.getuid?.() === 0 ? command : plain, process.execPath, script], { encoding: 'utf8' }).trim()
    expect(run()).toBe('memory_not_locked')
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
