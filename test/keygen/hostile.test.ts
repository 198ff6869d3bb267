import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fromBase64url, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { abortBytes, phases, type AbortMessage, type CeremonyMessage, type CertificateStatement, type MessageOf, type Phase } from '@symbolon/protocol/ceremony.ts'
import { versionOne } from '@symbolon/roster/genesis.ts'
import { keysetBytes, keysetOf } from '@symbolon/roster/keyset.ts'
import type { Plan } from '@symbolon/roster/plan.ts'
import type { Result } from '@symbolon/keygen/conductor.ts'
import { makePeople, planFor, resign, start, suite, termsOf, type Person, type Wire } from '@symbolon/keygen/members.testkit.ts'

/* Ceremonies in which one member, the evil third, does not keep to the rules; the other two are honest. */

let root: string
let people: Person[]
let plan: Plan
beforeEach(async () => {
  ;({ root, people } = await makePeople())
  plan = planFor(people)
})
afterEach(() => rmSync(root, { recursive: true }))

const evil = 3
const all = () => people.map((person) => ({ person, plan }))
const person = (id: number): Person => {
  const found = people.find((each) => each.id === id)
  if (found === undefined) throw new Error(`no member ${id}`)
  return found
}
/** No member has a roster; the honest ones have kept no share either. */
const nothingActive = () => people.every(({ id, state }) => !existsSync(join(state, 'roster.json')) && !existsSync(join(state, 'keystore', 'shares')) && (id === evil || !existsSync(join(state, 'ceremony', 'shares'))))
const verdictOf = (results: Map<number, Result>, id: number) => {
  const result = results.get(id)
  if (result?.result === 'activated') return 'activated'
  return { result: result?.result, code: result?.verdict?.fault.code, culprits: result?.verdict?.fault.culprits, standing: result?.verdict?.standing }
}
const proven = (code: string, culprit = evil) => ({ result: 'ended', code, culprits: [culprit], standing: 'proven' })

type Tamper<P extends Phase> = (message: MessageOf<P>, to: Person) => object | undefined
/** The evil member says in `phase` what `tamper` gives, under its own good signature. */
const says = <P extends Phase>(phase: P, tamper: Tamper<P>): Wire => async (from, to, message) => {
  const body = from.id === evil && message.phase === phase ? tamper(message as MessageOf<P>, to) : undefined
  return body === undefined ? message : resign(from, message, { body })
}
const flip = (text: Base64url, at = 0): Base64url => toBase64url((fromBase64url(text) ?? new Uint8Array()).map((byte, i) => (i === at ? byte ^ 1 : byte)))
const firstOf = <T extends { purpose: string }>(rows: readonly T[], change: (row: T) => T): T[] => rows.map((row, i) => (i === 0 ? change(row) : row))

