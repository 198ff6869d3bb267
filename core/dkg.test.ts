import { describe, expect, test } from 'vitest'
import { assemble } from './aggregate.ts'
import { openArena } from './arena.ts'
import { type Dkg, type DkgParameters, type DealtShare, startDkg } from './dkg.ts'
import { blameOfDkg } from './errors.ts'
import { type Element, type Point, type Scalar, smallScalar } from './group.ts'
import { ORDER } from './order.ts'
import { evaluateSecret, randomPolynomial } from './polynomial.ts'
import { type DealerPackage, type Terms, makePackage, packageDigest } from './possession.ts'
import { at, commitAll, errorOf, signAll, value } from './quorum.testkit.ts'
import { nobleEd25519Suite } from './noble.ts'
import { sodiumSuite } from './sodium.ts'
import type { Suite } from './suite.ts'

const arena = openArena(32 * 4096)
const suite = sodiumSuite(arena)
const context = new TextEncoder().encode('plan digest, epoch 1, token')
const terms: Terms = { context, threshold: 2, members: [1, 2, 3] }

interface Party {
  readonly id: number
  readonly dkg: Dkg
}

const others = <T extends { readonly id: number }>(all: readonly T[], id: number): T[] => all.filter((one) => one.id !== id)
const party = (id: number, bend: Partial<DkgParameters> = {}, on: Suite = suite): Party => ({ id, dkg: value(startDkg(on, { ...terms, id, ...bend })) })
const digests = (all: readonly Party[]) => all.map(({ id, dkg }) => ({ id, digest: dkg.digest }))
const packages = (all: readonly Party[]): DealerPackage[] => all.map(({ id, dkg }) => value(dkg.reveal(others(digests(all), id))))

/** Who deals what to whom, honestly. */
function sharesFor(all: readonly Party[], revealed: readonly DealerPackage[]): Map<number, DealtShare[]> {
  const dealt = all.map(({ id, dkg }) => ({ id, shares: value(dkg.deal(others(revealed, id))) }))
  return new Map(all.map(({ id }) => [id, others(dealt, id).map((from) => ({ id: from.id, share: from.shares.get(id) ?? expect.fail() }))]))
}

function run(members: readonly number[], threshold: number, on: Suite = suite) {
  const all = members.map((id) => party(id, { members, threshold }, on))
  const shares = sharesFor(all, packages(all))
  return all.map(({ id, dkg }) => value(dkg.finish(shares.get(id) ?? [])))
}

/** Party 1 before it takes packages, the honest packages of 2 and 3, and what party 2's own dealing is made of. */
function facing() {
  const all = [1, 2, 3].map((id) => party(id))
  return { all, first: at(all, 0).dkg, revealed: packages(all) }
}

/** Party 1 facing a dealer 2 that commits to, and reveals, whatever package it likes. */
function facingDealer(make: (honest: DealerPackage) => DealerPackage) {
  const [first, second, third] = [party(1), party(2), party(3)]
  const probe = packages([first, second, third])
  const chosen = make(at(probe, 1))
  const again = party(1)
  value(again.dkg.reveal([{ id: 2, digest: packageDigest(suite, terms, chosen) }, { id: 3, digest: third.dkg.digest }]))
  return again.dkg.deal([chosen, at(probe, 2)])
}

describe('a ceremony of honest members', () => {
  test.each([
    [[1, 2, 3], 2],
    [[65_535, 4, 300, 7, 9], 3],
    [[5, 6], 2],
  ])('%j with threshold %d ends with one key that signs', (members, threshold) => {
    const made = run(members, threshold)
    const { keys } = at(made, 0)
    for (const member of made) expect([member.keys.key, [...member.keys.shares]]).toEqual([keys.key, [...keys.shares]])
    const quorum = [...made].sort((a, b) => a.id - b.id).slice(-threshold)
    const message = new Uint8Array(10)
    const signing = { keys, members: quorum, ...commitAll(suite, quorum) }
    expect(assemble(suite, { keys, message, replies: signAll(suite, signing, message) })?.length).toBe(64)
  })

  test('the generic code does the same on noble', () => expect(run([1, 2], 2, nobleEd25519Suite()).map(({ id }) => id)).toEqual([1, 2]))

  test('nothing of the polynomials stays in memory', () => {
    const before = arena.free
    const all = [1, 2, 3].map((id) => party(id))
    const shares = sharesFor(all, packages(all))
    const made = all.map(({ id, dkg }) => value(dkg.finish(shares.get(id) ?? [])))
    for (const list of shares.values()) for (const { share } of list) share.wipe()
    expect(before - arena.free).toBe(3 * 64)
    for (const { share } of made) share.wipe()
    expect(arena.free).toBe(before)
  })

  test('a round repeated with the same inputs gives the same answer', () => {
    const { all, first, revealed } = facing()
    expect(first.reveal(others(digests(all), 1))).toEqual({ ok: true, value: at(revealed, 0) })
    const once = value(first.deal(others(revealed, 1)))
    const twice = value(first.deal(others(revealed, 1)))
    const bytes = (of: typeof once) => [...of].map(([id, share]) => [id, share.borrow((view) => [...view])])
    expect(bytes(twice)).toEqual(bytes(once))
  })
})

