import { createPublicKey, verify } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { verifyShare } from '@symbolon/core/aggregate.ts'
import { fromBase64url, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import { encodeIntent } from '@symbolon/protocol/intent.ts'
import { verifyP256 } from '@symbolon/protocol/p256.ts'
import { bootBytes, bytesHash, refusalBytes, replyBytes, requestHash, shownDigest, signReply, unreadableRequestHash, type Answer, type SignItem, type SignReply } from '@symbolon/protocol/sign.ts'
import { parseToken, assembleToken } from '@symbolon/protocol/token.ts'
import { at, bundleWith, defaultData, idTokenEvidence, intentOf, keyEvidence, signJws } from '@symbolon/policy/judge.testkit.ts'
import { jwsSigningInput } from '@symbolon/protocol/jws.ts'
import { proofSigningInput } from '@symbolon/protocol/proof.ts'
import { answer } from './answer.ts'
import { bounds, coordinator, granted, held, itemOf, listOf, openTable, outcome, signatureOf, stock, suite, type Seat, type Table } from './answer.testkit.ts'
import type { Current } from './current.ts'
import type { Coordinator } from './nonces.ts'

const tables: Table[] = []
async function set(options: Parameters<typeof openTable>[0] = {}): Promise<Table> {
  const table = await openTable(options)
  tables.push(table)
  return table
}
afterEach(() => tables.splice(0).forEach((table) => table.close()))

const ask = (seat: Seat, ...items: unknown[]): Promise<SignReply> => answer(seat.signer, { by: coordinator, requestId: 'request-1' }, items)
const codes = async (seat: Seat, ...items: unknown[]): Promise<string[]> => (await ask(seat, ...items)).answers.map(outcome)
const bootKey = ({ signer }: Seat) => createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: signer.boot.certificate.key }, format: 'jwk' })
const signedBy = (seat: Seat, bytes: Uint8Array, signature: string) => verify(null, bytes, bootKey(seat), fromBase64url(signature) ?? new Uint8Array())
const decisions = (seat: Seat) => seat.events.filter(({ event }) => event === 'decision')
const alarms = (seat: Seat) => seat.events.filter(({ event }) => event === 'alarm').map(({ alarm }) => alarm)
const other = (length = 32): Base64url => toBase64url(new Uint8Array(length).fill(7))
const shared = (result: Answer | undefined) => (result?.result === 'signed' ? result.share : undefined)

describe('another version', () => {
  test('that comes into force while a batch is judged: nothing of that batch is signed by the last one', async () => {
    const gate = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    const table = await set({ steps: { async judged() { reached.resolve(); await gate.promise }, journaled() {}, taken() {}, signed() {}, sealed() {}, receipted() {} } })
    const [seat] = table.seats
    const before = seat.signer.current()
    let current = before
    const signer = { ...seat.signer, current: () => current }
    const entries = signer.journal.head().seq
    const asked = codes({ ...seat, signer }, itemOf(table))
    await reached.promise
    current = { ...before, versions: { ...before.versions, roster: 2 } }
    gate.resolve()
    expect(await asked).toEqual(['roster_behind'])
    expect([signer.journal.head().seq, held(seat)]).toEqual([entries, 1])
    // And the next batch is held against the new one.
    expect(await codes({ ...seat, signer }, itemOf(table), { ...itemOf(table), roster: 2 })).toEqual(['roster_behind', 'signed'])
  })
})

test('W-6 TST-34 a passkey whose counter did not go up is signed for all the same, and told', async () => {
  const table = await set()
  const [seat] = table.seats
  const honest = seat.signer.current()
  let counter = 7
  const current: Current = {
    ...honest,
    async judge(batch) {
      const judged = await honest.judge(batch)
      return typeof judged === 'string' ? judged : judged.map((each) => (each.verdict === 'granted' && each.grants === 'token' ? { ...each, passkey: { credential: other(), uses: ['sign_in'] as const, counter } } : each))
    },
  }
  const touched: Seat = { ...seat, signer: { ...seat.signer, current: () => current } }
  expect(await codes(touched, itemOf(table))).toEqual(['signed'])
  expect(alarms(seat)).toEqual([])
  counter = 3
  expect(await codes(touched, itemOf(table))).toEqual(['signed'])
  expect(alarms(seat)).toEqual(['counter_behind'])
  expect(seat.events.find(({ event }) => event === 'alarm')).toMatchObject({ principal: 'ci', credential: other(), counter: 3, before: 7 })
})

