import { ed25519_hasher, ristretto255_hasher } from '@noble/curves/ed25519.js'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { CiphertextError, CombineError, Result } from './errors.ts'
import type { Group } from './group.ts'
import { loadGroup, loadMember } from './keys.ts'
import { value } from './quorum.testkit.ts'
import { heapMemory } from './secret.ts'
import type { Suite } from './suite.ts'
import { blame, combine } from './tdh2-combine.ts'
import { SECOND_GENERATOR, secondGenerator } from './tdh2-hash.ts'
import { reference } from './tdh2-reference.testkit.ts'
import { type Ciphertext, type DecryptionKeys, type DecryptionMember, type Partial, decryptionKeys, decryptionMember, encrypt, partial, verifyCiphertext } from './tdh2.ts'
import { everySuite, hex, secretOf, text } from './tdh2.testkit.ts'

/* core/vectors/tdh2.json, by every implementation of this folder and by the one that was written from the specification. */

interface WireCiphertext { u: string; u_bar: string; e: string; f: string; wrapped: string }
interface WirePartial { id: number; epoch: number; point: string; e: string; f: string }
interface Story { id: string; comment: string; group: string }
type Vector = Story &
  (
    | { operation: 'encrypt'; label: string; data_key: string; random: [string, string]; intermediate: { r: string; shared: string }; ciphertext: WireCiphertext; digest: string }
    | { operation: 'check'; label: string; ciphertext: WireCiphertext; result: { digest: string } | { error: CiphertextError } }
    | { operation: 'partial'; ciphertext: string; member: number; random: string; partial: WirePartial }
    | { operation: 'combine'; ciphertext: string; partials: WirePartial[]; result: { data_key: string } | { error: CombineError } }
    | { operation: 'blame'; ciphertext: string; partials: WirePartial[]; result: { proven: true } | { error: CombineError } }
  )
type Of<O extends Vector['operation']> = Extract<Vector, { operation: O }>
interface StatedGroup {
  suite: Group['name']
  threshold: number
  epoch: number
  key: string
  members: { id: number; share: string; verifying_share: string }[]
}
interface File { specification: string; groups: Record<string, StatedGroup>; vectors: Vector[] }

const file = JSON.parse(readFileSync(join(import.meta.dirname, 'vectors', 'tdh2.json'), 'utf8')) as File
const bytes = (digits: string) => Uint8Array.from(Buffer.from(digits, 'hex'))
const named = <T>(table: Record<string, T>, name: string): T => table[name] ?? expect.fail(`no ${name}`)
const encrypted = (id: string): Of<'encrypt'> => {
  const found = file.vectors.find((one) => one.id === id)
  return found?.operation === 'encrypt' ? found : expect.fail(`no ciphertext ${id}`)
}
const received = ({ u, u_bar, e, f, wrapped }: WireCiphertext): Ciphertext => ({ u: bytes(u), uBar: bytes(u_bar), e: bytes(e), f: bytes(f), wrapped: bytes(wrapped) })
const sent = ({ u, uBar, e, f, wrapped }: Ciphertext): WireCiphertext => ({ u: hex(u), u_bar: hex(uBar), e: hex(e), f: hex(f), wrapped: hex(wrapped) })
const receivedPartial = ({ id, epoch, point, e, f }: WirePartial): Partial => ({ id, epoch, point: bytes(point), e: bytes(e), f: bytes(f) })

/** Every field, in the file's order: a field that nobody reads would be a claim that nobody checks. */
const FIELDS: Record<Vector['operation'], string> = {
  encrypt: 'id comment operation group label data_key random intermediate{r shared} ciphertext{u u_bar e f wrapped} digest',
  check: 'id comment operation group label ciphertext{u u_bar e f wrapped} result',
  partial: 'id comment operation group ciphertext member random partial{id epoch point e f}',
  combine: 'id comment operation group ciphertext partials{id epoch point e f} result',
  blame: 'id comment operation group ciphertext partials{id epoch point e f} result',
}
const fieldsOf = (vector: Vector): string =>
  Object.entries(vector)
    .map(([key, inner]: [string, unknown]) => {
      const sample: unknown = Array.isArray(inner) ? inner[0] : inner
      return key === 'result' || typeof sample !== 'object' || sample === null ? key : `${key}{${Object.keys(sample).join(' ')}}`
    })
    .join(' ')