describe('parameters', () => {
  const codeOf = (bend: Partial<DkgParameters>) => errorOf(startDkg(suite, { ...terms, id: 1, ...bend })).code
  test('are refused before anything is drawn', () => {
    expect(codeOf({ members: [0, 1, 2] })).toBe('bad_id')
    expect(codeOf({ members: [1, 2, 65_536] })).toBe('bad_id')
    expect(codeOf({ members: [1, 2, 2] })).toBe('duplicate_id')
    expect(codeOf({ id: 4 })).toBe('unknown_member')
    for (const threshold of [0, 1, 4, 1.5]) expect(codeOf({ threshold })).toBe('bad_threshold')
  })
})

describe('SEC-10 the commitment vector has exactly t elements', () => {
  const identity = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0))
  /** A package over `threshold` coefficients, with a proof that is right for it. */
  const dealtWith = (threshold: number) => makePackage(suite, terms, 2, randomPolynomial(suite, threshold))
  const accused = (code: string) => ({ ok: false, error: { code, ids: [2] } })

  test('t + 1, which would raise the threshold', () => expect(facingDealer(() => dealtWith(3))).toEqual(accused('commitment_length')))
  test('t − 1, which would lower it', () => expect(facingDealer(() => dealtWith(1))).toEqual(accused('commitment_length')))
  test('none', () => expect(facingDealer((honest) => ({ ...honest, commitments: [] }))).toEqual(accused('commitment_length')))
  test('t with a zero leading coefficient, which would lower it too', () => {
    const polynomial = randomPolynomial(suite, 2)
    const flat = { ...polynomial, commitments: [at(polynomial.commitments, 0), identity as Element] }
    expect(facingDealer(() => makePackage(suite, terms, 2, flat))).toEqual(accused('commitment_malformed'))
  })
  test('t with a zero constant term', () => {
    const polynomial = randomPolynomial(suite, 2)
    polynomial.coefficients.borrow((bytes) => bytes.fill(0, 0, 32))
    const zero = { ...polynomial, commitments: [identity as Element, at(polynomial.commitments, 1)] }
    expect(facingDealer(() => makePackage(suite, terms, 2, zero))).toEqual(accused('commitment_malformed'))
  })
  test('a torsioned or short one', () => {
    for (const bad of [new Uint8Array(32), new Uint8Array(31)]) expect(facingDealer((honest) => ({ ...honest, commitments: [at(honest.commitments, 0), bad] }))).toEqual(accused('commitment_malformed'))
  })
})

describe('SEC-11 the proof of possession is bound to', () => {
  const unproven = { ok: false, error: { code: 'possession_unproven', ids: [2] } }
  const polynomial = () => randomPolynomial(suite, 2)
  const madeUnder = (bend: Partial<Terms>, dealer = 2) => ({ ...makePackage(suite, { ...terms, ...bend }, dealer, polynomial()), id: 2 })

  test('control: the same dealer under the same terms is accepted', () => expect(facingDealer(() => madeUnder({})).ok).toBe(true))
  test('the ceremony', () => expect(facingDealer(() => madeUnder({ context: new TextEncoder().encode('plan digest, epoch 2, token') }))).toEqual(unproven))
  test('the threshold', () => expect(facingDealer(() => madeUnder({ threshold: 3 }))).toEqual(unproven))
  test('the members', () => expect(facingDealer(() => madeUnder({ members: [1, 2, 4] }))).toEqual(unproven))
  test('the dealer', () => expect(facingDealer(() => madeUnder({}, 3))).toEqual(unproven))
  test('the suite', () => expect(facingDealer(() => makePackage({ ...suite, context: 'FROST-RISTRETTO255-SHA512-v1' }, terms, 2, polynomial()))).toEqual(unproven))
  test('the constant term', () => expect(facingDealer((honest) => ({ ...honest, commitments: [at(honest.commitments, 1), at(honest.commitments, 0)] }))).toEqual(unproven))
  test('the rest of the vector', () => expect(facingDealer((honest) => ({ ...honest, commitments: [at(honest.commitments, 0), at(polynomial().commitments, 0)] }))).toEqual(unproven))
  test('its own R, and a canonical μ', () => {
    const bend = (proof: Partial<DealerPackage['proof']>) => facingDealer((honest) => ({ ...honest, proof: { ...honest.proof, ...proof } }))
    expect(bend({ r: at(polynomial().commitments, 0) })).toEqual(unproven)
    expect(bend({ r: new Uint8Array(31) })).toEqual(unproven)
    expect(bend({ mu: ORDER })).toEqual(unproven)
    expect(bend({ mu: new Uint8Array(32) })).toEqual(unproven)
    expect(bend({ mu: new Uint8Array(31) })).toEqual(unproven)
  })

  test('control: without it, a last mover could cancel the others', () => {
    // C₀ = X − Σ others has no known logarithm: whoever publishes it cannot prove it.
    const cancel = (honest: DealerPackage): DealerPackage => {
      const target = at(polynomial().commitments, 0)
      return { ...honest, commitments: [suite.group.sub(target, at(honest.commitments, 0) as Point), at(honest.commitments, 1)] }
    }
    expect(facingDealer(cancel)).toEqual(unproven)
  })
})

