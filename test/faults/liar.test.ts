import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fromBase64url, toBase64url } from '@symbolon/protocol/bytes.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { signReply, type SignReply } from '@symbolon/protocol/sign.ts'
import { connectChannel, type Channel } from '@symbolon/runtime/channel-client.ts'
import { serveChannel, type ChannelReply, type ChannelServer, type Route } from '@symbolon/runtime/channel-server.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import { Stage, until } from './stage.testkit.ts'

/* Signer 1 is owned by an attacker: it has the TLS key and answers what it likes. The others are real. */

type Lie = (reply: SignReply) => unknown
const wire = { timeoutMs: 10_000, maxBytes: 8 * 1024 * 1024 }
const log = openLog({ process: 'liar', level: 'error' })

let stage: Stage
let server: ChannelServer
let real: Channel
let lie: Lie | undefined

const changeShares = (reply: SignReply, change: (share: Uint8Array) => Uint8Array): unknown => ({
  ...reply,
  answers: reply.answers.map((answer) => (answer.result === 'signed' ? { ...answer, share: toBase64url(change(fromBase64url(answer.share) ?? new Uint8Array())) } : answer)),
})

async function forward(path: string, body?: Buffer): Promise<ChannelReply> {
  const answer = body === undefined ? await real.get(path, wire) : await real.post(path, body, wire)
  if (!answer.ok) return { status: 503, body: '{}' }
  if (path !== '/v1/sign' || lie === undefined) return { status: answer.status, body: answer.body }
  return { status: 200, body: JSON.stringify(lie(signReply.parse(JSON.parse(answer.body.toString())))) }
}

const routes = (): Route[] => [
  ...['/v1/sign', '/v1/commitments'].map((path): Route => ({ method: 'POST', path, roles: ['coordinator'], maxBytes: limits.batchBodyBytes, handle: ({ body }) => forward(path, body) })),
  ...['/v1/status', '/v1/keyset'].map((path): Route => ({ method: 'GET', path, roles: ['coordinator'], maxBytes: 0, handle: () => forward(path) })),
]

beforeAll(async () => {
  stage = await Stage.open({
    async addressOf(port, signer, ca) {
      if (signer !== 'signer-1') return port
      real = connectChannel({ tls: ca.issue('symbolon:coordinator/1'), address: { host: '127.0.0.1', port }, expect: 'symbolon:signer/1' })
      server = await serveChannel({ tls: ca.issue('symbolon:signer/1'), listen: { host: '127.0.0.1', port: 0 }, routes: routes(), log })
      return server.address.port
    },
  })
})
afterAll(async () => {
  real?.close()
  await stage?.close()
  await server?.stop(AbortSignal.timeout(1_000))
})

const faults = () => stage.query('select signer, kind, accusation from fault order by id')

describe('TST-18 C-4 a signer that cheats', () => {
  test.each<[string, Lie, string]>([
    ['with a wrong share', (reply) => changeShares(reply, (share) => share.map((byte, at) => (at === 0 ? byte ^ 1 : byte))), 'share_invalid'],
    ['with a share of zero', (reply) => changeShares(reply, (share) => new Uint8Array(share.length)), 'share_invalid'],
    ['with a share of 31 bytes', (reply) => changeShares(reply, (share) => share.subarray(1)), 'reply_malformed'],
    ['with nonsense', () => ({ hello: 'there' }), 'reply_malformed'],
  ])('%s: every token is signed, the cheater is named and left out', async (_, how, kind) => {
    // Each case begins with a coordinator that has forgotten the last offence.
    await stage.kill('coordinator', 'SIGTERM')
    lie = undefined
    await stage.startCoordinator()
    await until(async () => (await stage.status()).signers.every(({ healthy }) => healthy))
    const before = (await faults()).length
    lie = how
    // Enough at once that the load reaches every signer, also one that is slower than the others.
    await until(async () => {
      const outcomes = await stage.mintAll(Array.from({ length: 64 }, () => stage.wish()))
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(outcomes.map(() => 'signed'))
      return (await faults()).length > before
    })
    // Attempts of the same moment may each have found it out; nobody else is ever named.
    for (const fault of (await faults()).slice(before)) expect(fault).toEqual({ signer: 1, kind, accusation: null })
    expect((await stage.status()).signers[0]).toMatchObject({ id: 1, healthy: false, problem: `left out: ${kind}` })
  })
})
