import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { limits } from '@symbolon/protocol/limits.ts'
import type { MintItem } from '@symbolon/protocol/mint.ts'
import type { ChannelAnswer } from '@symbolon/runtime/channel-client.ts'
import { openBatches, openQuorum } from './quorum.ts'

const digest = 'A'.repeat(43) as MintItem['policy']
const item = (name: string, size = 0): MintItem => ({ request_id: name, purpose: 'token', roster: 1, policy: digest, intent: 'e30' as MintItem['intent'], evidence: [{ kind: 'key', proof: `a.b.${'c'.repeat(size + 1)}` }], approvals: [], asserted: {}, records: [], bytes: 'a.b' })
const signature = 'A'.repeat(86)

const turn = () => new Promise((resolve) => setImmediate(resolve))

interface Posted {
  readonly body: { readonly v: number; readonly items: readonly MintItem[] }
  readonly bytes: number
}

/** A coordinator whose answers a test holds back. */
function coordinator(answer: (posted: Posted) => ChannelAnswer) {
  const posted: Posted[] = []
  const held: (() => void)[] = []
  const channel = {
    async post(_path: string, body: Uint8Array | string): Promise<ChannelAnswer> {
      const one = { body: JSON.parse(String(body)) as Posted['body'], bytes: Buffer.byteLength(body) }
      posted.push(one)
      await new Promise<void>((resolve) => held.push(resolve))
      return answer(one)
    },
  }
  const release = async () => {
    while (held.length > 0) {
      held.splice(0).forEach((go) => go())
      // The turn in which callers hear, and the one in which their place is taken.
      await turn()
      await turn()
    }
  }
  return { posted, release, channel }
}

const says = (value: unknown, status = 200): ChannelAnswer => ({ ok: true, status, body: Buffer.from(JSON.stringify(value)) })
/** Each item is refused in a way that names it, so that a mixed-up order shows. */
const naming = ({ body }: Posted) => says({ v: 1, outcomes: body.items.map((each) => (each.request_id === 'bad' ? { outcome: 'faulty', parts: [] } : { outcome: 'signed', signature, parts: [{ signer: Number(each.request_id), state: 'signed' }] })), timings: { log_us: 5, quorum_us: 6 } })

describe('the coordinator is asked', () => {
  test('at once while a call is free, and in batches while none is', async () => {
    const { posted, release, channel } = coordinator(naming)
    const quorum = openQuorum({ channel, timeoutMs: 1_000, calls: 1 })
    const first = quorum.sign(item('1'))
    await turn()
    const rest = Array.from({ length: 70 }, (_, at) => quorum.sign(item(`${at + 2}`)))
    await turn()
    expect(posted.map(({ body }) => body.items.length)).toEqual([1])
    await release()
    await first
    await Promise.all(rest)
    expect(posted.map(({ body }) => body.items.length)).toEqual([1, limits.batchItems, 6])
  })

  test('and each gets its own outcome', async () => {
    const { release, channel } = coordinator(naming)
    const quorum = openQuorum({ channel, timeoutMs: 1_000, calls: 1 })
    const all = Promise.all(['1', 'bad', '3'].map((name) => quorum.sign(item(name))))
    await turn()
    await release()
    expect(await all).toMatchObject([{ ok: true, outcome: { parts: [{ signer: 1 }] }, timings: { log_us: 5 } }, { outcome: { outcome: 'faulty' } }, { outcome: { parts: [{ signer: 3 }] } }])
  })

  test('never with a body over its limit', async () => {
    const { posted, release, channel } = coordinator(naming)
    const quorum = openQuorum({ channel, timeoutMs: 1_000, calls: 1 })
    const all = Promise.all([quorum.sign(item('1')), ...Array.from({ length: 64 }, (_, at) => quorum.sign({ ...item(`${at + 2}`), evidence: Array.from({ length: 4 }, () => ({ kind: 'key' as const, proof: `a.b.${'c'.repeat(16_000)}` })) }))])
    await turn()
    await release()
    expect((await all).every((answer) => answer.ok)).toBe(true)
    expect(posted.length).toBeGreaterThan(1)
    expect(Math.max(...posted.map(({ bytes }) => bytes))).toBeLessThanOrEqual(limits.batchBodyBytes)
  })
})