describe('SEC-12 commit, then reveal', () => {
  test('a package chosen after the digests is refused', () => {
    const { first, revealed } = facing()
    const chosenLate = makePackage(suite, terms, 3, randomPolynomial(suite, 2))
    expect(first.deal([at(revealed, 1), chosenLate])).toEqual({ ok: false, error: { code: 'reveal_differs', ids: [3] } })
  })

  test('no package leaves before all digests are in', () => {
    const all = [1, 2, 3].map((id) => party(id))
    const { dkg } = at(all, 0)
    expect(errorOf(dkg.reveal([at(digests(all), 1)]))).toEqual({ code: 'package_missing', ids: [3] })
    expect(errorOf(dkg.deal([]))).toEqual({ code: 'wrong_round', expected: 'revealed', got: 'committed' })
  })

  test('a digest that its sender changes afterwards still binds it', () => {
    const all = [1, 2, 3].map((id) => party(id))
    const sent = others(digests(all), 1).map(({ id, digest }) => ({ id, digest: Uint8Array.from(digest) }))
    const { dkg } = at(all, 0)
    value(dkg.reveal(sent))
    const late = makePackage(suite, terms, 3, randomPolynomial(suite, 2))
    at(sent, 1).digest.set(packageDigest(suite, terms, late))
    expect(errorOf(dkg.deal([at(packages(all), 1), late]))).toEqual({ code: 'reveal_differs', ids: [3] })
  })

  test('a digest is 64 bytes', () => {
    const all = [1, 2, 3].map((id) => party(id))
    const short = digests(all).map((message) => (message.id === 2 ? { id: 2, digest: message.digest.subarray(1) } : message))
    expect(errorOf(at(all, 0).dkg.reveal(others(short, 1)))).toEqual({ code: 'digest_malformed', ids: [2] })
  })
})

describe('SEC-13 a round with other inputs is refused', () => {
  test('other digests after the package was revealed', () => {
    const { all, first } = facing()
    const other = others(digests(all), 1).map((message) => (message.id === 3 ? { id: 3, digest: party(3).dkg.digest } : message))
    expect(errorOf(first.reveal(other))).toEqual({ code: 'round_repeated' })
  })

  test('another package after shares were dealt', () => {
    const { first, revealed } = facing()
    value(first.deal(others(revealed, 1)))
    const replaced = makePackage(suite, terms, 3, randomPolynomial(suite, 2))
    expect(errorOf(first.deal([at(revealed, 1), replaced]))).toEqual({ code: 'round_repeated' })
  })

  test('anything after the end', () => {
    const all = [1, 2, 3].map((id) => party(id))
    const revealed = packages(all)
    const shares = sharesFor(all, revealed).get(1) ?? []
    const { dkg } = at(all, 0)
    value(dkg.finish(shares))
    const code = { ok: false, error: expect.objectContaining({ code: 'wrong_round', got: 'ended' }) }
    expect(dkg.finish(shares)).toEqual(code)
    expect(dkg.deal(others(revealed, 1))).toEqual(code)
    expect(dkg.reveal(others(digests(all), 1))).toEqual(code)
  })

  test('an abort wipes the polynomial and ends it', () => {
    const before = arena.free
    const { dkg } = party(1)
    dkg.abort()
    expect(arena.free).toBe(before)
    expect(errorOf(dkg.finish([]))).toEqual({ code: 'wrong_round', expected: 'dealt', got: 'ended' })
  })
})

