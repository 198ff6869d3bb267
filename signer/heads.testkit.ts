import { randomBytes } from 'node:crypto'
import { heapMemory } from '@symbolon/core/secret.ts'
import { makeP256 } from '@symbolon/keystore/sealing.ts'
import { softwareDevice } from '@symbolon/keystore/software.ts'
import { sha256, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Book as BookPart, HeadReply, HeadRequest } from '@symbolon/protocol/book.ts'
import { book as bookSchema, headRequest } from '@symbolon/protocol/book.ts'
import { canonical, decodeAs } from '@symbolon/protocol/json.ts'
import type { SignerRow } from '@symbolon/roster/roster.ts'
import type { ChannelAnswer } from '@symbolon/runtime/channel-client.ts'
import type { Alarm } from './audit.ts'
import { openBoot, type Boot } from './boot.ts'
import type { BookSummary } from './book.ts'
import { openHeads, type Heads } from './heads.ts'
import type { Head as JournalHead } from './journal.ts'
import type { PeerMemory } from './peer-file.ts'
import type { Remembered } from './peers.ts'

/* Signers that speak of nothing but heads, over a wire that a test can cut, in a time that a test makes. */

export interface World {
  readonly clock: { steady: number; wall: number }
  readonly ids: readonly number[]
  readonly rows: readonly SignerRow[]
  /** Whether one's question reaches another. */
  reach(from: number, to: number): boolean
  /** What answers under this signer's address; undefined: nobody. */
  readonly at: Map<number, Node>
  /** Starts a signer: another life of it, with the disk that it is given. */
  start(id: number, disk?: Disk): Promise<Node>
  /** Lets time pass, second by second, each of these asking as it would. */
  pass(seconds: number, ...nodes: readonly Node[]): Promise<void>
}

/** What outlives a process, and what an old image of brings back. */
export interface Disk {
  readonly journal: JournalHead[]
  readonly peers: Map<number, Remembered>
  readonly book: FakeBook
}
export interface FakeBook {
  /** Each with a certificate; their number is the version. */
  versions: string[]
  stops: string[]
}

export interface Node {
  readonly id: number
  readonly boot: Boot
  readonly heads: Heads
  readonly disk: Disk
  readonly alarms: (readonly [Alarm, Readonly<Record<string, string | number>>])[]
  /** Every request that it sent: to whom, and which. */
  readonly sent: (readonly [number, string])[]
  /** Answers as a hostile signer would. */
  lie?: (request: HeadRequest, honest: HeadReply) => unknown
  lieBook?: () => unknown
  /** One more judgement in its journal. */
  judge(): void
}

export const newDisk = (): Disk => ({ journal: [{ seq: 0, hash: sha256(randomBytes(8)) }], peers: new Map(), book: { versions: ['one'], stops: [] } })
export const imageOf = ({ journal, peers, book }: Disk): Disk => ({ journal: [...journal], peers: new Map(peers), book: structuredClone(book) })
export const digest = (text: string): Base64url => toBase64url(sha256(utf8(text)))

export function openWorld({ count = 3, threshold = 2, span = 420 }: { readonly count?: number; readonly threshold?: number; readonly span?: number } = {}): World {
  const ids = Array.from({ length: count }, (_, at) => at + 1)
  const devices = new Map(ids.map((id) => [id, softwareDevice({ backend: 'memory', identity: makeP256(heapMemory), sealing: makeP256(heapMemory), memory: heapMemory })]))
  const deviceOf = (id: number) => {
    const device = devices.get(id)
    if (device === undefined) throw new Error(`no signer ${id}`)
    return device
  }
  const rows = ids.map((id) => ({ id, name: `signer-${id}`, address: `127.0.0.1:${9000 + id}`, identity: deviceOf(id).identity, hpke: deviceOf(id).sealing }))
  const clock = { steady: 5_000, wall: 1_800_000_000_000 }
  const at = new Map<number, Node>()
  const world: World = {
    clock,
    ids,
    rows,
    at,
    reach: () => true,
    async start(id, disk = newDisk()) {
      const boot = await openBoot(id, Math.floor(clock.wall / 1000), async (bytes) => {
        const signed = await deviceOf(id).sign(bytes)
        if (!signed.ok) throw new Error(signed.error.code)
        return signed.value
      })
      const node = openNode({ world, id, disk, boot, threshold, span })
      at.set(id, node)
      return node
    },
    async pass(seconds, ...nodes) {
      for (let second = 0; second < seconds; second++) {
        clock.steady += 1_000
        clock.wall += 1_000
        await Promise.all(nodes.map(({ heads }) => heads.pulse()))
      }
    },
  }
  return world
}