describe('a member that does not keep to the rules is named, and nothing becomes active', () => {
  test.each<[string, Wire, string]>([
    ['SEC-12 reveals another package than it committed to', says('reveal', ({ body }) => ({ packages: firstOf(body.packages, (row) => ({ ...row, commitments: [...row.commitments].toReversed() })) })), 'reveal_differs'],
    ['SEC-10 reveals a vector of t+1', says('reveal', ({ body }) => ({ packages: firstOf(body.packages, (row) => ({ ...row, commitments: [...row.commitments, ...row.commitments.slice(0, 1)] })) })), 'reveal_differs'],
    ['SEC-10 reveals a vector of t−1', says('reveal', ({ body }) => ({ packages: firstOf(body.packages, (row) => ({ ...row, commitments: row.commitments.slice(0, 1) })) })), 'reveal_differs'],
    ['SEC-11 reveals a proof that does not hold', says('reveal', ({ body }) => ({ packages: firstOf(body.packages, (row) => ({ ...row, proof: { ...row.proof, mu: flip(row.proof.mu) } })) })), 'reveal_differs'],
    ['SEC-23 signs with another share', says('shares', ({ body }) => ({ shares: firstOf(body.shares, (row) => ({ ...row, z: flip(row.z) })) })), 'test_failed'],
    ['SEC-23 names another R', says('shares', ({ body }) => ({ shares: firstOf(body.shares, (row) => ({ ...row, r: row.z })) })), 'test_failed'],
    ['SEC-16 certifies something else', says('certify', ({ body }) => ({ ...body, certificate: flip(body.certificate) })), 'certificate_differs'],
    ['SEC-16 certifies without a signature', says('certify', ({ body }) => ({ ...body, signature: flip(body.signature, 40) })), 'certificate_differs'],
  ])('%s', async (_, wire, code) => {
    const results = await start(all(), { wire }).results
    expect([verdictOf(results, 1), verdictOf(results, 2)]).toContainEqual(proven(code))
    for (const id of [1, 2]) expect(verdictOf(results, id)).toMatchObject({ result: 'ended', code, culprits: [evil] })
    expect(nothingActive()).toBe(true)
  })

  test('I-5 signs the keyset as of tomorrow, so that it would look fresh too long', async () => {
    const wire: Wire = async (from, _to, message) => {
      if (from.id !== evil || message.phase !== 'keyset') return message
      const roster = versionOne(plan, (JSON.parse(readFileSync(join(from.state, 'ceremony', 'progress.json'), 'utf8')) as { statement: CertificateStatement }).statement)
      const iat = message.body.iat + 86_400
      const signature = await from.keystore.sign(keysetBytes(keysetOf(roster), iat))
      return resign(from, message, { body: { ...message.body, iat, signature: signature.ok ? toBase64url(signature.value) : '' } })
    }
    const results = await start(all(), { wire }).results
    expect([verdictOf(results, 1), verdictOf(results, 2)]).toContainEqual({ ...proven('keyset_differs'), result: 'undecided' })
    for (const id of [1, 2]) expect(person(id).storage.active()).toBe(false)
  })

  test('SEC-14 sends a member its own digests back', async () => {
    const ours = Promise.withResolvers<object>()
    const wire: Wire = async (from, _to, message) => {
      if (message.phase === 'commit' && from.id === 1) ours.resolve(message.body)
      return message.phase === 'commit' && from.id === evil ? resign(from, message, { body: await ours.promise }) : message
    }
    const results = await start(all(), { wire }).results
    expect(verdictOf(results, 1)).toEqual(proven('message_reflected'))
    expect(nothingActive()).toBe(true)
  })

  test('SEC-13 replaces its package after the shares were dealt', async () => {
    let reveal: CeremonyMessage | undefined
    let reply: unknown
    const wire: Wire = async (from, to, message) => {
      if (from.id === evil && message.phase === 'reveal') reveal = message
      if (message.phase !== 'deal' || from.id !== 1 || to.id !== 2 || reveal?.phase !== 'reveal') return message
      const packages = firstOf(reveal.body.packages, (row) => ({ ...row, proof: { ...row.proof, mu: flip(row.proof.mu) } }))
      reply = run.conductors.get(1)?.take(evil, await resign(person(evil), reveal, { body: { packages } }))
      return message
    }
    const run = start(all(), { wire })
    const results = await run.results
    expect(reply).toEqual({ result: 'refused', code: 'message_repeated' })
    expect(verdictOf(results, 1)).toEqual(proven('equivocation'))
    expect(verdictOf(results, 2)).toEqual(proven('equivocation'))
    expect(nothingActive()).toBe(true)
  })

  test.each<[Phase, Wire]>([
    ['deal', says('deal', ({ body }, to) => (to.id === 1 ? { shares: body.shares.map((row) => (row.to === 2 ? { ...row, ciphertext: flip(row.ciphertext) } : row)) } : undefined))],
    ['reveal', says('reveal', ({ body }, to) => (to.id === 1 ? { packages: firstOf(body.packages, (row) => ({ ...row, proof: { ...row.proof, r: flip(row.proof.r) } })) } : undefined))],
  ])('SEC-16 says one thing to one and another to the other, in %s', async (phase, wire) => {
    const results = await start(all(), { wire }).results
    const verdicts = [verdictOf(results, 1), verdictOf(results, 2)]
    expect(verdicts).toContainEqual(phase === 'deal' ? proven('equivocation') : proven('reveal_differs'))
    for (const verdict of verdicts) expect(verdict).toMatchObject({ culprits: [evil] })
    expect(nothingActive()).toBe(true)
  })

  test.each<[string, (rows: MessageOf<'deal'>['body']['shares']) => MessageOf<'deal'>['body']['shares'], string]>([
    ['SEC-15 seals to one member what is no share', (rows) => rows.map((row) => (row.to === 2 ? { ...row, ciphertext: flip(row.ciphertext, 5) } : row)), 'share_unreadable'],
    ['SEC-15 swaps two members’ envelopes', ([a, b]) => (a === undefined || b === undefined ? [] : [{ ...a, to: b.to }, { ...b, to: a.to }]), 'share_unreadable'],
    ['SEC-15 leaves one member out', (rows) => rows.filter(({ to }) => to !== 2), 'share_unreadable'],
    ['SEC-15 sends one member two envelopes', (rows) => rows.flatMap((row) => (row.to === 2 ? [row, row] : [row])), 'share_unreadable'],
  ])('%s: the complaint proves it to everybody', async (_, change, code) => {
    const results = await start(all(), { wire: says('deal', ({ body }) => ({ shares: change(body.shares) })) }).results
    expect(verdictOf(results, 2)).toEqual(proven(code))
    expect(verdictOf(results, 1)).toEqual(proven(code))
    expect(nothingActive()).toBe(true)
  })

  test('SEC-16 never sends its certificate: nothing is active, and the same plan is finished later', async () => {
    const silent: Wire = (from, _to, message) => (from.id === evil && message.phase === 'certify' ? undefined : message)
    const first = await start(all(), { wire: silent, deadlineMs: 1_500 }).results
    for (const id of [1, 2]) expect(first.get(id)).toEqual({ result: 'undecided', missing: [evil] })
    expect(people.some(({ storage }) => storage.active())).toBe(false)
    const second = await start(all()).results
    expect([...second.values()].map(({ result }) => result)).toEqual(['activated', 'activated', 'activated'])
  })
})

