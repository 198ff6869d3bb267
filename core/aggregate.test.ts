import { describe, expect, test } from 'vitest'
import { type Reply, aggregate, assemble, verifyShare } from './aggregate.ts'
import { openArena } from './arena.ts'
import { blameOfAggregate } from './errors.ts'
import type { Group } from './group.ts'
import { ORDER } from './order.ts'
import { type Quorum, at, commitAll, errorOf, quorum, signAll, value } from './quorum.testkit.ts'
import { sodiumSuite } from './sodium.ts'
import type { Suite } from './suite.ts'

const suite = sodiumSuite(openArena(16 * 4096))
const message = new TextEncoder().encode('a message')
const numbers = (n: number) => Array.from({ length: n }, (_, i) => i + 1)
const flip = (data: Uint8Array, byte = 3) => Uint8Array.from(data, (value, i) => (i === byte ? value ^ 1 : value))

function attempt(threshold = 3, size = 5) {
  const group = quorum(suite, threshold, numbers(size))
  return { ...group, message, replies: signAll(suite, group, message) }
}
const bent = (replies: readonly Reply[], ids: readonly number[], bend: (reply: Reply) => Reply) => replies.map((reply) => (ids.includes(reply.id) ? bend(reply) : reply))
const accused = (culprits: number[]) => ({ proves: 'participant', culprits })

describe('an honest attempt', () => {
  test('both ways give the same signature, whatever the order of replies', () => {
    const made = attempt()
    const signature = assemble(suite, made)
    expect(signature?.length).toBe(64)
    expect(assemble(suite, { ...made, replies: [...made.replies].reverse() })).toEqual(signature)
    expect(value(aggregate(suite, { ...made, replies: [...made.replies].reverse() }))).toEqual({ signature, wrongR: [] })
  })
})

describe('TST-20 nothing unverified is released', () => {
  test('a turned bit in any z stops both ways', () => {
    const made = attempt()
    for (const { id } of made.replies) {
      const replies = bent(made.replies, [id], (reply) => ({ ...reply, z: flip(reply.z) }))
      expect(assemble(suite, { ...made, replies })).toBeUndefined()
      expect(errorOf(aggregate(suite, { ...made, replies }))).toEqual({ code: 'share_invalid', ids: [id] })
    }
  })

  test('an R that all agree on but that is wrong is not released, and the long way repairs it', () => {
    const made = attempt()
    const replies = made.replies.map((reply) => ({ ...reply, r: at(made.commitments, 0).hiding }))
    expect(assemble(suite, { ...made, replies })).toBeUndefined()
    expect(value(aggregate(suite, { ...made, replies }))).toEqual({ signature: assemble(suite, made), wrongR: [1, 2, 3] })
  })

  test('a verifier that refuses has the last word', () => {
    const made = attempt()
    const refusing: Suite = { ...suite, verify: () => false }
    expect(assemble(refusing, made)).toBeUndefined()
    const error = errorOf(aggregate(refusing, made))
    expect(error).toEqual({ code: 'signature_invalid' })
    expect(blameOfAggregate(error)).toEqual({ proves: 'investigate', culprits: [] })
  })

  test('too few or too many replies assemble nothing', () => {
    const made = attempt()
    expect(assemble(suite, { ...made, replies: made.replies.slice(1) })).toBeUndefined()
    expect(assemble(suite, { ...made, replies: [...made.replies, at(made.replies, 0)] })).toBeUndefined()
    expect(assemble(suite, { ...made, replies: [] })).toBeUndefined()
  })
})

describe('TST-18 the sender of a bad share is named', () => {
  const cases: [string, (reply: Reply) => Uint8Array][] = [
    ['31 bytes', ({ z }) => z.subarray(1)],
    ['33 bytes', ({ z }) => Uint8Array.of(...z, 0)],
    ['empty', () => new Uint8Array()],
    ['L', () => ORDER],
    ['z + L', ({ z }) => addOrder(z)],
    ['zero', () => new Uint8Array(32)],
    ['another value', ({ z }) => flip(z)],
  ]
  test.each(cases)('%s', (_, z) => {
    const made = attempt()
    const replies = bent(made.replies, [2], (reply) => ({ ...reply, z: z(reply) }))
    expect(assemble(suite, { ...made, replies })).toBeUndefined()
    const error = errorOf(aggregate(suite, { ...made, replies }))
    expect(error).toEqual({ code: 'share_invalid', ids: [2] })
    expect(blameOfAggregate(error)).toEqual(accused([2]))
  })

  test('a valid share of another attempt', () => {
    const made = attempt()
    const second = commitAll(suite, made.members)
    const stale = signAll(suite, { ...made, ...second }, message)
    const replies = bent(made.replies, [3], () => at(stale, 2))
    expect(errorOf(aggregate(suite, { ...made, replies }))).toEqual({ code: 'share_invalid', ids: [3] })
  })

  test('two cheaters whose errors cancel', () => {
    const made = attempt()
    const one = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0))
    const shift = (op: Group['scalarAdd']) => (reply: Reply) =>
      suite.group.isScalar(reply.z) && suite.group.isScalar(one) ? { ...reply, z: op(new Uint8Array(32), reply.z, one) } : expect.fail()
    const replies = bent(bent(made.replies, [1], shift(suite.group.scalarAdd)), [3], shift(suite.group.scalarSub))
    // Their sum is right, so the signature is: nobody was harmed, and no share is judged.
    expect(assemble(suite, { ...made, replies })).toEqual(assemble(suite, made))
    expect(errorOf(aggregate(suite, { ...made, replies }))).toEqual({ code: 'share_invalid', ids: [1, 3] })
  })

  test('another R beside a right share is noted and stops nothing', () => {
    const made = attempt()
    const replies = bent(made.replies, [2], (reply) => ({ ...reply, r: new Uint8Array(31) }))
    expect(assemble(suite, { ...made, replies })).toBeUndefined()
    expect(value(aggregate(suite, { ...made, replies }))).toEqual({ signature: assemble(suite, made), wrongR: [2] })
  })

  test('an invalid commitment names its owner before any share is judged', () => {
    const made = attempt()
    const commitments = made.commitments.map((entry) => (entry.id === 1 ? { ...entry, hiding: new Uint8Array(32) } : entry))
    const error = errorOf(aggregate(suite, { ...made, commitments }))
    expect(error).toEqual({ code: 'commitment_invalid', ids: [1] })
    expect(blameOfAggregate(error)).toEqual(accused([1]))
    const short = made.commitments.map((entry) => (entry.id === 3 ? { ...entry, binding: entry.binding.subarray(1) } : entry))
    expect(errorOf(aggregate(suite, { ...made, commitments: short }))).toEqual({ code: 'commitment_invalid', ids: [3] })
  })
})