describe('an honest request', () => {
  test('gets shares of two signers that make the token its intent asks for', async () => {
    const table = await set()
    const [one, two] = table.seats
    const intent = intentOf(table.world, { scope: ['deploy:canary', 'read:logs'], ttl: 600 })
    const item = itemOf(table, intent)
    const [{ answers: [first] }, { answers: [second] }] = await Promise.all([ask(one, item), ask(two, item)])
    const judgement = granted(table, intent, item.evidence)
    const signature = signatureOf(table, judgement?.message ?? '', [first, second])
    expect(signature).toBeDefined()
    const token = parseToken(assembleToken(judgement?.message ?? '', signature ?? new Uint8Array()))
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: table.world.roster.groups[0]?.key }, format: 'jwk' })
    expect(verify(null, token?.jws.signingInput ?? new Uint8Array(), key, signature ?? new Uint8Array())).toBe(true)
    expect(token?.header).toEqual({ alg: 'EdDSA', kid: table.world.roster.groups[0]?.kid, typ: 'at+jwt' })
    expect(token?.claims).toMatchObject({ iss: intent.iss, sub: 'ci', aud: intent.aud, scope: 'deploy:canary read:logs', iat: at, nbf: at, exp: at + 600 })
  })

  test('is answered in the wire’s form, signed by a boot key that the identity key certified', async () => {
    const table = await set()
    const [seat] = table.seats
    const item = itemOf(table)
    const reply = await ask(seat, item)
    expect(signReply.parse(reply)).toEqual(reply)
    expect(signedBy(seat, replyBytes(seat.signer.boot.id, [requestHash(item)], reply.answers), reply.signature)).toBe(true)
    const { certificate } = seat.signer.boot
    const [row] = table.world.roster.signers
    expect(row !== undefined && verifyP256(row.identity, bootBytes(certificate), fromBase64url(certificate.signature) ?? new Uint8Array())).toBe(true)
    expect(certificate).toMatchObject({ signer: 1, boot: reply.boot })
  })

  test('is journaled before its share leaves, and told once', async () => {
    const table = await set()
    const [seat] = table.seats
    await ask(seat, itemOf(table))
    expect(seat.signer.journal.head().seq).toBe(1)
    expect(decisions(seat)).toHaveLength(1)
    expect(decisions(seat)[0]).toMatchObject({ result: 'signed', principal: 'ci', by: coordinator, request_id: 'request-1', signer: 1, epoch: 1, roster: 1, policy: table.world.roster.policy, codes: [] })
    expect(alarms(seat)).toEqual([])
  })
})

describe('TST-10 one nonce, one use', () => {
  test('1 000 parallel requests for one commitment get exactly one share', async () => {
    const table = await set({ roster: { rate: 100_000 } })
    const [seat] = table.seats
    const item = itemOf(table)
    const replies = await Promise.all(Array.from({ length: 1_000 }, () => ask(seat, item)))
    const all = replies.flatMap(({ answers }) => answers).map(outcome)
    expect(all.filter((each) => each === 'signed')).toHaveLength(1)
    expect(all.filter((each) => each === 'commitment_unknown')).toHaveLength(999)
    expect(replies.reduce((sum, { commitments }) => sum + commitments.length, 0)).toBe(1)
  }, 120_000)

  test('of one batch that names one commitment three times, one item is signed', async () => {
    const table = await set()
    const [seat] = table.seats
    const item = itemOf(table)
    const again = { ...itemOf(table, intentOf(table.world)), commitments: item.commitments }
    expect(await codes(seat, item, again, item)).toEqual(['signed', 'commitment_unknown', 'commitment_unknown'])
  })

  test('is wiped when signing throws, and the signer goes on', async () => {
    const fault = new Error('thrown between take and sign')
    let broken = true
    const table = await set({ steps: { judged() {}, journaled() {}, signed() {}, sealed() {}, receipted() {}, taken() { if (broken) throw fault } } })
    const [seat] = table.seats
    const item = itemOf(table)
    await expect(ask(seat, item)).rejects.toBe(fault)
    broken = false
    expect(await codes(seat, item)).toEqual(['commitment_unknown'])
    expect(await codes(seat, itemOf(table))).toEqual(['signed'])
  })
})

