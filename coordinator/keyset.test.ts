import { expect, test } from 'vitest'
import { keysetBytes, keysetMaxAge, keysetOf, keysetSignatureHolds, lineageOf, type Keyset, type SignedKeyset } from '@symbolon/roster/keyset.ts'
import { followKeysets } from '@symbolon/roster/keyset-chain.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { first as rosterOne, peopled, signedBy } from '@symbolon/roster/roster.testkit.ts'
import type { ChannelAnswer } from '@symbolon/runtime/channel-client.ts'
import { openKeyset, type KeysetSigner } from './keyset.ts'

const keyset = keysetOf(rosterOne)
const say = (at: number, iat: number, of: Keyset = keyset) => ({ signer: at + 1, iat, signature: signedBy(at + 1, keysetBytes(of, iat)) })
const answerOf = (value: unknown): ChannelAnswer => ({ ok: true, status: 200, body: Buffer.from(JSON.stringify(value)) })

const day = 24 * 3600
const start = 1_800_000_000

function open(answers: (at: number, now: number) => ChannelAnswer) {
  const time: { now: number; document: Roster } = { now: start, document: rosterOne }
  let asked = 0
  const signers: KeysetSigner[] = [0, 1, 2].map((at) => {
    const get = async () => {
      asked += 1
      return answers(at, time.now)
    }
    return { id: at + 1, channel: { get, post: get } }
  })
  const first: SignedKeyset = { keyset, signatures: [0, 1, 2].map((at) => say(at, start)) }
  const chain = openKeyset({ first, document: () => time.document, signers, threshold: 2, callMs: 500, now: () => time.now })
  const read = async () => (await chain()).keysets.at(-1) ?? expect.unreachable()
  return { time, read, chain, asked: () => asked, first }
}
const honest = (at: number, now: number) => answerOf({ keyset, signatures: [say(at, now)] })

test('the first one is handed out until half its age, then signers are asked once for everybody', async () => {
  const { time, read, asked, first } = open(honest)
  time.now = start + keysetMaxAge / 2 - 1
  expect(await read()).toEqual(first)
  expect(asked()).toBe(0)
  time.now += 1
  const [one, two] = await Promise.all([read(), read()])
  expect(one.signatures.map(({ signer, iat }) => [signer, iat])).toEqual([1, 2, 3].map((id) => [id, time.now]))
  expect(two).toBe(one)
  expect(asked()).toBe(3)
  expect(one.signatures.every((signature) => keysetSignatureHolds(keyset, signature))).toBe(true)
  await read()
  expect(asked()).toBe(3)
})

const liars: readonly [string, (at: number, now: number) => ChannelAnswer][] = [
  ['another keyset', (at, now) => answerOf({ keyset: { ...keyset, roster: 2 }, signatures: [say(at, now, { ...keyset, roster: 2 })] })],
  ['a signature of another signer', (at, now) => answerOf({ keyset, signatures: [say((at + 1) % 3, now)] })],
  ['a signature under another’s name', (at, now) => answerOf({ keyset, signatures: [{ ...say((at + 1) % 3, now), signer: at + 1 }] })],
  ['an altered time', (at, now) => answerOf({ keyset, signatures: [{ ...say(at, now - day), iat: now }] })],
  ['a time in the future', (at, now) => answerOf({ keyset, signatures: [say(at, now + 61)] })],
  ['nonsense', () => answerOf({ hello: 'there' })],
  ['nothing', () => ({ ok: false, reason: 'unreachable', detail: 'ECONNREFUSED' })],
]
test.each(liars)('I-5 with %s from too many, the old one stays', async (_, lie) => {
  const { time, read, first } = open((at, now) => (at === 0 ? honest(at, now) : lie(at, now)))
  time.now = start + day
  expect(await read()).toEqual(first)
})

test('one signer that lies does not keep the others from renewing it', async () => {
  const { time, read } = open((at, now) => (at === 1 ? answerOf({ keyset, signatures: [{ ...say(at, now), iat: now - 5 }] }) : honest(at, now)))
  time.now = start + day
  expect((await read()).signatures.map(({ signer }) => signer)).toEqual([1, 3])
})

const second = peopled()
const keysetTwo = keysetOf(second)
const honestTwo = (at: number, now: number) => answerOf({ keyset: keysetTwo, signatures: [say(at, now, keysetTwo)] })

test('of a later version it is asked for at once, and the chain leads from the pinned one to it', async () => {
  const { time, chain, asked } = open(honestTwo)
  time.document = second
  const found = await chain()
  expect(found.keysets.map(({ keyset: { roster } }) => roster)).toEqual([1, 2])
  expect(followKeysets(found, lineageOf(rosterOne), time.now)).toMatchObject({ ok: true, keyset: { roster: 2, digest: keysetTwo.digest } })
  await chain()
  expect(asked()).toBe(3)
})

test('I-3 until t signers vouch for it, the chain ends where it did', async () => {
  const { time, chain } = open((at, now) => (at === 0 ? honestTwo(at, now) : honest(at, now)))
  time.document = second
  expect((await chain()).keysets.map(({ keyset: { roster } }) => roster)).toEqual([1])
})

test('the chain of a later version stays young, though its first keyset grows old', async () => {
  const { time, chain } = open(honestTwo)
  time.document = second
  await chain()
  time.now += 30 * day
  expect(followKeysets(await chain(), lineageOf(rosterOne), time.now)).toMatchObject({ ok: true, freshUntil: time.now + keysetMaxAge })
})