describe("the coordinator's own mistakes blame nobody", () => {
  const nobody = { proves: 'nobody', culprits: [] }
  const codeAndBlame = (bend: (made: ReturnType<typeof attempt>) => object) => {
    const made = attempt()
    const error = errorOf(aggregate(suite, { ...made, ...bend(made) }))
    return { code: error.code, blame: blameOfAggregate(error) }
  }
  test('SEC-04 a short list', () => expect(codeAndBlame(({ commitments }) => ({ commitments: commitments.slice(1) }))).toEqual({ code: 'list_size', blame: nobody }))
  test('SEC-04 an unsorted list', () => expect(codeAndBlame(({ commitments }) => ({ commitments: [...commitments].reverse() }))).toEqual({ code: 'list_unsorted', blame: nobody }))
  test('a reply is missing', () => expect(codeAndBlame(({ replies }) => ({ replies: replies.slice(1) }))).toEqual({ code: 'replies_mismatch', blame: nobody }))
  test('a reply came twice', () =>
    expect(codeAndBlame(({ replies }) => ({ replies: [...replies.slice(1), at(replies, 1)] }))).toEqual({ code: 'replies_mismatch', blame: nobody }))
  test('a reply beside a full set came twice', () =>
    expect(codeAndBlame(({ replies }) => ({ replies: [...replies, at(replies, 1)] }))).toEqual({ code: 'replies_mismatch', blame: nobody }))
  test('a reply of a stranger', () =>
    expect(codeAndBlame(({ replies }) => ({ replies: bent(replies, [1], (reply) => ({ ...reply, id: 5 })) }))).toEqual({ code: 'replies_mismatch', blame: nobody }))
})

test('TST-18 a single share can be judged as evidence, against exactly its own message and list', () => {
  const made = attempt()
  const other = commitAll(suite, made.members)
  const reply = at(made.replies, 0)
  const judged = (bend: Partial<typeof made>, judging: Reply) => value(verifyShare(suite, { ...made, ...bend }, judging))
  expect(judged({}, reply)).toEqual({ share: true, r: true })
  expect(judged({}, { ...reply, id: 2 })).toEqual({ share: false, r: true })
  expect(judged({}, { ...reply, id: 5 })).toEqual({ share: false, r: true })
  expect(judged({}, { ...reply, z: flip(reply.z) })).toEqual({ share: false, r: true })
  expect(judged({}, { ...reply, z: new Uint8Array(31) })).toEqual({ share: false, r: true })
  expect(judged({}, { ...reply, r: flip(reply.r) })).toEqual({ share: true, r: false })
  expect(judged({ message: new Uint8Array(1) }, reply)).toEqual({ share: false, r: false })
  expect(judged(other, reply)).toEqual({ share: false, r: false })
  expect(errorOf(verifyShare(suite, { ...made, commitments: [] }, reply)).code).toBe('list_size')
})

describe('TST-21 blame grows linearly', () => {
  /** Counts the multiplications, the only cost that matters, of judging one attempt. */
  function judge(group: Quorum, cheaters: readonly number[]) {
    let multiplications = 0
    const count = <A extends unknown[], T>(f: (...args: A) => T) => (...args: A) => {
      multiplications++
      return f(...args)
    }
    const counting: Suite = { ...suite, group: { ...suite.group, mul: count(suite.group.mul), mulBase: count(suite.group.mulBase) } }
    const replies = bent(signAll(suite, group, message), cheaters, (reply) => ({ ...reply, z: flip(reply.z) }))
    const result = aggregate(counting, { ...group, message, replies })
    return { result, multiplications }
  }

  test('67 of 100 with two cheaters: both named, three multiplications for each share', () => {
    const { result, multiplications } = judge(quorum(suite, 67, numbers(100)), [17, 66])
    expect(result).toEqual({ ok: false, error: { code: 'share_invalid', ids: [17, 66] } })
    expect(multiplications).toBe(3 * 67)
  }, 60_000)

  test('7 of 9 takes as many for each share', () => expect(judge(quorum(suite, 7, numbers(9)), [2]).multiplications).toBe(3 * 7))
})

function addOrder(z: Uint8Array): Uint8Array {
  let carry = 0
  return Uint8Array.from(z, (byte, i) => {
    const sum = byte + at([...ORDER], i) + carry
    carry = sum >> 8
    return sum & 0xff
  })
}