describe('the file', () => {
  test('has unique ids, comments, known fields, and more bad cases than good', () => {
    const { vectors } = file
    expect(new Set(vectors.map(({ id }) => id)).size).toBe(vectors.length)
    for (const vector of vectors) {
      expect(fieldsOf(vector)).toBe(FIELDS[vector.operation])
      expect(vector.comment).toMatch(/^.{8,}\.$/)
    }
    const bad = vectors.filter((one) => 'result' in one && 'error' in one.result)
    expect(bad.length).toBeGreaterThan(vectors.length / 2)
  })

  test('each error that there is for received data occurs in it', () => {
    const codes = new Set(file.vectors.flatMap((one) => ('result' in one && 'error' in one.result ? [one.result.error.code] : [])))
    const wanted: (CiphertextError | CombineError)['code'][] = ['ciphertext_malformed', 'ciphertext_unproven', 'partials_size', 'partial_unknown', 'partial_duplicate', 'partial_epoch', 'partial_malformed', 'partial_unproven', 'partials_cancel']
    expect([...codes].sort()).toEqual(wanted.sort())
  })
})

test('the second generators are hashed to the curve (RFC 9380) from what the specification says', () => {
  const { message, dst } = SECOND_GENERATOR
  const [edwards, , ristretto] = everySuite().map(({ suite }) => hex(secondGenerator(suite.group)))
  expect(hex(ed25519_hasher.hashToCurve(text(message), { DST: text(dst.edwards25519) }).toBytes())).toBe(edwards)
  expect(hex(ristretto255_hasher.hashToCurve(text(message), { DST: text(dst.ristretto255) }).toBytes())).toBe(ristretto)
  for (const { suite } of everySuite()) expect(suite.group.isElement(secondGenerator(suite.group))).toBe(true)
  const page = readFileSync(join(import.meta.dirname, '..', file.specification), 'utf8')
  for (const stated of [edwards, ristretto, message, dst.edwards25519, dst.ristretto255]) expect(page).toContain(stated)
})

/** Draws what the vector states, and no more. */
const scripted = (suite: Suite, draws: readonly string[]): Suite => {
  const left = [...draws]
  return { ...suite, group: { ...suite.group, random: (out) => out.set(bytes(left.shift() ?? expect.fail('the generator was asked too often'))) } }
}

function load(suite: Suite, stated: StatedGroup): { keys: DecryptionKeys; members: DecryptionMember[] } {
  const group = value(loadGroup(suite, { threshold: stated.threshold, key: bytes(stated.key), shares: stated.members.map(({ id, verifying_share }) => ({ id, share: bytes(verifying_share) })) }))
  const members = stated.members.map(({ id, share }) => decryptionMember(value(loadMember(suite, group, id, secretOf(suite, bytes(share)))), stated.epoch))
  return { keys: decryptionKeys(group, stated.epoch), members }
}

const judged = <T extends object, E>(result: Result<T, E>): { value: T } | { error: E } => (result.ok ? { value: result.value } : { error: result.error })

describe.each(everySuite())('the vectors on $on', ({ suite }) => {
  const groups = Object.fromEntries(Object.entries(file.groups).filter(([, { suite: name }]) => name === suite.group.name).map(([name, stated]) => [name, load(suite, stated)]))
  const mine = <O extends Vector['operation']>(operation: O) => file.vectors.filter((one): one is Of<O> => one.operation === operation && one.group in groups)
  const checked = ({ group, ciphertext }: { group: string; ciphertext: string }) => {
    const { label, ciphertext: wire } = encrypted(ciphertext)
    return value(verifyCiphertext(suite, named(groups, group).keys.group.key, bytes(label), received(wire)))
  }

  test.each(mine('encrypt'))('$id', ({ group, label, data_key, random, ciphertext, digest }) => {
    const { key } = named(groups, group).keys.group
    using dataKey = secretOf(suite, bytes(data_key))
    expect(sent(encrypt(scripted(suite, random), { key, label: bytes(label), dataKey }))).toEqual(ciphertext)
    expect(hex(value(verifyCiphertext(suite, key, bytes(label), received(ciphertext))).digest)).toBe(digest)
  })

  test.each(mine('check'))('$id', ({ group, label, ciphertext, result }) => {
    const outcome = judged(verifyCiphertext(suite, named(groups, group).keys.group.key, bytes(label), received(ciphertext)))
    expect('value' in outcome ? { digest: hex(outcome.value.digest) } : outcome).toEqual(result)
  })

  test.each(mine('partial'))('$id', (vector) => {
    const member = named(groups, vector.group).members.find(({ id }) => id === vector.member) ?? expect.fail()
    const { point, e, f, ...rest } = value(partial(scripted(suite, [vector.random]), member, checked(vector)))
    expect({ ...rest, point: hex(point), e: hex(e), f: hex(f) }).toEqual(vector.partial)
  })

  test.each(mine('combine'))('$id', (vector) => {
    const outcome = judged(combine(suite, { keys: named(groups, vector.group).keys, ciphertext: checked(vector), partials: vector.partials.map(receivedPartial) }, heapMemory))
    expect('value' in outcome ? { data_key: outcome.value.borrow(hex) } : outcome).toEqual(vector.result)
  })

  test.each(mine('blame'))('$id', (vector) => {
    const error = blame(suite, { keys: named(groups, vector.group).keys, ciphertext: checked(vector), partials: vector.partials.map(receivedPartial) })
    expect(error === undefined ? { proven: true } : { error }).toEqual(vector.result)
  })
})

