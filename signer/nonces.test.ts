import { afterEach, describe, expect, test } from 'vitest'
import { openArena } from '@symbolon/core/arena.ts'
import { deal } from '@symbolon/core/dealer.testkit.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { Commitment } from '@symbolon/protocol/sign.ts'
import { coordinatorsHeld, nonceBytes, openNonces, type Coordinator, type Nonces } from './nonces.ts'

const arena = openArena(nonceBytes + 64 * 1024)
const suite = sodiumSuite(arena)
const [member] = deal(suite, { threshold: 2, ids: [1, 2, 3] }).members
if (member === undefined) throw new Error('the dealer dealt nothing')
const opened: Nonces[] = []
const open = () => {
  const nonces = openNonces(suite, member)
  opened.push(nonces)
  return nonces
}
afterEach(() => opened.splice(0).forEach((nonces) => nonces.wipe()))
const [one, two] = ['coordinator/1', 'coordinator/2'] as [Coordinator, Coordinator]
const first = (list: readonly Commitment[]): Commitment => {
  const [commitment] = list
  if (commitment === undefined) throw new Error('nothing was promised')
  return commitment
}

describe('a nonce', () => {
  test('TST-10 can be spent once, and is wiped after use', () => {
    const nonces = open()
    const commitment = first(nonces.promise(one, 1))
    const pair = nonces.spend(one, commitment, (given) => given)
    expect(pair.found && pair.value.secret.wiped).toBe(true)
    expect(nonces.spend(one, commitment, () => 'again')).toEqual({ found: false, why: 'used' })
    expect(nonces.held(one)).toBe(0)
  })

  test('TST-10 is gone and wiped when its use throws', () => {
    const nonces = open()
    const commitment = first(nonces.promise(one, 1))
    const seen: { wiped: boolean }[] = []
    const fault = new Error('thrown inside sign')
    expect(() => nonces.spend(one, commitment, (pair) => { seen.push(pair.secret); throw fault })).toThrow(fault)
    expect(seen.map(({ wiped }) => wiped)).toEqual([true])
    expect(nonces.spend(one, commitment, () => 'again')).toEqual({ found: false, why: 'used' })
  })

  test('TST-10 is out of the pool while it is used: a use within the use finds nothing', () => {
    const nonces = open()
    const commitment = first(nonces.promise(one, 1))
    expect(nonces.spend(one, commitment, () => nonces.spend(one, commitment, () => 'twice'))).toEqual({ found: true, value: { found: false, why: 'used' } })
  })

  test('belongs to the coordinator that it was promised to', () => {
    const nonces = open()
    const commitment = first(nonces.promise(one, 1))
    expect(nonces.spend(two, commitment, () => 'stolen')).toEqual({ found: false, why: 'unknown' })
    nonces.promise(two, 1)
    expect(nonces.spend(two, commitment, () => 'stolen')).toEqual({ found: false, why: 'unknown' })
    expect(nonces.spend(one, commitment, () => 'mine')).toEqual({ found: true, value: 'mine' })
  })

  test('TST-11 of two promises cannot be mixed into one', () => {
    const nonces = open()
    const [a, b] = nonces.promise(one, 2)
    expect(nonces.spend(one, { hiding: a?.hiding ?? first([]).hiding, binding: b?.binding ?? first([]).binding }, () => 'mixed')).toEqual({ found: false, why: 'unknown' })
    expect(nonces.held(one)).toBe(2)
  })

  test('TST-15 of an earlier life of the process is unknown to the next', () => {
    const commitment = first(open().promise(one, 1))
    const restarted = open()
    restarted.promise(one, 4)
    expect(restarted.spend(one, commitment, () => 'revived')).toEqual({ found: false, why: 'unknown' })
  })
})

describe('the pool', () => {
  test('TST-12 TST-13 never promises the same twice', () => {
    const nonces = open()
    const all = Array.from({ length: 4 }, () => nonces.promise(one, 128)).flat()
    expect(new Set(all.flatMap(({ hiding, binding }) => [hiding, binding])).size).toBe(1024)
  })

  test('TST-17 holds no more than the cap: handing out more wipes the oldest', () => {
    const nonces = open()
    const oldest = nonces.promise(one, 10)
    const rest = nonces.promise(one, limits.commitmentsHeld)
    expect(nonces.held(one)).toBe(limits.commitmentsHeld)
    expect(nonces.spend(one, first(oldest), () => 'kept')).toEqual({ found: false, why: 'used' })
    expect(nonces.spend(one, first(rest), () => 'kept')).toEqual({ found: true, value: 'kept' })
  })

  test('TST-38 stays bounded in locked memory however much is asked for', () => {
    const before = arena.free
    const nonces = open()
    for (let coordinator = 0; coordinator < coordinatorsHeld + 2; coordinator += 1) {
      for (let asked = 0; asked < 14; asked += 1) nonces.promise(`coordinator/${coordinator}` as Coordinator, 40)
    }
    expect(before - arena.free).toBe(coordinatorsHeld * limits.commitmentsHeld * 64)
    nonces.wipe()
    expect(arena.free).toBe(before)
  })

  test('TST-38 gives the place of the coordinator that was idle longest', () => {
    const nonces = open()
    const names = Array.from({ length: coordinatorsHeld }, (_, at) => `coordinator/${at + 1}` as Coordinator)
    for (const name of names) nonces.promise(name, 1)
    nonces.promise(one, 1)
    nonces.promise('coordinator/new' as Coordinator, 1)
    expect(names.map((name) => nonces.held(name))).toEqual([2, 0, ...names.slice(2).map(() => 1)])
  })
})
