import { describe, expect, test } from 'vitest'
import { acceptBytes, slotOfEntry, entryDigest, type AcceptReply, type AcceptRequest, type AdoptReply, type Book, type Slot } from '@symbolon/protocol/book.ts'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { reasonOf } from '@symbolon/protocol/reason.ts'
import { openBook } from '@symbolon/roster/book.ts'
import { verifyCertificate } from '@symbolon/roster/certificate.ts'
import { rosterDigest } from '@symbolon/roster/roster.ts'
import { certifiedVersion, enrolmentOf, filled, first, lineage, peopled, signedBy } from '@symbolon/roster/roster.testkit.ts'
import type { ChannelAnswer } from '@symbolon/runtime/channel-client.ts'
import { changeRoster, type Changing } from './change.ts'
import { stopAll } from './hand-on.ts'
import type { SignerChannel } from './signer-wire.ts'

/* Signers in this process with real identity keys, that accept, refuse, lie or stay away. */

type Behaviour = 'accepts' | 'refuses' | 'behind' | 'down' | 'silent' | 'foreign_key' | 'other_subject' | 'other_slot' | 'other_signer' | 'other_lineage' | 'nonsense' | 'accepts_only'

const next = peopled()
const change: AcceptRequest = { v: 1, what: 'change', change: certifiedVersion(next).change }
const slot: Slot = { of: 'roster', version: 2 }
const subject = rosterDigest(next)
const says = (value: unknown): ChannelAnswer => ({ ok: true, status: 200, body: Buffer.from(JSON.stringify(value)) })

class FakeSigner {
  readonly row
  readonly adopted: Book[] = []
  readonly asked: string[] = []
  readonly #behaviour: Behaviour

  constructor(id: number, behaviour: Behaviour) {
    const row = first.signers.find((each) => each.id === id)
    if (row === undefined) throw new Error('no such signer')
    this.row = row
    this.#behaviour = behaviour
  }

