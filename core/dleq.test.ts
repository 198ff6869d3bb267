import { ristretto255_hasher } from '@noble/curves/ed25519.js'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Challenge, type Proof, hashedNonce, prove, proveWith, verifyProof } from './dleq.ts'
import { randomScalar } from './dealer.testkit.ts'
import { u16 } from './framing.ts'
import { type Element, type Point, type Scalar, smallScalar } from './group.ts'
import { nobleRistrettoSuite } from './noble.ts'
import { at } from './quorum.testkit.ts'
import { type Suite, concat } from './suite.ts'
import { everySuite, hex, text } from './tdh2.testkit.ts'

const load = <T>(name: string): T => JSON.parse(readFileSync(join(import.meta.dirname, 'vectors', `${name}.json`), 'utf8')) as T
const bytes = (digits: string) => Uint8Array.from(Buffer.from(digits, 'hex'))
const ristretto = nobleRistrettoSuite()

describe('TST-44 RFC 9496 on noble ristretto255', () => {
  const { multiples_of_the_generator: multiples, invalid_encodings: invalid } = load<Record<'multiples_of_the_generator' | 'invalid_encodings', string[]>>('rfc9496-ristretto255')
  const { group } = ristretto

  test('A.1 the multiples of the generator, by multiplying and by adding', () => {
    expect(multiples.length).toBe(16)
    const base = group.mulBase(smallScalar(1)) ?? expect.fail()
    let sum: Point = base
    for (let k = 1; k < 16; k++) {
      expect(hex(group.mulBase(smallScalar(k)) ?? expect.fail())).toBe(multiples[k])
      expect(hex(sum)).toBe(multiples[k])
      expect(group.isElement(bytes(at(multiples, k)))).toBe(true)
      sum = group.add(sum, base)
    }
    expect(hex(group.sub(base, base))).toBe(multiples[0])
  })

  test('A.2 the invalid encodings, and the identity', () => {
    expect(invalid.length).toBe(29)
    for (const encoding of [...invalid, at(multiples, 0)]) {
      expect(group.isElement(bytes(encoding))).toBe(false)
      expect(group.mul(smallScalar(3), bytes(encoding))).toBeUndefined()
    }
  })
})

/** One vector of RFC 9497, appendix A.1.2; every list has one entry for each input of the batch. */
interface Vector {
  input: string[]
  blind: string[]
  blinded_element: string[]
  evaluation_element: string[]
  proof: string
  proof_random_scalar: string
  output: string[]
}
interface Voprf {
  seed: string
  key_info: string
  secret_key: string
  public_key: string
  vectors: Vector[]
}

/* RFC 9497, sections 2.2 and 3.3.2, around the proofs of dleq.ts. */
const CONTEXT = concat(text('OPRFV1-'), Uint8Array.of(1), text('-ristretto255-SHA512'))
const dst = (name: string, context = CONTEXT) => ({ DST: concat(text(name), context) })
const prefixed = (...parts: Uint8Array[]) => concat(...parts.flatMap((part) => [u16(part.length), part]))
const encode = (n: bigint) => Uint8Array.from({ length: 32 }, (_, i) => Number((n >> BigInt(8 * i)) & 0xffn)) as Scalar
const toScalar = (input: Uint8Array, name = 'HashToScalar-') => encode((ristretto255_hasher.hashToScalar ?? expect.fail())(input, dst(name)))
const digest = (suite: Suite, input: Uint8Array) => {
  const out = new Uint8Array(64)
  suite.group.sha512(out, input)
  return out
}

function composites(suite: Suite, key: Uint8Array, c: readonly Uint8Array[], d: readonly Uint8Array[]): [Element, Element] {
  const { group } = suite
  const seed = digest(suite, prefixed(key, concat(text('Seed-'), CONTEXT)))
  const weigh = (list: readonly Uint8Array[]) =>
    list
      .map((point, i) => group.mul(toScalar(concat(prefixed(seed), u16(i), prefixed(at(c, i), at(d, i)), text('Composite'))), point) ?? expect.fail())
      .reduce<Point | undefined>((sum, term) => (sum === undefined ? term : group.add(sum, term)), undefined) as Element
  return [weigh(c), weigh(d)]
}

function finalize(suite: Suite, input: Uint8Array, blind: Scalar, evaluated: Uint8Array): Uint8Array {
  const unblinded = suite.group.mul(suite.group.scalarInvert(new Uint8Array(32), blind), evaluated) ?? expect.fail()
  return digest(suite, concat(prefixed(input, unblinded), text('Finalize')))
}