const json = (value: unknown): ChannelAnswer => ({ ok: true, status: 200, body: Buffer.from(canonical(value)) })

function openNode({ world, id, disk, boot, threshold, span }: { world: World; id: number; disk: Disk; boot: Boot; threshold: number; span: number }): Node {
  const alarms: Node['alarms'] = []
  const sent: Node['sent'] = []
  const memory: PeerMemory = { get: (peer) => disk.peers.get(peer), set: (peer, value) => void disk.peers.set(peer, value), save: () => true }
  const heads = openHeads({
    id,
    boot,
    signers: world.rows,
    threshold,
    epoch: 1,
    span: () => span,
    now: () => ({ ...world.clock }),
    book: { summary: () => summaryOf(disk.book) },
    adopt: async (part) => ({ v: 1, result: 'adopted', version: take(disk.book, part), stops: disk.book.stops.length }),
    journal: { head: () => disk.journal.at(-1) ?? { seq: 0, hash: new Uint8Array(32) }, holds: ({ seq, hash }) => seq === 0 || disk.journal.some((entry) => entry.seq === seq && Buffer.compare(entry.hash, hash) === 0) },
    memory,
    audit: { alarm: (kind, facts) => void alarms.push([kind, facts]), peer: () => undefined },
    ask: async (peer, path, body) => {
      sent.push([peer, path])
      const answering = world.at.get(peer)
      if (answering === undefined || !world.reach(id, peer)) return { ok: false, reason: 'unreachable', detail: 'ECONNREFUSED' }
      return path === '/v1/book' ? json(answering.lieBook === undefined ? bookOf(answering.disk.book) : await answering.lieBook()) : answerOf(answering, id, body)
    },
  })
  return {
    id,
    boot,
    heads,
    disk,
    alarms,
    sent,
    judge() {
      const seq = (disk.journal.at(-1)?.seq ?? 0) + 1
      disk.journal.push({ seq, hash: sha256(randomBytes(8)) })
    },
  }
}

function answerOf(node: Node, from: number, body: Uint8Array): ChannelAnswer {
  const request = decodeAs(headRequest, body, 4096)
  if (!request.ok) return { ok: true, status: 400, body: Buffer.from('{}') }
  const honest = node.heads.answer(from, request.value)
  if (typeof honest === 'string') return { ok: true, status: honest === 'limited' ? 429 : 401, body: Buffer.from('{}') }
  return json(node.lie === undefined ? honest : node.lie(request.value, honest))
}

/* A book whose certificates are names: what heads do with one is tested here, what one proves elsewhere. */

export const summaryOf = ({ versions, stops }: FakeBook): BookSummary => ({ roster: { version: versions.length, digest: digest(versions.at(-1) ?? '') }, entries: digest('none'), stops: digest([...stops].sort().join()) })

const nameOf = (name: string): Base64url => toBase64url(utf8(name))
/** Stops carry their name as their intent; versions travel as stops of another spelling, so that the wire's schema holds. */
export const bookOf = ({ versions, stops }: FakeBook): BookPart => bookSchema.parse({ v: 1, versions: [], entries: [], stops: [...versions.map((name, at) => `version ${at + 1} ${name}`), ...stops.map((name) => `stop ${name}`)].map((name) => ({ intent: nameOf(name), evidence: [{ kind: 'key', proof: 'a.b.c' }] })) })

function take(book: FakeBook, { stops }: BookPart): number {
  for (const { intent } of stops) {
    const [kind, first = '', second = ''] = Buffer.from(intent, 'base64url').toString().split(' ')
    if (kind === 'stop' && !book.stops.includes(first)) book.stops.push(first)
    if (kind === 'version' && Number(first) === book.versions.length + 1) book.versions.push(second)
  }
  return book.versions.length
}
