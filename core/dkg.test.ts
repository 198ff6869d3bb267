import { describe, expect, test } from 'vitest'
import { openArena } from './arena.ts'
import { type Dkg, startDkg } from './dkg.ts'
import type { Result } from './errors.ts'
import { type DealerPackage } from './possession.ts'
import { sodiumSuite } from './sodium.ts'

const suite = sodiumSuite(openArena(16 * 4096))
const context = new TextEncoder().encode('plan digest, epoch 1, token')

function value<T, E extends { code: string }>(result: Result<T, E>): T {
  if (!result.ok) throw new Error(result.error.code)
  return result.value
}
const codeOf = <T, E>(result: Result<T, E>) => (result.ok ? 'ok' : result.error)

const others = <T extends { id: number }>(all: readonly T[], id: number) => all.filter((one) => one.id !== id)
type Party = { id: number; dkg: Dkg }
const parties = (members: readonly number[], threshold = 2, ctx = context): Party[] =>
  members.map((id) => ({ id, dkg: value(startDkg(suite, { id, members, threshold, context: ctx })) }))
const digestsOf = (all: readonly Party[]) => all.map(({ id, dkg }) => ({ id, digest: dkg.digest }))
const revealAll = (all: readonly Party[]): DealerPackage[] => all.map(({ id, dkg }) => value(dkg.reveal(others(digestsOf(all), id))))

function run(members: readonly number[], threshold: number) {
  const all = parties(members, threshold)
  const packages = revealAll(all)
  const dealt = all.map(({ id, dkg }) => ({ id, shares: value(dkg.deal(others(packages, id))) }))
  return all.map(({ id, dkg }) => {
    const shares = others(dealt, id).flatMap((from) => {
      const share = from.shares.get(id)
      return share === undefined ? [] : [{ id: from.id, share }]
    })
    return value(dkg.finish(shares))
  })
}

describe('distributed key generation', () => {
  test('all members end with one key', () => {
    const made = run([1, 2, 5], 2)
    expect(new Set(made.map(({ keys }) => Buffer.from(keys.key).toString('hex'))).size).toBe(1)
    expect(made.map(({ keys }) => keys.ids)).toEqual([[1, 2, 5], [1, 2, 5], [1, 2, 5]])
  })

  test('SEC-14 our own package sent back is refused', () => {
    const all = parties([1, 2, 3])
    const [first] = all
    if (first === undefined) throw new Error('no party')
    expect(codeOf(first.dkg.reveal(digestsOf(all)))).toEqual({ code: 'package_reflected', ids: [1] })
  })
})
