import { rmSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { phases, sessionOf, type CeremonyMessage, type MessageOf, type Phase } from '@symbolon/protocol/ceremony.ts'
import { advance, begin, end, receive, resume, type Running, type State } from './ceremony.ts'
import { makeSessionKey } from './sealed-shares.ts'
import { makePeople, planFor, resign, termsOf, type Person } from './members.testkit.ts'

/* The table of states, driven with messages that are valid but for one thing. Bodies are not the state machine's affair. */

let root: string
let people: Person[]
let terms: ReturnType<typeof termsOf>
let accepts: Map<number, MessageOf<'accept'>>
let session: ReturnType<typeof sessionOf>

const person = (id: number): Person => {
  const found = people.find((each) => each.id === id)
  if (found === undefined) throw new Error(`no member ${id}`)
  return found
}
const acceptOf = (id: number): MessageOf<'accept'> => {
  const found = accepts.get(id)
  if (found === undefined) throw new Error(`no accept of ${id}`)
  return found
}
const blank = { v: 1, signature: toBase64url(new Uint8Array(64)) } as const

/** Signed, of this plan and session; `change` breaks one thing before it is signed. */
const say = async (sender: number, phase: Phase, change: object = {}, by = sender): Promise<CeremonyMessage> =>
  resign(person(by), { ...blank, plan: terms.plan, ...(phase === 'accept' ? {} : { session }), phase, sender, body: {} } as unknown as CeremonyMessage, change)

/** Member 1 when everybody's message of `phase` is there. */
async function gathered(phase: Phase): Promise<State> {
  let state = begin(terms, acceptOf(1))
  for (const step of phases.slice(0, phases.indexOf(phase) + 1)) {
    if (step !== 'accept') state = advance(terms, state as Running, await say(1, step))
    for (const id of [2, 3]) state = take(state, step === 'accept' ? acceptOf(id) : await say(id, step))
  }
  return state
}
function take(state: State, message: CeremonyMessage, peer = message.sender): State {
  const taken = receive(terms, state, message, peer)
  if (!taken.ok) throw new Error(taken.error.code)
  return taken.value
}
const refusalOf = (state: State, message: CeremonyMessage, peer = message.sender) => {
  const taken = receive(terms, state, message, peer)
  return taken.ok ? 'taken' : taken.error
}

beforeAll(async () => {
  ;({ root, people } = await makePeople())
  terms = termsOf(planFor(people), 1)
  accepts = new Map()
  for (const { id } of people) {
    const body = { receive: (await makeSessionKey()).jwk, nonce: toBase64url(new Uint8Array(32).fill(id)) }
    accepts.set(id, (await say(id, 'accept', { body })) as MessageOf<'accept'>)
  }
  session = sessionOf(terms.plan, [...accepts.values()])
})

afterAll(() => rmSync(root, { recursive: true }))

describe('the states of a ceremony', () => {
  test('each phase waits for every member and gives way to the next; done by all is the end', async () => {
    for (const phase of phases.slice(0, -1)) expect(await gathered(phase)).toMatchObject({ state: 'gathered', phase })
    expect(await gathered('done')).toMatchObject({ state: 'finished', session })
  })

  test('one member short is not gathered', () => {
    expect(take(begin(terms, acceptOf(1)), acceptOf(2))).toMatchObject({ state: 'gathering', phase: 'accept' })
  })

  test('a message may be heard twice, and counts once', async () => {
    const once = take(begin(terms, acceptOf(1)), acceptOf(2))
    expect(take(once, acceptOf(2))).toBe(once)
    const other = await resign(person(2), acceptOf(2), {})
    expect(other.signature).not.toBe(acceptOf(2).signature)
    expect(take(once, other)).toBe(once)
  })

  test('our own next message must be the one that follows', async () => {
    const state = (await gathered('accept')) as Running
    for (const wrong of [await say(1, 'reveal'), await say(2, 'commit'), acceptOf(1)]) expect(() => advance(terms, state, wrong)).toThrow('cannot follow')
    const early = begin(terms, acceptOf(1)) as Running
    const commit = await say(1, 'commit')
    expect(() => advance(terms, early, commit)).toThrow('cannot follow')
  })

  describe('who sent it is verified before anything else', () => {
    test.each<[string, () => Promise<[CeremonyMessage, number]>, object]>([
      ['SEC-05 over another member’s channel', async () => [await say(2, 'commit'), 3], { code: 'sender_mismatch' }],
      ['SEC-05 of a stranger', async () => [await say(9, 'commit', {}, 2), 9], { code: 'sender_unknown' }],
      ['SEC-05 with another member’s signature', async () => [await say(2, 'commit', {}, 3), 2], { code: 'signature_invalid' }],
      ['SEC-05 changed after it was signed', async () => [{ ...(await say(2, 'commit')), phase: 'reveal' } as CeremonyMessage, 2], { code: 'signature_invalid' }],
      ['SEC-14 that is our own', async () => [await say(1, 'commit'), 1], { code: 'message_reflected' }],
      ['SEC-05 of another plan', async () => [await say(2, 'commit', { plan: toBase64url(new Uint8Array(32)) }), 2], { code: 'plan_differs' }],
      ['SEC-05 of another session', async () => [await say(2, 'commit', { session: toBase64url(new Uint8Array(32)) }), 2], { code: 'session_differs' }],
      ['from two phases ahead', async () => [await say(2, 'reveal'), 2], { code: 'phase_unexpected' }],
    ])('a message %s is refused and changes nothing', async (_, make, refusal) => {
      const [message, peer] = await make()
      expect(refusalOf(await gathered('accept'), message, peer)).toEqual(refusal)
    })
  })

  test('SEC-13 another word in the same phase ends the ceremony and proves who gave both', async () => {
    const state = take(await gathered('commit'), await say(2, 'reveal'))
    const second = await say(2, 'reveal', { body: { packages: 'others' } })
    expect(refusalOf(state, second)).toMatchObject({ code: 'message_repeated', ends: { code: 'equivocation', culprits: [2], received: [{ phase: 'reveal' }, { body: { packages: 'others' } }] } })
    const earlier = await say(2, 'commit', { body: { digests: 'others' } })
    expect(refusalOf(state, earlier)).toMatchObject({ code: 'message_repeated', ends: { code: 'equivocation', culprits: [2] } })
  })

  test('SEC-13 a second accept is not taken, but may be an old one that somebody plays back', async () => {
    const old = await resign(person(2), acceptOf(2), { body: { ...acceptOf(2).body, nonce: toBase64url(new Uint8Array(32)) } })
    expect(refusalOf(await gathered('accept'), old)).toEqual({ code: 'message_repeated' })
  })

  test('SEC-16 a commit of another session ends it as soon as the session is known', async () => {
    const state = take(take(begin(terms, acceptOf(1)), acceptOf(3)), await say(3, 'commit', { session: toBase64url(new Uint8Array(32)) }))
    expect(take(state, acceptOf(2))).toMatchObject({ state: 'ended', fault: { code: 'session_differs', culprits: [3] } })
  })

  test('the first fault stands, nothing leads out of it, and what was heard is kept for the accusation', async () => {
    const state = end(await gathered('commit'), { code: 'reveal_differs', culprits: [3] })
    expect(end(state, { code: 'timed_out', culprits: [2] })).toBe(state)
    expect(refusalOf(state, await say(2, 'reveal'))).toEqual({ code: 'stopped' })
    expect(state).toMatchObject({ session, inbox: { length: 6 } })
  })

  test('SEC-20 after a restart the rest may be heard in any order', async () => {
    const own = [await say(1, 'certify'), await say(1, 'keyset')]
    let state = resume(terms, session, own)
    expect(state).toMatchObject({ state: 'gathering', phase: 'certify' })
    for (const [sender, phase] of [[2, 'done'], [2, 'keyset'], [3, 'certify'], [3, 'keyset']] as const) state = take(state, await say(sender, phase))
    expect(state).toMatchObject({ state: 'gathering', phase: 'certify' })
    state = take(state, await say(2, 'certify'))
    expect(state).toMatchObject({ state: 'gathered', phase: 'keyset' })
    state = take(advance(terms, state as Running, await say(1, 'done')), await say(3, 'done'))
    expect(state).toMatchObject({ state: 'finished' })
  })

  test('SEC-13 behind a restart nothing of the dealing is taken any more', async () => {
    const state = resume(terms, session, [await say(1, 'certify'), await say(1, 'keyset')])
    expect(refusalOf(state, await say(2, 'deal'))).toEqual({ code: 'phase_unexpected' })
    expect(refusalOf(state, acceptOf(2))).toEqual({ code: 'phase_unexpected' })
  })

  test('SEC-20 a member that begins anew ends what we kept, unless somebody may be active with it', async () => {
    const certified = resume(terms, session, [await say(1, 'certify')])
    expect(refusalOf(certified, acceptOf(2))).toEqual({ code: 'phase_unexpected', ends: { code: 'session_differs', culprits: [2] } })
    const signed = resume(terms, session, [await say(1, 'certify'), await say(1, 'keyset')])
    expect(refusalOf(signed, acceptOf(2))).toEqual({ code: 'phase_unexpected' })
  })
})
