import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openArena } from '@symbolon/core/arena.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import { sha256, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { abortMessage, ceremonyMessage, messageBytes, type AbortMessage, type CeremonyMessage, type CeremonyReply } from '@symbolon/protocol/ceremony.ts'
import { canonical, decodeAs } from '@symbolon/protocol/json.ts'
import { purposes } from '@symbolon/protocol/purpose.ts'
import type { Keystore } from '@symbolon/keystore/keystore.ts'
import { createMemoryKeystore, type Shelf } from '@symbolon/keystore/memory.testkit.ts'
import { plan as planSchema, planDigest, type Plan } from '@symbolon/roster/plan.ts'
import type { Terms } from './ceremony.ts'
import { Conductor, type Exchange, type Result } from './conductor.ts'
import { openStorage, type Storage } from './storage.ts'

/* Members of a ceremony in one process, with real keys, real arithmetic and real files. Only the network between them is a function. */

export const suite = sodiumSuite(openArena(64 * 4096))
const bytes = (length: number, fill: number) => toBase64url(new Uint8Array(length).fill(fill))

export interface Person {
  readonly id: number
  readonly keystore: Keystore
  readonly state: string
  readonly storage: Storage
}

export async function makePeople(ids: readonly number[] = [1, 2, 3]): Promise<{ root: string; people: Person[] }> {
  const root = mkdtempSync(join(tmpdir(), 'symbolon-keygen-'))
  const shelf: Shelf = new Map()
  const people: Person[] = []
  for (const id of ids) {
    const state = join(root, `signer-${id}`)
    const folder = join(state, 'keystore')
    const keystore = await createMemoryKeystore(shelf, { folder, signer: id, memory: suite.memory })
    if (!keystore.ok) throw new Error(keystore.error.code)
    people.push({ id, keystore: keystore.value, state, storage: openStorage({ state, keystore: folder }) })
  }
  return { root, people }
}

export const planFor = (people: readonly Person[], change: Partial<Plan> = {}): Plan =>
  planSchema.parse({
    v: 1,
    nonce: bytes(16, 1),
    purposes: [...purposes],
    epoch: 1,
    t: 2,
    n: people.length,
    members: people.map(({ id }) => ({ id, keygen: `127.0.0.1:${7100 + id}` })),
    template: {
      v: 1,
      version: 1,
      deployment: { name: 'test', issuer: 'http://localhost:7000', rp_id: 'localhost', console_origins: ['http://localhost:7001'] },
      bootstrap: { kty: 'OKP', crv: 'Ed25519', x: bytes(32, 90) },
      people: [],
      grants: { max: 43_200 },
      clients: [{ id: 'symbolon-cli', name: 'CLI' }],
      services: [],
      issuers: [],
      trusts: [],
      audiences: ['https://logs.example'],
      default_audience: 'https://logs.example',
      scopes: ['read:logs'],
      token: { default_ttl: 900, max_ttl: 3600 },
      rate: 600,
      signers: people.map(({ id, keystore }) => ({ id, name: `signer-${id}`, address: `127.0.0.1:${7000 + id}`, identity: keystore.identity, hpke: keystore.hpke })),
      policy: toBase64url(sha256(utf8('policy'))),
    },
    ...change,
  })

export const termsOf = (plan: Plan, self: number): Terms => ({ plan: planDigest(plan), self, members: new Map(plan.template.signers.map(({ id, identity }) => [id, identity])) })

/** Signs a changed message as its sender would: what a member gone bad can do, and nobody else. */
export async function resign<M extends CeremonyMessage>(person: Person, message: M, change: object): Promise<M> {
  const changed = { ...message, ...change }
  const signature = await person.keystore.sign(messageBytes(changed))
  if (!signature.ok) throw new Error(signature.error.code)
  return { ...changed, signature: toBase64url(signature.value) }
}

/** Between a member and another: what arrives instead. Undefined: nothing does. */
export type Wire = (from: Person, to: Person, message: CeremonyMessage) => Promise<CeremonyMessage | undefined> | CeremonyMessage | undefined
const honest: Wire = (_from, _to, message) => message

export interface Run {
  readonly conductors: ReadonlyMap<number, Conductor>
  readonly results: Promise<Map<number, Result>>
  /** Everything that was sent, in order. */
  readonly sent: CeremonyMessage[]
  readonly aborts: AbortMessage[]
  /** A new process in the place of a member: it knows what is on its disk, and the others do not know that it is new. */
  restart(id: number): Promise<Result>
}

/** Starts every member of `who` on its own plan. `gone`: one that is not there to tell others why it stops. */
export function start(who: readonly { person: Person; plan: Plan }[], options: { wire?: Wire; deadlineMs?: number; clock?: () => number; gone?: number } = {}): Run {
  const { wire = honest, deadlineMs = 5_000, clock = () => 1_700_000_000 } = options
  const conductors = new Map<number, Conductor>()
  const [sent, aborts]: [CeremonyMessage[], AbortMessage[]] = [[], []]
  const exchangeOf = (from: Person): Exchange => {
    const others = who.filter(({ person }) => person.id !== from.id).map(({ person }) => person)
    // One message after the other to each, as over a connection.
    const queues = new Map<number, Promise<void>>()
    const deliver = (to: Person, message: CeremonyMessage) => queues.set(to.id, (queues.get(to.id) ?? Promise.resolve()).then(() => post(from, to, message)))
    return {
      send: (message) => {
        sent.push(message)
        others.forEach((to) => deliver(to, message))
      },
      repeat: (member, messages) => others.filter(({ id }) => id === member).forEach((to) => messages.forEach((message) => deliver(to, message))),
      abort: async (message) => {
        aborts.push(message)
        if (from.id !== options.gone) await Promise.all(others.map(({ id }) => conductors.get(id)?.takeAbort(from.id, overTheWire(abortMessage, message))))
      },
    }
  }
  const post = async (from: Person, to: Person, message: CeremonyMessage): Promise<void> => {
    const arrives = await wire(from, to, message)
    const receiver = conductors.get(to.id)
    if (arrives === undefined || receiver === undefined) return
    while (!receiver.started) await new Promise((resolve) => setTimeout(resolve, 1))
    const reply: CeremonyReply = receiver.take(from.id, overTheWire(ceremonyMessage, arrives))
    if (reply.result === 'refused') conductors.get(from.id)?.refusedBy(to.id, reply.code)
  }
  const enter = ({ person, plan }: (typeof who)[number]): Conductor => {
    const terms = termsOf(plan, person.id)
    const conductor = new Conductor({ plan, terms, suite, keystore: person.keystore, storage: person.storage, exchange: exchangeOf(person), clock, progress: person.storage.begin(terms.plan) })
    conductors.set(person.id, conductor)
    return conductor
  }
  who.forEach(enter)
  const deadline = AbortSignal.timeout(deadlineMs)
  const results = Promise.all([...conductors].map(async ([id, conductor]) => [id, await conductor.run(deadline)] as const)).then((rows) => new Map(rows))
  const restart = (id: number): Promise<Result> => {
    const member = who.find(({ person }) => person.id === id)
    if (member === undefined) throw new Error(`no member ${id}`)
    return enter(member).run(deadline)
  }
  return { conductors, results, sent, aborts, restart }
}

/** Through the bytes, so that what the schema would refuse cannot be sent here either. */
function overTheWire<T>(schema: Parameters<typeof decodeAs<T>>[0], message: T): T {
  const decoded = decodeAs(schema, canonical(message), 1 << 20)
  if (!decoded.ok) throw new Error(`not a message: ${JSON.stringify(decoded.problems)}`)
  return decoded.value
}