describe('SEC-14 exactly one package from each other member', () => {
  const rounds: [string, (pick: (honest: readonly { readonly id: number }[]) => { readonly id: number }[]) => unknown][] = [
    ['digests', (pick) => {
      const all = [1, 2, 3].map((id) => party(id))
      return errorOf(at(all, 0).dkg.reveal(pick(digests(all)) as ReturnType<typeof digests>))
    }],
    ['packages', (pick) => {
      const { first, revealed } = facing()
      return errorOf(first.deal(pick(revealed) as DealerPackage[]))
    }],
    ['shares', (pick) => {
      const all = [1, 2, 3].map((id) => party(id))
      const shares = sharesFor(all, packages(all))
      const own = { id: 1, share: suite.memory.take(32) }
      return errorOf(at(all, 0).dkg.finish(pick([own, ...(shares.get(1) ?? [])]) as DealtShare[]))
    }],
  ]
  describe.each(rounds)('of %s', (_, ask) => {
    test('our own sent back', () => expect(ask((all) => [...all])).toEqual({ code: 'package_reflected', ids: [1] }))
    test('one missing', () => expect(ask((all) => [at(all, 1)])).toEqual({ code: 'package_missing', ids: [3] }))
    test('one of a stranger', () => expect(ask((all) => [at(all, 1), at(all, 2), { ...at(all, 2), id: 4 }])).toEqual({ code: 'package_unknown', ids: [4] }))
    test('one dealer twice', () => expect(ask((all) => [at(all, 1), at(all, 2), at(all, 2)])).toEqual({ code: 'package_duplicate', ids: [3] }))
  })

  test('our digest under another name', () => {
    const all = [1, 2, 3].map((id) => party(id))
    const { dkg } = at(all, 0)
    expect(errorOf(dkg.reveal([{ id: 2, digest: dkg.digest }, at(digests(all), 2)]))).toEqual({ code: 'package_reflected', ids: [2] })
  })

  test('our commitments under another name', () => {
    const { first, revealed } = facing()
    const error = errorOf(first.deal([{ ...at(revealed, 0), id: 2 }, at(revealed, 2)]))
    expect(error).toEqual({ code: 'package_reflected', ids: [2] })
    expect(blameOfDkg(error)).toEqual({ proves: 'participant', culprits: [2] })
  })
})

describe('a share that does not fit its commitment names its dealer', () => {
  const one = smallScalar(1)
  const bent: [string, (bytes: Uint8Array) => void][] = [
    ['one more', (bytes) => void suite.group.scalarAdd(bytes, bytes as Scalar, one)],
    ['zero', (bytes) => void bytes.fill(0)],
    ['L', (bytes) => void bytes.set(ORDER)],
  ]
  test.each(bent)('%s', (_, bend) => {
    const all = [1, 2, 3].map((id) => party(id))
    const shares = sharesFor(all, packages(all)).get(1) ?? []
    const before = at(shares, 1).share.borrow((bytes) => Uint8Array.from(bytes))
    at(shares, 1).share.borrow(bend)
    const { dkg } = at(all, 0)
    const error = errorOf(dkg.finish(shares))
    expect(error).toEqual({ code: 'dealt_share_invalid', ids: [3] })
    expect(blameOfDkg(error)).toEqual({ proves: 'participant', culprits: [3] })
    // The dealer may still make it good: nothing was lost.
    at(shares, 1).share.borrow((bytes) => bytes.set(before))
    expect(dkg.finish(shares).ok).toBe(true)
  })

  test('the share of another receiver', () => {
    const all = [1, 2, 3].map((id) => party(id))
    const shares = sharesFor(all, packages(all))
    const mixed = [at(shares.get(1) ?? [], 0), { id: 3, share: at(shares.get(2) ?? [], 1).share }]
    expect(errorOf(at(all, 0).dkg.finish(mixed))).toEqual({ code: 'dealt_share_invalid', ids: [3] })
  })
})

test('a dealt share is the polynomial at the receiver', () => {
  const polynomial = randomPolynomial(suite, 3)
  const out = new Uint8Array(32)
  const share = evaluateSecret(suite.group, out, polynomial, 300)
  const power = (k: number) => smallScalar(300 ** k)
  const point = polynomial.commitments.map((commitment, k) => suite.group.mul(power(k), commitment) ?? expect.fail()).reduce<Point>((sum, term, k) => (k === 0 ? term : suite.group.add(sum, term)), at(polynomial.commitments, 0))
  expect(suite.group.mulBase(share)).toEqual(point)
})