describe('TST-11 a used or unknown commitment', () => {
  const cases: [string, string, (table: Table, used: SignItem) => SignItem][] = [
    ['the same request again', 'commitment_unknown', (_, used) => used],
    ['another message', 'commitment_unknown', (table, used) => ({ ...itemOf(table, intentOf(table.world, { scope: ['write:staging'] })), commitments: used.commitments })],
    ['another order of the list', 'commitment_unknown', (_, used) => ({ ...used, commitments: [...used.commitments].toReversed() })],
    ['another commitment of the co-signer', 'commitment_unknown', (table, used) => ({ ...used, commitments: used.commitments.map((each) => (each.id === 1 ? each : (listOf([table.seats[1]], stock([table.seats[1]]).flat())[0] ?? each))) })],
    ['another epoch', 'epoch_unknown', (_, used) => ({ ...used, epoch: 2 })],
    ['another attempt', 'commitment_unknown', (_, used) => ({ ...used, attempt: other(16) })],
  ]
  test.each(cases)('is refused: %s', async (_, code, change) => {
    const table = await set()
    const [seat] = table.seats
    const item = itemOf(table)
    expect(await codes(seat, item)).toEqual(['signed'])
    const reply = await ask(seat, change(table, item))
    expect(reply.answers.map(outcome)).toEqual([code])
    expect(reply.commitments).toEqual([])
    expect(alarms(seat)).toEqual(code === 'commitment_unknown' ? ['commitment_reused'] : [])
  })

  test('never promised raises another alarm; one promised to another coordinator is not found either', async () => {
    const table = await set()
    const [seat] = table.seats
    const item = itemOf(table)
    expect(await codes(seat, { ...item, commitments: item.commitments.map((each) => ({ ...each, hiding: other() })) })).toEqual(['commitment_unknown'])
    expect((await answer(seat.signer, { by: 'symbolon:coordinator/2' as Coordinator, requestId: 'request-2' }, [item])).answers.map(outcome)).toEqual(['commitment_unknown'])
    expect(alarms(seat)).toEqual(['commitment_unknown', 'commitment_unknown'])
    expect(await codes(seat, item)).toEqual(['signed'])
  })

  test('the retry under a fresh commitment signs the same bytes', async () => {
    const table = await set()
    const [one, two] = table.seats
    const intent = intentOf(table.world)
    const lost = itemOf(table, intent)
    await ask(one, lost)
    const retry = { ...lost, attempt: other(16), commitments: listOf([one, two], stock([one, two]).flat()) }
    const [{ answers: [first] }, { answers: [second] }] = await Promise.all([ask(one, retry), ask(two, retry)])
    expect(signatureOf(table, granted(table, intent, lost.evidence)?.message ?? '', [first, second])).toBeDefined()
  })
})

describe('TST-12 batches', () => {
  test('three items spend three commitments and get three fresh ones', async () => {
    const table = await set()
    const [seat] = table.seats
    const items = [itemOf(table), itemOf(table), itemOf(table)]
    const reply = await ask(seat, ...items)
    expect(reply.answers.map(outcome)).toEqual(['signed', 'signed', 'signed'])
    const seen = [...items.flatMap(({ commitments }) => commitments.filter(({ id }) => id === 1)), ...reply.commitments]
    expect(new Set(seen.flatMap(({ hiding, binding }) => [hiding, binding])).size).toBe(12)
    expect(new Set(reply.answers.map(shared)).size).toBe(3)
    expect(held(seat)).toBe(3)
  })

  test('each item is answered for itself, in order', async () => {
    const table = await set()
    const [seat] = table.seats
    const unreadable = { ...itemOf(table), claims: { sub: 'root' } }
    const intents = { expired: intentOf(table.world, { iat: at - 600, exp: at - 300 }), greedy: intentOf(table.world, { scope: ['write:prod'] }) }
    const items = [itemOf(table), unreadable, itemOf(table, intents.expired), itemOf(table, intents.greedy), { ...itemOf(table), roster: 2 }, itemOf(table)]
    const reply = await ask(seat, ...items)
    expect(reply.answers.map(outcome)).toEqual(['signed', 'item_malformed', 'refused intent_expired', 'refused scope_not_allowed', 'roster_behind', 'signed'])
    expect(decisions(seat).map(({ result }) => result)).toEqual(reply.answers.map(({ result }) => result))
    const hashes = items.map((item) => (item === unreadable ? unreadableRequestHash(item) : requestHash(item as SignItem)))
    expect(signedBy(seat, replyBytes(seat.signer.boot.id, hashes, reply.answers), reply.signature)).toBe(true)
  })
})

