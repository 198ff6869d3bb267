import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { signReply } from '@symbolon/protocol/sign.ts'
import type { ChannelAnswer } from '@symbolon/runtime/channel-client.ts'
import { coordinate, settle } from './coordinator.testkit.ts'
import { deploy } from './fake-signer.testkit.ts'
import { readAnswer, type SignerChannel } from './signer-wire.ts'

const answer = (status: number, body: string | Uint8Array): ChannelAnswer => ({ ok: true, status, body: Buffer.from(body) })

describe('what an answer of a signer means', () => {
  test.each<[string, ChannelAnswer, object]>([
    ['no connection', { ok: false, reason: 'unreachable', detail: 'ECONNREFUSED' }, { ok: false, silent: 'unreachable' }],
    ['another process there', { ok: false, reason: 'wrong_peer', detail: 'IDENTITY_DIFFERS' }, { ok: false, silent: 'unreachable' }],
    ['no answer in time', { ok: false, reason: 'timeout', detail: 'no_answer' }, { ok: false, silent: 'timeout' }],
    ['more than allowed', { ok: false, reason: 'too_large', detail: 'over' }, { ok: false, fault: 'reply_malformed' }],
    ['overloaded', answer(503, '{}'), { ok: false, silent: 'busy' }],
    ['a bug of its own', answer(500, '{}'), { ok: false, silent: 'unreachable' }],
    ['not for us', answer(403, '{}'), { ok: false, silent: 'unreachable' }],
    ['nonsense', answer(200, 'hello'), { ok: false, fault: 'reply_malformed' }],
    ['an unknown field', answer(200, '{"v":1,"boot":"","answers":[],"commitments":[],"signature":"","more":1}'), { ok: false, fault: 'reply_malformed' }],
    ['a duplicate member', answer(200, '{"v":1,"v":1}'), { ok: false, fault: 'reply_malformed' }],
    ['deep nesting', answer(200, '['.repeat(10_000)), { ok: false, fault: 'reply_malformed' }],
  ])('%s', (_, given, means) => expect(readAnswer(given, signReply)).toMatchObject(means))
})

describe('D-1 a hostile signer', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] }))
  afterEach(() => void vi.useRealTimers())
  const next = () => vi.advanceTimersToNextTimerAsync()

  /** Answers with what `spoil` makes of the true answer. */
  const spoiled = (channel: SignerChannel, spoil: (body: Buffer) => Buffer): SignerChannel => ({
    get: channel.get,
    async post(path, body, options) {
      const honest = await channel.post(path, body, options)
      return honest.ok && path === '/v1/sign' ? { ...honest, body: spoil(honest.body) } : honest
    },
  })
  const flipped = (bytes: Buffer, places: readonly { at: number; by: number }[]): Buffer => {
    const out = Buffer.from(bytes)
    for (const { at, by } of places) out[at % out.length] = (out[at % out.length] ?? 0) ^ by
    return out
  }
  const spoilers = fc.oneof(
    fc.array(fc.record({ at: fc.nat(), by: fc.integer({ min: 1, max: 255 }) }), { minLength: 1, maxLength: 4 }).map((places) => (body: Buffer) => flipped(body, places)),
    fc.nat().map((length) => (body: Buffer) => body.subarray(0, length % body.length)),
    fc.uint8Array({ maxLength: 100 }).map((bytes) => () => Buffer.from(bytes)),
    fc.json().map((text) => () => Buffer.from(text)),
  )

  test('property: whatever it answers, the token is signed and nobody else is blamed', async () => {
    await fc.assert(
      fc.asyncProperty(spoilers, fc.integer({ min: 1, max: 3 }), async (spoil, id) => {
        const deployment = deploy(2, 3)
        const signers = deployment.signers.map((signer) => (signer.id === id ? { row: signer.row, channel: spoiled(signer.channel, spoil) } : signer))
        const coordinator = coordinate({ ...deployment, signers: signers as never }, next)
        await Promise.all(coordinator.peers.map((peer) => settle(peer.restock(), next)))
        for (let round = 0; round < 2; round++) expect(await coordinator.mint()).toMatchObject({ outcome: 'signed' })
        expect(coordinator.faults.filter(({ signer }) => signer !== id)).toEqual([])
      }),
      { numRuns: 60 },
    )
  })
})
