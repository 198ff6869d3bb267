import { describe, expect, test } from 'vitest'
import { openArena } from './arena.ts'
import { type NoncePair, commit, sign } from './frost.ts'
import { nobleEd25519Group } from './noble.ts'
import type { Member } from './keys.ts'
import { ORDER } from './order.ts'
import { at, quorum, value } from './quorum.testkit.ts'
import { sodiumSuite } from './sodium.ts'
import { type Commitment, bindingFactor, bindingPrefix, challenge } from './transcript.ts'

/*
 * TST-12: everything that a signer ever sent is a linear equation z = d + ρe + λcs in its nonces and its share. The attacker
 * here knows every coefficient and solves the whole system. One pair per message leaves it one equation for two new
 * unknowns each time; a pair used three times gives the share away, which the control shows.
 */

const suite = sodiumSuite(openArena(16 * 4096))
const bigint = (data: Uint8Array) => data.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
const L = bigint(ORDER)
const modulo = (n: bigint) => ((n % L) + L) % L
const inverse = (n: bigint) => {
  const out = new Uint8Array(32)
  const bytes = Uint8Array.from({ length: 32 }, (_, i) => Number((n >> BigInt(8 * i)) & 0xffn))
  return bigint(nobleEd25519Group.isScalar(bytes) ? nobleEd25519Group.scalarInvert(out, bytes) : expect.fail())
}

/** What one answer tells: which unknowns (by name), with which coefficients, sum to what. */
interface Equation {
  readonly terms: ReadonlyMap<string, bigint>
  readonly sum: bigint
}

/** The value of `wanted`, if the equations determine it: Gaussian elimination with `wanted` as the last column. */
function solve(equations: readonly Equation[], wanted: string): bigint | undefined {
  const names = [...new Set(equations.flatMap(({ terms }) => [...terms.keys()]))].filter((name) => name !== wanted)
  const columns = [...names, wanted]
  const rows = equations.map(({ terms, sum }) => [...columns.map((name) => modulo(terms.get(name) ?? 0n)), modulo(sum)])
  let rank = 0
  for (let column = 0; column < columns.length; column++) {
    const pivot = rows.findIndex((row, i) => i >= rank && row[column] !== 0n)
    if (pivot < 0) continue
    if (columns[column] === wanted) {
      const row = at(rows, pivot)
      return modulo(at(row, columns.length) * inverse(at(row, column)))
    }
    const [chosen] = rows.splice(pivot, 1)
    if (chosen === undefined) return undefined
    rows.splice(rank, 0, chosen)
    const scale = inverse(at(chosen, column))
    for (let i = rank + 1; i < rows.length; i++) {
      const factor = modulo(at(at(rows, i), column) * scale)
      rows[i] = at(rows, i).map((cell, k) => modulo(cell - factor * at(chosen, k)))
    }
    rank++
  }
  return undefined
}

function equation(member: Member, nonces: NoncePair, message: Uint8Array, list: readonly Commitment[], answer: { r: Uint8Array; z: Uint8Array }): Equation {
  const { keys, id } = member
  const pair = Buffer.from(nonces.commitment.hiding).toString('hex')
  const rho = bindingFactor(suite, bindingPrefix(suite, keys.key, message, list), id)
  const lambda = keys.coefficients(list.map((entry) => entry.id), id)
  const terms = new Map([
    [`d ${pair}`, 1n],
    [`e ${pair}`, bigint(rho)],
    ['share', modulo(bigint(challenge(suite, answer.r, keys.key, message)) * bigint(lambda))],
  ])
  return { terms, sum: bigint(answer.z) }
}

/** A second handle on the same nonces: what the nonce pool exists to make impossible. */
function copyOf(pair: NoncePair): NoncePair {
  const secret = suite.memory.take(64)
  secret.borrow((to) => pair.secret.borrow((from) => to.set(from)))
  return { ...pair, secret }
}

describe('TST-12 solving for the share', () => {
  const group = quorum(suite, 2, [1, 2, 3])
  const victim = at(group.members, 0)
  const other = at(group.members, 1)
  const actual = victim.share.borrow(bigint)

  /** The victim's answer to `message`, with the coordinator and the other member hostile. */
  const ask = (nonces: NoncePair, message: Uint8Array): Equation => {
    const list = [nonces.commitment, commit(suite, other).commitment]
    return equation(victim, nonces, message, list, value(sign(suite, { member: victim, nonces, message, commitments: list })))
  }

  test('everything it ever sent does not determine it', () => {
    const seen: Equation[] = []
    for (let i = 0; i < 8; i++) {
      // A batch of three: the same message thrice, each under a pair of its own.
      const pairs = [0, 1, 2].map(() => commit(suite, victim))
      expect(new Set(pairs.flatMap(({ commitment }) => [commitment.hiding, commitment.binding].map((point) => Buffer.from(point).toString('hex')))).size).toBe(6)
      seen.push(...pairs.map((pair) => ask(pair, Uint8Array.of(i >> 1))))
      for (const pair of pairs) expect(sign(suite, { member: victim, nonces: pair, message: Uint8Array.of(99), commitments: [pair.commitment, at(group.commitments, 1)] })).toEqual({ ok: false, error: { code: 'nonces_spent' } })
    }
    expect(seen.length).toBe(24)
    expect(solve(seen, 'share')).toBeUndefined()
  })

  test('control: one pair used three times gives it away', () => {
    const pair = commit(suite, victim)
    const copies = [copyOf(pair), copyOf(pair), pair]
    const seen = copies.map((copy, i) => ask(copy, Uint8Array.of(i)))
    expect(solve(seen.slice(0, 2), 'share')).toBeUndefined()
    expect(solve(seen, 'share')).toBe(actual)
  })
})