describe('TST-17 concurrency', () => {
  test('512 outstanding commitments against chosen messages stay independent, each share the one for its own list', async () => {
    const table = await set({ roster: { rate: 100_000 } })
    const [one, two] = table.seats
    const [own, theirs] = stock([one, two], bounds.commitmentsHeld)
    const items = Array.from({ length: bounds.commitmentsHeld }, (_, index) => {
      const [mine, co] = [own?.[index], theirs?.[index]]
      if (mine === undefined || co === undefined) throw new Error('not enough commitments')
      return itemOf(table, intentOf(table.world, { reason: `chosen ${index}` }), { commitments: [{ id: 1, ...mine }, { id: 2, ...co }] })
    })
    const batches = Array.from({ length: 256 }, (_, index) => items.slice(index * 2, index * 2 + 2))
    const replies = await Promise.all(batches.map((batch) => ask(one, ...batch)))
    const answers = replies.flatMap((reply) => reply.answers)
    expect(answers.map(outcome).filter((each) => each !== 'signed')).toEqual([])
    expect(new Set(answers.map((each) => (each.result === 'signed' ? each.R : ''))).size).toBe(bounds.commitmentsHeld)
    for (const index of [0, 100, 511]) {
      const [item, result] = [items[index], answers[index]]
      if (item === undefined || result?.result !== 'signed') throw new Error('no share')
      const intent = intentOf(table.world, { ...JSON.parse(Buffer.from(item.intent, 'base64url').toString()) as object })
      const attempt = { keys: one.signer.members.token.member.keys, message: utf8(granted(table, intent, item.evidence)?.message ?? ''), commitments: item.commitments.map(({ id, hiding, binding }) => ({ id, hiding: fromBase64url(hiding) ?? new Uint8Array(), binding: fromBase64url(binding) ?? new Uint8Array() })) }
      const reply = { id: 1, r: fromBase64url(result.R) ?? new Uint8Array(), z: fromBase64url(result.share) ?? new Uint8Array() }
      const altered = { ...reply, z: Uint8Array.from(reply.z, (byte, place) => (place === 0 ? byte ^ 1 : byte)) }
      expect([verifyShare(suite, attempt, reply), verifyShare(suite, attempt, altered)]).toEqual([{ ok: true, value: { r: true, share: true } }, { ok: true, value: { r: true, share: false } }])
    }
    expect(held(one)).toBe(bounds.commitmentsHeld)
  }, 120_000)

  test('a coordinator that drains its pool drains nobody else’s', async () => {
    const table = await set()
    const [seat] = table.seats
    const item = itemOf(table)
    for (let asked = 0; asked < 4; asked += 1) seat.signer.nonces.promise('symbolon:coordinator/2' as Coordinator, bounds.commitmentsHeld)
    expect(await codes(seat, item)).toEqual(['signed'])
  })
})