describe('an answer that is none', () => {
  const asked = async (answer: ChannelAnswer) => {
    const { posted, release, channel } = coordinator(() => answer)
    const signing = openQuorum({ channel, timeoutMs: 1_000 }).sign(item('1'))
    await turn()
    await release()
    const outcome = await signing
    // Never again: the intent may have been signed already.
    expect(posted).toHaveLength(1)
    return outcome.ok ? 'ok' : outcome.code
  }
  test.each([
    ['no connection', { ok: false, reason: 'unreachable', detail: 'ECONNREFUSED' }, 'quorum_unavailable'],
    ['another peer', { ok: false, reason: 'wrong_peer', detail: 'IDENTITY_DIFFERS' }, 'quorum_unavailable'],
    ['too late', { ok: false, reason: 'timeout', detail: 'no_answer' }, 'timed_out'],
    ['overloaded', says({}, 503), 'busy'],
    ['not allowed', says({}, 403), 'quorum_unavailable'],
    ['nonsense', { ok: true, status: 200, body: Buffer.from('nonsense') }, 'quorum_unavailable'],
    ['a stranger’s field', says({ v: 1, outcomes: [{ outcome: 'signed', signature, parts: [], token: 'x' }] }), 'quorum_unavailable'],
    ['too few outcomes', says({ v: 1, outcomes: [] }), 'quorum_unavailable'],
    ['too many outcomes', says({ v: 1, outcomes: Array.from({ length: 2 }, () => ({ outcome: 'faulty', parts: [] })) }), 'quorum_unavailable'],
    ['an unknown outcome', says({ v: 1, outcomes: [{ outcome: 'granted' }] }), 'quorum_unavailable'],
  ] as const)('%s', async (_name, answer, code) => expect(await asked(answer)).toBe(code))
})

describe('another route of the coordinator', () => {
  const shape = z.strictObject({ v: z.literal(1), outcomes: z.array(z.strictObject({ outcome: z.enum(['opened', 'unreachable']), code: z.string().optional() })) })
  const route = { path: '/v1/open', reply: shape, maxItems: 2, maxBytes: 1_024 }

  test('is asked within its own limits', async () => {
    const { posted, release, channel } = coordinator(({ body }) => says({ v: 1, outcomes: body.items.map(() => ({ outcome: 'opened' })) }))
    const paths: string[] = []
    const opening = openBatches({ ...route }, { channel: { post: (path, body) => (paths.push(path), channel.post(path, body)) }, timeoutMs: 1_000 })
    const answers = [1, 2, 3].map((each) => opening({ request_id: `${each}` }))
    await turn()
    await release()
    expect(await Promise.all(answers)).toEqual([1, 2, 3].map(() => ({ ok: true, outcome: { outcome: 'opened' } })))
    expect([new Set(paths), posted.map(({ body }) => body.items.length)]).toEqual([new Set(['/v1/open']), [2, 1]])
  })

  test('that signers are ahead is told at once', async () => {
    const codes = ['roster_behind', 'busy', 'roster_behind']
    const { release, channel } = coordinator(() => says({ v: 1, outcomes: [{ outcome: 'unreachable', code: codes.pop() }] }))
    let told = 0
    const opening = openBatches({ ...route, maxItems: 1 }, { channel, timeoutMs: 1_000, behind: () => void (told += 1) })
    const answers = [1, 2, 3].map((each) => opening({ request_id: `${each}` }))
    await turn()
    await release()
    await Promise.all(answers)
    expect(told).toBe(2)
  })
})