describe('SEC-20 whoever stops whenever', () => {
  const early: Phase[] = ['accept', 'commit', 'reveal', 'deal', 'agree', 'nonces', 'shares']
  test.each(early)('a member that is gone after %s leaves nothing active, and the next run makes a key', async (phase) => {
    const order = (of: Phase) => phases.indexOf(of)
    const wire: Wire = (from, to, message) => ((from.id === evil && order(message.phase) > order(phase)) || to.id === evil && order(message.phase) > order(phase) + 1 ? undefined : message)
    const first = await start(all(), { wire, deadlineMs: 900, gone: evil }).results
    for (const id of [1, 2]) expect(verdictOf(first, id)).toMatchObject(phase === 'shares' ? { result: 'undecided' } : { result: 'ended', code: 'timed_out', culprits: [evil] })
    expect(people.some(({ storage }) => storage.active())).toBe(false)
    // What is left of an undecided run is of a plan that an operator has replaced.
    const next = planFor(people, { nonce: toBase64url(new Uint8Array(16).fill(9)) })
    const second = await start(people.map((each) => ({ person: each, plan: next }))).results
    expect([...second.values()].map(({ result }) => result)).toEqual(['activated', 'activated', 'activated'])
  })

  test('a member that lost its certificate makes the others forget theirs, and then all begin anew', async () => {
    const order = (of: Phase) => phases.indexOf(of)
    const wire: Wire = (from, to, message) => ((from.id === evil || to.id === evil) && order(message.phase) > order('shares') ? undefined : message)
    const first = await start(all(), { wire, deadlineMs: 1_500, gone: evil }).results
    expect([first.get(1)?.result, first.get(2)?.result]).toEqual(['undecided', 'undecided'])
    person(evil).storage.discard()
    const second = await start(all(), { deadlineMs: 4_000 }).results
    expect([...second.values()].map(({ result }) => result)).toEqual(['ended', 'ended', 'ended'])
    const third = await start(all()).results
    expect([...third.values()].map(({ result }) => result)).toEqual(['activated', 'activated', 'activated'])
  })

  test('a member that is restarted behind its certificate is told again what it was told', async () => {
    let isCut = true
    const wire: Wire = (from, to, message) => (isCut && (from.id === evil || to.id === evil) && phases.indexOf(message.phase) > phases.indexOf('certify') ? undefined : message)
    const run = start(all(), { wire, deadlineMs: 12_000, gone: evil })
    await expect.poll(() => run.sent.filter(({ phase }) => phase === 'keyset').length, { timeout: 8_000 }).toBe(3)
    isCut = false
    expect((await run.restart(evil)).result).toBe('activated')
    const results = await run.results
    expect([results.get(1)?.result, results.get(2)?.result]).toEqual(['activated', 'activated'])
  })

  test('a member that missed the end is helped by those that are active already', async () => {
    // The third signs the keyset and then hears nothing any more.
    const deaf: Wire = (_from, to, message) => (to.id === evil && message.phase === 'keyset' ? undefined : message)
    const first = await start(all(), { wire: deaf, deadlineMs: 1_500 }).results
    expect([first.get(1)?.result, first.get(2)?.result, first.get(3)?.result]).toEqual(['activated', 'activated', 'undecided'])
    expect(first.get(1)).toMatchObject({ unconfirmed: [evil] })
    const before = readFileSync(join(person(1).state, 'roster.json'), 'utf8')
    const second = await start(all()).results
    expect([...second.values()].map(({ result }) => result)).toEqual(['activated', 'activated', 'activated'])
    for (const { state } of people) expect(readFileSync(join(state, 'roster.json'), 'utf8')).toBe(before)
  })

  test('a disk that takes no share ends it for all', async () => {
    const full = { ...person(evil), storage: { ...person(evil).storage, writeShare: () => { throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' }) } } }
    const results = await start([...people.filter(({ id }) => id !== evil), full].map((each) => ({ person: each, plan }))).results
    expect(verdictOf(results, evil)).toEqual(proven('storage_failed'))
    for (const id of [1, 2]) expect(verdictOf(results, id)).toMatchObject({ result: 'ended', code: 'storage_failed', culprits: [evil] })
    expect(nothingActive()).toBe(true)
  })

  test('TST-50 a share that comes back from disk as another one’s ends it', async () => {
    const { storage } = person(evil)
    const confused = { ...person(evil), storage: { ...storage, readShare: ({ epoch }: { epoch: number }) => storage.readShare({ purpose: 'token', epoch }) } }
    const results = await start([...people.filter(({ id }) => id !== evil), confused].map((each) => ({ person: each, plan }))).results
    for (const id of [1, 2]) expect(verdictOf(results, id)).toMatchObject({ result: 'ended', code: 'seal_failed', culprits: [evil] })
    expect(nothingActive()).toBe(true)
  })
})

describe('what nobody may do from outside', () => {
  test('operators with different plans learn it at once', async () => {
    const other = planFor(people, { t: 3 })
    const results = await start([{ person: person(1), plan }, { person: person(2), plan }, { person: person(3), plan: other }]).results
    for (const id of [1, 2, 3]) expect(verdictOf(results, id)).toMatchObject({ result: 'ended', code: 'plan_differs' })
    expect(verdictOf(results, 3)).toMatchObject({ standing: 'claimed' })
    expect(nothingActive()).toBe(true)
  })

  test('D-2 an abort that no member signed for this session stops nobody', async () => {
    const plainly = planFor(people)
    const run = start(all())
    const abort = async (by: Person, change: Partial<AbortMessage>): Promise<AbortMessage> => {
      const unsigned = { v: 1 as const, plan: termsOf(plainly, 1).plan, phase: 'abort' as const, sender: by.id, code: 'stopped' as const, culprits: [], ...change }
      const signature = await by.keystore.sign(abortBytes(unsigned))
      if (!signature.ok) throw new Error('unsigned')
      return { ...unsigned, signature: toBase64url(signature.value) }
    }
    const first = run.conductors.get(1)
    if (first === undefined) throw new Error('no conductor')
    const zero = toBase64url(new Uint8Array(32))
    while (!run.sent.some(({ phase }) => phase === 'reveal')) await new Promise((resolve) => setTimeout(resolve, 1))
    expect(await first.takeAbort(2, await abort(person(3), { sender: 2 }))).toEqual({ result: 'refused', code: 'signature_invalid' })
    expect(await first.takeAbort(3, await abort(person(2), {}))).toEqual({ result: 'refused', code: 'sender_mismatch' })
    expect(await first.takeAbort(9, await abort(person(2), { sender: 9 }))).toEqual({ result: 'refused', code: 'sender_unknown' })
    expect(await first.takeAbort(2, await abort(person(2), { plan: zero }))).toEqual({ result: 'refused', code: 'plan_differs' })
    expect(await first.takeAbort(2, await abort(person(2), { session: zero }))).toEqual({ result: 'refused', code: 'session_differs' })
    const results = await run.results
    expect([...results.values()].map(({ result }) => result)).toEqual(['activated', 'activated', 'activated'])
  })

  test('SEC-05 a session’s messages are worth nothing in the next', async () => {
    const cut = await start(all(), { wire: (from, _to, message) => (from.id === evil && message.phase === 'certify' ? undefined : message), deadlineMs: 1_500 })
    await cut.results
    const old = cut.sent
    const next = planFor(people, { nonce: toBase64url(new Uint8Array(16).fill(7)) })
    // Every message of the evil member is preceded by its counterpart of the earlier run.
    const refused: string[] = []
    const run = start(people.map((each) => ({ person: each, plan: next })), {
      wire: (from, to, message) => {
        const replay = old.find(({ phase, sender }) => phase === message.phase && sender === from.id)
        const reply = replay === undefined ? undefined : run.conductors.get(to.id)?.take(from.id, replay)
        if (reply?.result === 'refused') refused.push(reply.code)
        return message
      },
    })
    const results = await run.results
    expect([...results.values()].map(({ result }) => result)).toEqual(['activated', 'activated', 'activated'])
    expect(new Set(refused)).toEqual(new Set(['plan_differs']))
  })

  test('secrets of an ended run are given back', async () => {
    const arena = suite.memory as unknown as { free: number }
    const before = arena.free
    await start(all(), { wire: says('shares', ({ body }) => ({ shares: firstOf(body.shares, (row) => ({ ...row, z: flip(row.z) })) })) }).results
    expect(arena.free).toBe(before)
    await start(all()).results
    expect(arena.free).toBe(before)
  })
})

test('a message that its sender did not sign this way is not what arrives', async () => {
  const wire: Wire = (from, _to, message): CeremonyMessage => (from.id === evil && message.phase === 'commit' ? { ...message, signature: toBase64url(new Uint8Array(64)) } : message)
  const results = await start(all(), { wire, deadlineMs: 1_500 }).results
  expect(verdictOf(results, evil)).toMatchObject({ result: 'ended', code: 'signature_invalid' })
  expect(nothingActive()).toBe(true)
})