/** Computes again what the RFC states; throws where that is impossible. */
function recompute(suite: Suite, file: Voprf): Voprf {
  const { group } = suite
  const secret = toScalar(concat(bytes(file.seed), prefixed(bytes(file.key_info)), Uint8Array.of(0)), 'DeriveKeyPair')
  const key = group.mulBase(secret) ?? expect.fail()
  const vectors = file.vectors.map((vector): Vector => {
    const inputs = vector.input.map(bytes)
    const blinds = vector.blind.map((one) => bytes(one) as Scalar)
    const blinded = inputs.map((input, i) => group.mul(at(blinds, i), ristretto255_hasher.hashToCurve(input, dst('HashToGroup-')).toBytes()) ?? expect.fail())
    const evaluated = blinded.map((point) => group.mul(secret, point) ?? expect.fail())
    const [base, product] = composites(suite, key, blinded, evaluated)
    const challenge: Challenge = (first, second) => toScalar(concat(prefixed(key, base, product, first, second), text('Challenge')))
    const proof = proveWith(suite, { nonce: bytes(vector.proof_random_scalar) as Scalar, secret, base, challenge })
    const stated: Proof = { e: bytes(vector.proof).subarray(0, 32), f: bytes(vector.proof).subarray(32) }
    expect(verifyProof(group, { image: key, base, product }, stated, challenge)).toBe(true)
    return {
      ...vector,
      blinded_element: blinded.map(hex),
      evaluation_element: evaluated.map(hex),
      proof: hex(concat(proof.e, proof.f)),
      output: inputs.map((input, i) => hex(finalize(suite, input, at(blinds, i), at(evaluated, i)))),
    }
  })
  return { ...file, secret_key: hex(secret), public_key: hex(key), vectors }
}

describe('TST-44 RFC 9497 VOPRF(ristretto255, SHA-512)', () => {
  const file = load<Voprf>('rfc9497-voprf-ristretto255-sha512')

  test('every stated value is recomputed, and every proof verifies', () => expect(recompute(ristretto, file)).toEqual(file))

  test('the file with one bit flipped in any value fails', () => {
    const json = JSON.stringify(file)
    const values = [...json.matchAll(/"([0-9a-f]{2,})"/g)]
    expect(values.length).toBe(30)
    const accepted = values.filter(({ index, 1: value = '' }) => {
      const middle = index + 1 + (value.length >> 1)
      const digit = (Number.parseInt(json.charAt(middle), 16) ^ 1).toString(16)
      const flipped = JSON.parse(json.slice(0, middle) + digit + json.slice(middle + 1)) as Voprf
      try {
        expect(recompute(ristretto, flipped)).toEqual(flipped)
        return true
      } catch {
        return false
      }
    })
    expect(accepted.map(({ 0: value }) => value)).toEqual([])
  })
})

describe.each(everySuite())('proofs of equal logarithms on $on', ({ suite }) => {
  const { group } = suite
  const challengeOf =
    (tag: string): Challenge =>
    (first, second) =>
      group.scalarReduce(new Uint8Array(32), digest(suite, concat(text(tag), first, second)))
  const secret = randomScalar(suite)
  const base = group.mulBase(randomScalar(suite)) ?? expect.fail()
  const statement = { image: group.mulBase(secret) ?? expect.fail(), base, product: group.mul(secret, base) ?? expect.fail() }
  const challenge = challengeOf('this')
  const transcript = new Uint8Array(64)
  const proof = prove(suite, { secret, base, challenge, transcript })
  const holds = (changed: Partial<typeof statement>, by: Proof = proof, under = challenge) => verifyProof(group, { ...statement, ...changed }, by, under)

  test('a proof holds for its statement and challenge alone', () => {
    expect(holds({})).toBe(true)
    const other = group.mulBase(smallScalar(2)) ?? expect.fail()
    for (const changed of [{ image: other }, { base: other }, { product: other }, { image: statement.product, product: statement.image }]) expect(holds(changed)).toBe(false)
    expect(holds({}, proof, challengeOf('that'))).toBe(false)
    expect(holds({}, { e: proof.f, f: proof.e })).toBe(false)
  })

  test('unequal logarithms cannot be proved with either of them', () => {
    const product = group.mul(randomScalar(suite), base) ?? expect.fail()
    expect(holds({ product })).toBe(false)
  })

  test('SEC-01 SEC-02 what is no element or no scalar proves nothing', () => {
    for (const field of ['image', 'base', 'product'] as const) for (const bad of [new Uint8Array(32), new Uint8Array(32).fill(255), statement[field].subarray(1)]) expect(holds({ [field]: bad })).toBe(false)
    for (const field of ['e', 'f'] as const) for (const bad of [new Uint8Array(32), new Uint8Array(32).fill(255), proof[field].subarray(1)]) expect(holds({}, { ...proof, [field]: bad })).toBe(false)
  })

  test('a proof whose commitments are the identity is judged like any other: it holds, and has given the secret away', () => {
    const identity = group.sub(base, base)
    const e = challenge(identity, identity)
    const f = group.scalarSub(new Uint8Array(32), smallScalar(0), group.scalarMul(new Uint8Array(32), e, secret))
    expect(holds({}, { e, f })).toBe(true)
  })

  test('a generator that repeats itself repeats no nonce for another secret or statement', () => {
    const stuck: Suite = { ...suite, group: { ...group, random: (out) => out.fill(1) } }
    const nonce = (of: Uint8Array, about: Uint8Array, by = stuck) => hex(hashedNonce(by, new Uint8Array(32), of, about))
    const other = transcript.map((_, i) => (i === 63 ? 1 : 0))
    expect(nonce(secret, transcript)).toBe(nonce(secret, transcript))
    expect(new Set([nonce(secret, transcript), nonce(secret, other), nonce(smallScalar(7), transcript), nonce(secret, transcript, suite)]).size).toBe(4)
  })

  test('a nonce is hashed from inputs of fixed size only', () => {
    expect(() => hashedNonce(suite, new Uint8Array(32), secret.subarray(1), transcript)).toThrow(RangeError)
    expect(() => hashedNonce(suite, new Uint8Array(32), secret, transcript.subarray(1))).toThrow(RangeError)
  })
})