describe('TST-33 the signer signs what it rebuilt', () => {
  const forged = (table: Table, header: object, change: object): Base64url => {
    const judgement = granted(table, intentOf(table.world), [])
    return bytesHash(jwsSigningInput(header, { ...judgement?.claims, ...change }))
  }
  test.each([
    ['a blind hash', () => other()],
    ['alg none', (table: Table) => forged(table, { alg: 'none', typ: 'at+jwt' }, {})],
    ['a crit header', (table: Table) => forged(table, { alg: 'EdDSA', crit: ['x'], kid: table.world.roster.groups[0]?.kid, typ: 'at+jwt' }, {})],
    ['another kid', (table: Table) => forged(table, { alg: 'EdDSA', kid: other(), typ: 'at+jwt' }, {})],
    ['a token of ten years', (table: Table) => forged(table, { alg: 'EdDSA', kid: table.world.roster.groups[0]?.kid, typ: 'at+jwt' }, { exp: at + 315_360_000 })],
  ])('asked for %s it signs nothing, spends nothing, binds nothing', async (_, hash) => {
    const table = await set()
    const [seat] = table.seats
    const intent = intentOf(table.world)
    const item = itemOf(table, intent)
    expect(await codes(seat, { ...item, bytes_hash: hash(table) })).toEqual(['bytes_differ'])
    expect([held(seat), seat.signer.journal.head().seq]).toEqual([1, 0])
    expect(await codes(seat, item)).toEqual(['signed'])
  })

  test.each([
    ['a header', { header: { alg: 'none' } }],
    ['claims', { claims: { scope: 'write:prod' } }],
    ['bytes to sign', { bytes: 'eyJhbGciOiJub25lIn0.e30' }],
    ['another purpose', { purpose: 'record' }],
    ['an approval', { approvals: [{ by: 'ann' }] }],
    ['a principal', { principal: 'root' }],
    ['an unknown kind of evidence', { evidence: [{ kind: 'passkey', assertion: 'x' }] }],
    ['no evidence', { evidence: [] }],
    ['an asserted scope', { asserted: { scope: 'write:prod' } }],
    ['padding in base64url', { policy: `${'A'.repeat(43)}=` }],
    ['non-zero trailing bits', { bytes_hash: `${'A'.repeat(42)}B` }],
    ['a short point', { commitments: [{ id: 1, hiding: 'AAAA', binding: 'AAAA' }] }],
  ])('no field carries %s: the item is not read', async (_, change) => {
    const table = await set()
    const [seat] = table.seats
    expect(await codes(seat, { ...itemOf(table), ...change }, itemOf(table))).toEqual(['item_malformed', 'signed'])
  })

  test.each([
    ['duplicate members', 'refused intent_malformed', (text: string) => text.replace('{', '{"aud":"https://other.example",')],
    ['another spelling', 'refused intent_not_canonical', (text: string) => text.replace('{', '{ ')],
    ['an unknown member', 'refused intent_malformed', (text: string) => text.replace('{', '{"admin":true,')],
    ['something else', 'refused intent_malformed', () => '[]'],
  ])('an intent with %s is refused', async (_, code, change) => {
    const table = await set()
    const [seat] = table.seats
    const intent = intentOf(table.world)
    const text = change(Buffer.from(encodeIntent(intent)).toString())
    expect(await codes(seat, { ...itemOf(table, intent), intent: toBase64url(utf8(text)) })).toEqual([code])
  })

  test.each([
    ['too few', (item: SignItem) => item.commitments.slice(0, 1)],
    ['unsorted', (item: SignItem) => [...item.commitments].toReversed()],
    ['twice the same', (item: SignItem) => [item.commitments[0], item.commitments[0]]],
    ['a stranger', (item: SignItem) => [item.commitments[0], { ...item.commitments[1], id: 9 }]],
    ['too many', (item: SignItem) => [...item.commitments, { ...item.commitments[1], id: 3 }]],
    ['a point of no prime order', (item: SignItem) => [item.commitments[0], { ...item.commitments[1], hiding: toBase64url(Uint8Array.from({ length: 32 }, (__, index) => (index === 0 ? 1 : 0))) }]],
  ])('SEC-04 a list with %s is no list, and its nonce is gone', async (_, change) => {
    const table = await set()
    const [seat] = table.seats
    const item = itemOf(table)
    expect(await codes(seat, { ...item, commitments: change(item) })).toEqual(['list_invalid'])
    expect(alarms(seat)).toEqual(['list_invalid'])
    expect(await codes(seat, item)).toEqual(['commitment_unknown'])
  })

  test('SEC-04 a list without this signer is no list', async () => {
    const table = await set()
    const [one, two, three] = table.seats
    expect(await codes(one, itemOf(table, intentOf(table.world), { quorum: [two, three] }))).toEqual(['list_invalid'])
  })
})