/** What the second implementation can say: true or false, never why; and it sums up whatever it is given. */
describe('the vectors by the specification alone', () => {
  const groupOf = (name: string) => {
    const stated = named(file.groups, name)
    return { ...stated, ref: reference(stated.suite), key: bytes(stated.key) }
  }
  const integer = (digits: string) => bytes(digits).reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n)
  const mine = <O extends Vector['operation']>(operation: O) => file.vectors.filter((one): one is Of<O> => one.operation === operation)

  test('groups: every verifying share is of its share', () => {
    for (const name of Object.keys(file.groups)) for (const { share, verifying_share } of groupOf(name).members) expect(hex(groupOf(name).ref.base(integer(share)))).toBe(verifying_share)
  })

  test.each(mine('encrypt'))('$id', ({ group, label, data_key, random, intermediate, ciphertext, digest }) => {
    const { ref, key } = groupOf(group)
    const { r, shared, ...made } = ref.encrypt({ key, label: bytes(label), m: bytes(data_key), random: [bytes(random[0]), bytes(random[1])] })
    expect({ r: hex(r), shared: hex(shared) }).toEqual(intermediate)
    expect(sent(made)).toEqual(ciphertext)
    expect(hex(ref.digest(key, bytes(label), made))).toBe(digest)
  })

  test.each(mine('check'))('$id', ({ group, label, ciphertext, result }) => {
    const { ref, key } = groupOf(group)
    expect(ref.check(key, bytes(label), received(ciphertext))).toBe('digest' in result)
  })

  test.each(mine('partial'))('$id', ({ group, ciphertext, member, random, partial: stated }) => {
    const { ref, key, epoch, members } = groupOf(group)
    const { digest, ciphertext: of } = encrypted(ciphertext)
    const x = integer(members.find(({ id }) => id === member)?.share ?? expect.fail())
    const made = ref.partial({ key, epoch, id: member, x, u: bytes(of.u), digest: bytes(digest), random: bytes(random) })
    expect({ id: member, epoch, point: hex(made.point), e: hex(made.e), f: hex(made.f) }).toEqual(stated)
  })

  test.each(mine('combine').filter(({ result }) => 'data_key' in result))('$id', ({ group, ciphertext, partials, result }) => {
    const { ref, key } = groupOf(group)
    const { label, ciphertext: of } = encrypted(ciphertext)
    expect({ data_key: hex(ref.combine({ key, label: bytes(label), u: bytes(of.u), wrapped: bytes(of.wrapped), partials: partials.map(receivedPartial) })) }).toEqual(result)
  })

  test.each(mine('blame').filter(({ result }) => 'proven' in result || result.error.code === 'partial_unproven'))('$id', ({ group, ciphertext, partials, result }) => {
    const { ref, key, epoch, members } = groupOf(group)
    const { digest, ciphertext: of } = encrypted(ciphertext)
    const failing = partials.filter((one) => {
      const share = bytes(members.find(({ id }) => id === one.id)?.verifying_share ?? expect.fail())
      return !ref.checkPartial({ ...receivedPartial(one), epoch, key, share, u: bytes(of.u), digest: bytes(digest) })
    })
    expect(failing.map(({ id }) => id)).toEqual('error' in result && 'ids' in result.error ? result.error.ids : [])
  })
})
