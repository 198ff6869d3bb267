import { setTimeout as sleep } from 'node:timers/promises'
import { canonical, decodeAs } from '@symbolon/protocol/json.ts'
import { ceremonyBytesLimit, ceremonyPost, ceremonyReply, type AbortMessage, type CeremonyCode, type CeremonyMessage, type CeremonyReply } from '@symbolon/protocol/ceremony.ts'
import { connectChannel, type Channel } from '@symbolon/runtime/channel-client.ts'
import type { Route } from '@symbolon/runtime/channel-server.ts'
import type { Address } from '@symbolon/runtime/config.ts'
import type { Logger } from '@symbolon/runtime/log.ts'
import type { Conductor, Exchange } from './conductor.ts'

/* The ceremony's transport: each member posts what it says to every other, and tries again while the other starts. */

export const ceremonyPath = '/v1/ceremony'
/** An abort may carry four messages as proof. */
const postBytesLimit = 5 * ceremonyBytesLimit
const replyBytesLimit = 1_024
const postMs = 10_000
const abortMs = 2_000
const [firstPauseMs, longestPauseMs] = [50, 1_000]

export interface ExchangeOptions {
  readonly peers: readonly { readonly id: number; readonly address: Address }[]
  readonly tls: { readonly key: Buffer; readonly cert: Buffer; readonly ca: Buffer }
  readonly log: Logger
  /** Ends every attempt. */
  readonly deadline: AbortSignal
  /** A peer answers that it will not take what we say. */
  refused(peer: number, code: CeremonyCode): void
}

export interface OpenExchange extends Exchange {
  /** Waits until everything that was said has been taken, or the deadline has passed. */
  flush(): Promise<void>
  close(): void
}

export function openExchange(options: ExchangeOptions): OpenExchange {
  const { peers, tls, log, deadline } = options
  const stop = new AbortController()
  const signal = AbortSignal.any([deadline, stop.signal])
  const lines = new Map(peers.map(({ id, address }) => [id, { channel: connectChannel({ tls, address, expect: `symbolon:keygen/${id}` }), tail: Promise.resolve() }]))
  const enqueue = (id: number, message: CeremonyMessage) => {
    const line = lines.get(id)
    if (line === undefined) throw new Error(`no member ${id}`)
    // In order, and each until it is taken: what follows would be refused without what went before.
    line.tail = line.tail.then(() => deliver({ id, channel: line.channel, message, signal, log, refused: options.refused }))
  }
  return {
    send: (message) => peers.forEach(({ id }) => enqueue(id, message)),
    repeat: (member, messages) => messages.forEach((message) => enqueue(member, message)),
    abort: async (message) => {
      stop.abort()
      await Promise.all([...lines.values()].map(({ channel }) => channel.post(ceremonyPath, canonical(message satisfies AbortMessage), { timeoutMs: abortMs, maxBytes: replyBytesLimit })))
    },
    flush: async () => {
      await Promise.all([...lines.values()].map(({ tail }) => tail))
    },
    close: () => {
      stop.abort()
      lines.forEach(({ channel }) => channel.close())
    },
  }
}

interface Delivery {
  readonly id: number
  readonly channel: Channel
  readonly message: CeremonyMessage
  readonly signal: AbortSignal
  readonly log: Logger
  refused(peer: number, code: CeremonyCode): void
}

async function deliver({ id, channel, message, signal, log, refused }: Delivery): Promise<void> {
  const body = canonical(message)
  for (let pause = firstPauseMs; !signal.aborted; pause = Math.min(2 * pause, longestPauseMs)) {
    const answer = await channel.post(ceremonyPath, body, { timeoutMs: postMs, maxBytes: replyBytesLimit, signal })
    const reply = answer.ok && answer.status === 200 ? decodeAs(ceremonyReply, answer.body, replyBytesLimit) : undefined
    if (reply?.ok === true) {
      if (reply.value.result === 'refused') refused(id, reply.value.code)
      return
    }
    if (!answer.ok && answer.reason === 'wrong_peer') log.warn({ peer: id, detail: answer.detail }, 'another process answers at the address of this member')
    else log.debug({ peer: id, phase: message.phase, detail: answer.ok ? `status ${answer.status}` : answer.detail }, 'not taken yet')
    // An aborted pause is a pause that is over.
    await sleep(pause, undefined, { signal }).catch(() => undefined)
  }
}

/** Who may call, and what becomes of it. The sender is whom the certificate names. */
export function ceremonyRoute(conductor: Conductor, log: Logger): Route {
  return {
    method: 'POST',
    path: ceremonyPath,
    roles: ['keygen'],
    maxBytes: postBytesLimit,
    handle: async ({ peer, body }) => {
      // The other tries again.
      if (!conductor.started) return { status: 503, body: '{}' }
      const reply = await take(conductor, peer.id, body)
      if (reply.result === 'refused') log.warn({ peer: peer.id, code: reply.code }, 'message refused')
      return { status: 200, body: canonical(reply) }
    },
  }
}

async function take(conductor: Conductor, peer: string, body: Uint8Array): Promise<CeremonyReply> {
  const post = decodeAs(ceremonyPost, body, postBytesLimit)
  if (!post.ok) return { result: 'refused', code: 'malformed' }
  const member = /^[1-9][0-9]{0,4}$/.test(peer) ? Number(peer) : 0
  return post.value.phase === 'abort' ? conductor.takeAbort(member, post.value) : conductor.take(member, post.value)
}