describe('I-1 a refusal is a judgement, signed', () => {
  test.each([
    ['of another deployment', 'wrong_deployment', { iss: 'https://staging.example' }],
    ['of another lineage', 'wrong_deployment', { lineage: other() }],
    ['past its exp', 'intent_expired', { iat: at - 400, exp: at - 101 }],
    ['from the future', 'intent_not_yet_valid', { iat: at + 61, exp: at + 300 }],
    ['for somebody else', 'subject_mismatch', { sub: 'deploy' }],
    ['to act as somebody else', 'impersonation_not_allowed', { as: 'deploy' }],
    ['for an audience that is not listed', 'audience_not_allowed', { aud: 'https://evil.example' }],
  ])('an intent %s', async (_, code, change) => {
    const table = await set()
    const [seat] = table.seats
    const item = itemOf(table, intentOf(table.world, change))
    const { answers: [first] } = await ask(seat, item)
    expect(outcome(first)).toBe(`refused ${code}`)
    if (first?.result !== 'refused') throw new Error('not refused')
    const { refusal } = first
    expect(refusal).toMatchObject({ signer: 1, boot: seat.signer.boot.id, request: toBase64url(requestHash(item)), iat: at })
    expect(signedBy(seat, refusalBytes(refusal), refusal.signature)).toBe(true)
    expect(signedBy(seat, refusalBytes({ ...refusal, iat: at + 1 }), refusal.signature)).toBe(false)
    expect([held(seat), seat.signer.journal.head().seq]).toEqual([1, 1])
  })

  test.each<[string, (item: SignItem) => Partial<SignItem>]>([
    ['on false evidence', (item) => ({ evidence: item.evidence.map(() => ({ kind: 'key' as const, proof: 'e30.e30.AAAA' })) })],
    ['on what the api asserts', () => ({ asserted: { address: '192.0.2.66' } })],
  ])('a veto %s is none on what the requester showed: it names what it was shown', async (_, change) => {
    const table = await set({ bundle: bundleWith({ ...defaultData, deny: { ...defaultData.deny, addresses: ['192.0.2.66'] } }) })
    const [seat] = table.seats
    const item = itemOf(table)
    const altered = { ...item, ...change(item) }
    const { answers: [first] } = await ask(seat, altered)
    if (first?.result !== 'refused') throw new Error('not refused')
    expect(requestHash(altered)).toEqual(requestHash(item))
    expect([first.refusal.shown === shownDigest(altered), first.refusal.shown === shownDigest(item)]).toEqual([true, false])
    expect(signedBy(seat, refusalBytes({ ...first.refusal, shown: shownDigest(item) }), first.refusal.signature)).toBe(false)
  })

  test('evidence made for another intent', async () => {
    const table = await set()
    const [seat] = table.seats
    const evidence = [keyEvidence(table.world, intentOf(table.world))]
    expect(await codes(seat, itemOf(table, intentOf(table.world), { evidence }))).toEqual(['refused proof_mismatch'])
  })
})

