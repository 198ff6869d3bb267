import { generateKeyPairSync, sign as signNode } from 'node:crypto'
import { expect, test } from 'vitest'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { keysetSignatureHolds, keysetBytes, keysetMaxAge, type Keyset, type SignedKeyset } from '@symbolon/roster/keyset.ts'
import type { ChannelAnswer } from '@symbolon/runtime/channel-client.ts'
import { openKeyset, type KeysetSigner } from './keyset.ts'

const zeros = (length: number) => toBase64url(new Uint8Array(length))
const identities = [1, 2, 3].map((id) => ({ id, keys: generateKeyPairSync('ec', { namedCurve: 'P-256' }) }))
const jwkOf = (at: number) => {
  const { x, y } = identities[at]?.keys.publicKey.export({ format: 'jwk' }) ?? expect.unreachable()
  return { kty: 'EC' as const, crv: 'P-256' as const, x: x as Base64url, y: y as Base64url }
}
const keyset: Keyset = {
  v: 1,
  roster: 1,
  digest: zeros(32),
  issuer: 'http://localhost:1',
  policy: zeros(32),
  audiences: ['a'],
  default_audience: 'a',
  groups: [{ purpose: 'token', epoch: 1, t: 2, n: 3, key: zeros(32), kid: zeros(32), alg: 'EdDSA', shares: [1, 2, 3].map((id) => ({ id, share: zeros(32) })) }],
  signers: [0, 1, 2].map((at) => ({ id: at + 1, identity: jwkOf(at), hpke: jwkOf(at) })),
}
const say = (at: number, iat: number, of: Keyset = keyset) => ({ signer: at + 1, iat, signature: toBase64url(signNode('sha256', keysetBytes(of, iat), { key: identities[at]?.keys.privateKey ?? expect.unreachable(), dsaEncoding: 'ieee-p1363' })) })
const answerOf = (value: unknown): ChannelAnswer => ({ ok: true, status: 200, body: Buffer.from(JSON.stringify(value)) })

const day = 24 * 3600
const start = 1_800_000_000

function open(answers: (at: number, now: number) => ChannelAnswer) {
  const time = { now: start }
  let asked = 0
  const signers: KeysetSigner[] = [0, 1, 2].map((at) => {
    const get = async () => {
      asked += 1
      return answers(at, time.now)
    }
    return { id: at + 1, channel: { get, post: get } }
  })
  const first: SignedKeyset = { keyset, signatures: [0, 1, 2].map((at) => say(at, start)) }
  return { time, read: openKeyset({ first, signers, threshold: 2, callMs: 500, now: () => time.now }), asked: () => asked, first }
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