  get channel(): Pick<SignerChannel, 'get' | 'post'> {
    return { get: () => Promise.reject(new Error('not asked here')), post: (path, body) => this.#post(path, String(body)) }
  }

  async #post(path: string, body: string): Promise<ChannelAnswer> {
    this.asked.push(path)
    if (this.#behaviour === 'down') return { ok: false, reason: 'unreachable', detail: 'ECONNREFUSED' }
    if (this.#behaviour === 'silent') return new Promise((resolve) => setTimeout(() => resolve({ ok: false, reason: 'timeout', detail: 'no_answer' }), 300))
    if (path === '/v1/adopt') return this.#adopt(JSON.parse(body) as Book)
    return says(this.#accept())
  }

  #adopt(part: Book): ChannelAnswer {
    this.adopted.push(part)
    if (this.#behaviour === 'accepts_only') return { ok: false, reason: 'unreachable', detail: 'gone' }
    return says({ v: 1, result: 'adopted', version: 2, stops: this.#behaviour === 'refuses' ? 0 : part.stops.length } satisfies AdoptReply)
  }

  #accept(): unknown {
    const { id } = this.row
    switch (this.#behaviour) {
      case 'refuses':
        return { v: 1, result: 'refused', reasons: [reasonOf('approval_required', 'One of the guardians must approve.')] } satisfies AcceptReply
      case 'behind':
        return { v: 1, result: 'not_now', code: 'roster_behind' } satisfies AcceptReply
      case 'foreign_key':
        return this.#word({ by: (id % 3) + 1 })
      case 'other_subject':
        return this.#word({ said: filled(32, 5) })
      case 'other_slot':
        return this.#word({ at: { of: 'roster', version: 3 } })
      case 'other_signer':
        return this.#word({ by: (id % 3) + 1, named: (id % 3) + 1 })
      case 'other_lineage':
        return this.#word({ under: filled(32, 6) })
      case 'nonsense':
        return { v: 1, result: 'accepted' }
      default:
        return this.#word({})
    }
  }

  #word({ by = this.row.id, named = this.row.id, said = subject, at = slot, under = lineage }: { by?: number; named?: number; said?: Base64url; at?: Slot; under?: Base64url }): AcceptReply {
    return { v: 1, result: 'accepted', slot: at, subject: said, accept: { signer: named, iat: 1_800_000_100, signature: signedBy(by, acceptBytes({ lineage: under, slot: at, subject: said, iat: 1_800_000_100 })) } }
  }
}

function stage(...behaviours: Behaviour[]) {
  const signers = behaviours.map((behaviour, at) => new FakeSigner(at + 1, behaviour))
  const taken: Book[] = []
  const changing: Changing = { lineage, threshold: 2, signers, acceptMs: 200, adoptMs: 200, take: (part) => void taken.push(part) }
  return { signers, taken, changing, propose: (request: AcceptRequest = change) => changeRoster(changing, request) }
}
const states = (reply: { words: readonly { state: string }[] }) => reply.words.map(({ state }) => state)

describe('a change is accepted by t signers, each by its own word', () => {
  test('all three: a certificate that verifies, adopted by all, and taken here', async () => {
    const { propose, taken } = stage('accepts', 'accepts', 'accepts')
    const reply = await propose()
    if (reply.state !== 'accepted') throw new Error(reply.state)
    expect(verifyCertificate(reply.certificate, first, lineage)).toMatchObject({ ok: true })
    expect([reply.certificate.slot, reply.certificate.subject, states(reply)]).toEqual([slot, subject, ['adopted', 'adopted', 'adopted']])
    expect(openBook(first).take(taken[0] ?? { v: 1, versions: [], entries: [], stops: [] }).state.version()).toBe(2)
  })

  test('with one down, two are enough', async () => {
    const { propose } = stage('accepts', 'down', 'accepts')
    const reply = await propose()
    expect([reply.state, states(reply)]).toEqual(['accepted', ['adopted', 'unreachable', 'adopted']])
  })

  test('whoever refused is told of the certificate all the same', async () => {
    const { propose, signers } = stage('accepts', 'refuses', 'accepts')
    expect((await propose()).state).toBe('accepted')
    expect(signers[1]?.adopted[0]?.versions[0]?.certificate.accepts.map(({ signer }) => signer)).toEqual([1, 3])
  })

  test('who accepted and then went away before adopting does not undo it', async () => {
    const { propose, taken } = stage('accepts_only', 'accepts', 'accepts')
    const reply = await propose()
    expect(reply.state).toBe('accepted')
    expect(taken).toHaveLength(1)
  })

  test('an entry likewise, for its row’s slot', async () => {
    const entry = enrolmentOf('bob', 'code-bob', 'bob-1')
    const { statement } = entry
    const signers = [1, 2, 3].map((id) => ({
      row: first.signers[id - 1] ?? first.signers[0],
      channel: {
        get: () => Promise.reject(new Error('not asked here')),
        post: async (path: string) => says(path === '/v1/adopt' ? { v: 1, result: 'adopted', version: 2, stops: 0 } : { v: 1, result: 'accepted', slot: slotOfEntry(statement), subject: entryDigest(statement), accept: { signer: id, iat: 5, signature: signedBy(id, acceptBytes({ lineage, slot: slotOfEntry(statement), subject: entryDigest(statement), iat: 5 })) } }),
      },
    }))
    const reply = await changeRoster({ lineage, threshold: 2, signers: signers as Changing['signers'], acceptMs: 200, adoptMs: 200, take: () => undefined }, { v: 1, what: 'entry', entry })
    if (reply.state !== 'accepted') throw new Error(reply.state)
    expect(verifyCertificate(reply.certificate, first, lineage).ok).toBe(true)
    expect(reply.certificate.slot).toEqual({ of: 'row', row: 'bob', key: expect.any(String), seq: 1 })
  })
})

describe('I-3 what is not a word does not count', () => {
  test.each<Behaviour>(['foreign_key', 'other_subject', 'other_slot', 'other_signer', 'other_lineage', 'nonsense'])('%s', async (lie) => {
    const { propose, taken, signers } = stage('accepts', lie, lie)
    const reply = await propose()
    expect([reply.state, states(reply)]).toEqual(['not_now', ['accepted', 'faulty', 'faulty']])
    expect([taken, signers.flatMap(({ adopted }) => adopted)]).toEqual([[], []])
  })

  test('one liar among three changes nothing', async () => {
    expect((await stage('accepts', 'foreign_key', 'accepts').propose()).state).toBe('accepted')
  })
})

describe('TST-32 when t accepts are impossible, it says so at once', () => {
  test('two refusals of three are a no, with their reasons told once', async () => {
    const { propose, signers } = stage('refuses', 'silent', 'refuses')
    const before = performance.now()
    const reply = await propose()
    if (reply.state !== 'refused') throw new Error(reply.state)
    expect(reply.reasons.map(({ code }) => code)).toEqual(['approval_required'])
    expect(states(reply)).toEqual(['refused', 'unreachable', 'refused'])
    expect(performance.now() - before).toBeLessThan(150)
    expect(signers.flatMap(({ adopted }) => adopted)).toEqual([])
  })

  test('one refusal and one that is down are no answer: it may be asked again', async () => {
    expect(await stage('accepts', 'refuses', 'down').propose()).toMatchObject({ state: 'not_now', code: 'quorum_unavailable' })
  })

  test('signers that cannot now say why', async () => {
    expect(await stage('accepts', 'behind', 'behind').propose()).toMatchObject({ state: 'not_now', code: 'roster_behind', words: [{ state: 'accepted' }, { state: 'not_now', code: 'roster_behind' }, {}] })
  })

  test('a silent one is waited for no longer than it may take', async () => {
    const reply = await stage('accepts', 'silent', 'down').propose()
    expect([reply.state, states(reply)]).toEqual(['not_now', ['accepted', 'unreachable', 'unreachable']])
  })

  test('a document that none could accept is shown to none', async () => {
    const { propose, signers } = stage('accepts', 'accepts', 'accepts')
    expect(await propose({ v: 1, what: 'change', change: { ...change.change, document: 'e30' as Base64url } })).toMatchObject({ state: 'not_now', code: 'item_malformed' })
    expect(signers.flatMap(({ asked }) => asked)).toEqual([])
  })
})

describe('stops', () => {
  const stops = [{ intent: 'e30' as Base64url, evidence: [{ kind: 'key' as const, proof: 'a.b.c' }] }]
  const stop = async (...behaviours: Behaviour[]) => {
    const { changing, taken } = stage(...behaviours)
    const reply = await stopAll({ ...changing, timeoutMs: 200 }, { v: 1, stops })
    return { states: states(reply), taken: taken.length }
  }
  test('go to every signer', async () => expect(await stop('accepts', 'accepts', 'accepts')).toEqual({ states: ['kept', 'kept', 'kept'], taken: 1 }))
  test('one that keeps them is enough to hand them on', async () => expect(await stop('down', 'accepts', 'silent')).toEqual({ states: ['unreachable', 'kept', 'unreachable'], taken: 1 }))
  test('one that passes them over has refused', async () => expect(await stop('refuses', 'refuses', 'refuses')).toEqual({ states: ['refused', 'refused', 'refused'], taken: 0 }))
})