describe('I-2 one intent, one claim set', () => {
  test('over a pause in which its binding was forgotten: what was judged before it is not recorded after it', async () => {
    const gate = Promise.withResolvers<void>()
    const paused: string[] = []
    let holds = false
    const table = await set({ steps: { async judged() { if (holds) { paused.push('judged'); await gate.promise } }, journaled() {}, taken() {}, signed() {}, sealed() {}, receipted() {} } })
    const [seat] = table.seats
    const intent = intentOf(table.world)
    expect(await codes(seat, itemOf(table, intent))).toEqual(['signed'])

    // The second claim set is judged while its intent lives; then the machine stands still for an hour.
    const second = itemOf(table, intent, { evidence: [keyEvidence(table.world, intent, { iat: at + 1 })] })
    holds = true
    const late = codes(seat, second)
    while (paused.length === 0) await Promise.resolve()
    holds = false
    table.clock.now = at + 3_600
    const meanwhile = intentOf(table.world, { iat: at + 3_600, exp: at + 3_900 })
    expect(await codes(seat, itemOf(table, meanwhile))).toEqual(['signed'])
    gate.resolve()
    expect(await late).toEqual(['timed_out'])
  })

  const laterProof = (table: Table, intent: ReturnType<typeof intentOf>) => {
    const item = itemOf(table, intent)
    const payload = { iss: intent.iss, intent: granted(table, intent, item.evidence)?.claims.jti ?? other(), kind: 'token', iat: intent.iat + 1 } as const
    return { kind: 'key' as const, proof: signJws(proofSigningInput({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', kid: 'ci-1' }, payload), table.world.service) }
  }

  test('other evidence for the same digest is refused, the first is signed again', async () => {
    const table = await set()
    const [seat] = table.seats
    const intent = intentOf(table.world)
    const first = itemOf(table, intent)
    const second = itemOf(table, intent, { evidence: [laterProof(table, intent)] })
    const third = itemOf(table, intent)
    expect([await codes(seat, first), await codes(seat, second), await codes(seat, third)]).toEqual([['signed'], ['refused intent_bound_otherwise'], ['signed']])
  })

  test('a binding lasts as long as the intent could be signed', async () => {
    const table = await set()
    const [seat] = table.seats
    const intent = intentOf(table.world)
    const other = itemOf(table, intent, { evidence: [laterProof(table, intent)] })
    await ask(seat, itemOf(table, intent))
    table.clock.now = intent.exp - 1
    // The first transaction of a later time forgets what has expired by then.
    await ask(seat, itemOf(table, intentOf(table.world, { iat: intent.exp - 1, exp: intent.exp + 299 })))
    expect(await codes(seat, other)).toEqual(['refused intent_bound_otherwise'])
  })

  test('of two racing requests with different evidence, paused between judging and recording, one is signed', async () => {
    const gate = Promise.withResolvers<void>()
    const arrived: string[] = []
    const table = await set({ steps: { async judged() { arrived.push('judged'); await gate.promise }, journaled() {}, taken() {}, signed() {}, sealed() {}, receipted() {} } })
    const [seat] = table.seats
    const intent = intentOf(table.world)
    const both = [codes(seat, itemOf(table, intent)), codes(seat, itemOf(table, intent, { evidence: [laterProof(table, intent)] }))]
    await new Promise((resolve) => setImmediate(resolve))
    expect(arrived).toEqual(['judged', 'judged'])
    gate.resolve()
    expect((await Promise.all(both)).flat().toSorted()).toEqual(['refused intent_bound_otherwise', 'signed'])
  })

  test('nothing that the coordinator or the api chooses changes the bytes', async () => {
    const table = await set()
    const [seat] = table.seats
    const intent = intentOf(table.world)
    const item = itemOf(table, intent)
    const variants = [{ attempt: other(16) }, { asserted: { address: '203.0.113.9' } }, {}].map((change) => ({ ...item, ...change, commitments: listOf([seat, table.seats[1]], stock([seat, table.seats[1]]).flat()) }))
    expect(await codes(seat, item, ...variants)).toEqual(['signed', 'signed', 'signed', 'signed'])
    expect(new Set(decisions(seat).map((event) => event['bytes_hash']))).toEqual(new Set([item.bytes_hash]))
  })

  test('single-use evidence of one intent is refused for another', async () => {
    const table = await set({ issuerRow: { class: 'bearer', bearer_audience: 'symbolon-test', ceiling: { max_ttl: 300 } } })
    const [seat] = table.seats
    const change = { sub: 'deploy', ttl: 60 }
    const [first, second] = [intentOf(table.world, change), intentOf(table.world, change)]
    const evidence = [idTokenEvidence(table.world, first, { aud: 'symbolon-test', jti: 'once' })]
    expect(await codes(seat, itemOf(table, first, { evidence }))).toEqual(['signed'])
    expect(await codes(seat, itemOf(table, second, { evidence }))).toEqual(['refused evidence_spent'])
  })
})

describe('what is no veto', () => {
  test.each([
    ['another epoch', 'epoch_unknown', { epoch: 2 }],
    ['another roster version', 'roster_behind', { roster: 2 }],
    ['TST-35 another policy bundle', 'policy_behind', { policy: other() }],
  ])('%s', async (_, code, change) => {
    const table = await set()
    const [seat] = table.seats
    expect(await codes(seat, { ...itemOf(table), ...change })).toEqual([code])
    expect([held(seat), seat.signer.journal.head().seq]).toEqual([1, 0])
  })

  test('TST-38 more than the roster’s rate', async () => {
    const table = await set({ roster: { rate: 3 } })
    const [seat] = table.seats
    const items = Array.from({ length: 4 }, () => itemOf(table))
    const reply = await ask(seat, ...items)
    expect(reply.answers.map(outcome)).toEqual(['signed', 'signed', 'signed', 'limited'])
    expect(reply.answers[3]).toEqual({ result: 'not_now', code: 'limited', retry_after: 20 })
    table.clock.ms += 20_000
    expect(await codes(seat, items[3])).toEqual(['signed'])
  })

  test('TST-38 the rate is each principal’s own', async () => {
    const table = await set({ roster: { rate: 1 } })
    const [seat] = table.seats
    const deploy = intentOf(table.world, { sub: 'deploy' })
    const items = [itemOf(table), itemOf(table), itemOf(table, deploy, { evidence: [idTokenEvidence(table.world, deploy)] })]
    expect(await codes(seat, ...items)).toEqual(['signed', 'limited', 'signed'])
  })

  test('a clock that fell behind the journal', async () => {
    const table = await set()
    const [seat] = table.seats
    await ask(seat, itemOf(table))
    table.clock.now = at - 61
    expect(await codes(seat, itemOf(table, intentOf(table.world, { iat: at - 61, exp: at })))).toEqual(['not_ready'])
  })

  test('a journal that cannot be written: every item is ill, refusals too, and no nonce is spent', async () => {
    const table = await set()
    const [seat] = table.seats
    const items = [itemOf(table), itemOf(table, intentOf(table.world, { scope: ['write:prod'] }))]
    const { journal } = seat.signer
    const failing: Seat = { ...seat, signer: { ...seat.signer, journal: { clock: (now) => journal.clock(now), head: () => journal.head(), holds: (entry) => journal.holds(entry), kept: () => journal.kept(), failing: () => true, close() {}, records: journal.records, record: () => undefined } } }
    const reply = await ask(failing, ...items)
    expect(reply.answers.map(outcome)).toEqual(['ill', 'ill'])
    expect([reply.commitments, held(seat)]).toEqual([[], 2])
    expect(await codes(seat, ...items)).toEqual(['signed', 'refused scope_not_allowed'])
  })

  test.each(['busy', 'timed_out', 'issuer_keys_unavailable'] as const)('judges that answer %s', async (code) => {
    const table = await set()
    const [seat] = table.seats
    const current: Current = { ...seat.signer.current(), judge: async ({ requests }) => (code === 'issuer_keys_unavailable' ? requests.map(() => ({ verdict: 'unavailable', code })) : code) }
    const without: Seat = { ...seat, signer: { ...seat.signer, current: () => current } }
    expect(await codes(without, itemOf(table), itemOf(table))).toEqual([code, code])
    expect(held(seat)).toBe(2)
  })
})


describe('I-3 what a signer knows may be too old to answer by', () => {
  test.each(['peers_unheard', 'journal_behind'] as const)('%s: nothing is judged, journaled or signed, and it is no veto', async (problem) => {
    const table = await set()
    const [seat] = table.seats
    const deaf: Seat = { ...seat, signer: { ...seat.signer, heads: { problem: () => problem } } }
    const before = held(seat)
    expect(await codes(deaf, itemOf(table))).toEqual([problem])
    expect(seat.signer.journal.head().seq).toBe(0)
    // The commitment that the item itself was given is still unspent.
    expect(held(seat)).toBe(before + 1)
  })

  test('also when it became too old while the request was judged', async () => {
    const table = await set()
    const [seat] = table.seats
    const answers = [undefined, 'peers_unheard'] as const
    let asked = 0
    const deaf: Seat = { ...seat, signer: { ...seat.signer, heads: { problem: () => answers[asked++] } } }
    expect(await codes(deaf, itemOf(table))).toEqual(['peers_unheard'])
    expect([asked, seat.signer.journal.head().seq]).toEqual([2, 0])
  })
})
