import { createPublicKey, verify } from 'node:crypto'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { blame } from '@symbolon/core/tdh2-combine.ts'
import { verifyCiphertext } from '@symbolon/core/tdh2.ts'
import { bytesOf, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { ciphertextDigest, type CiphertextHead } from '@symbolon/protocol/ciphertext.ts'
import { labelBytes, pathDigest, secretPath } from '@symbolon/protocol/label.ts'
import { openReply, openReplyBytes, openRequestHash, type OpenItem } from '@symbolon/protocol/open.ts'
import { shownDigest, unreadableRequestHash } from '@symbolon/protocol/sign.ts'
import { at, intentOf, keyEvidence } from '@symbolon/policy/judge.testkit.ts'
import { changeOf, signed, writeOf, recordWith } from '@symbolon/policy/secrets.testkit.ts'
import { encodeIntent } from '@symbolon/protocol/intent.ts'
import { answer } from './answer.ts'
import { itemOf, outcome, suite, type Seat, type Table } from './answer.testkit.ts'
import type { Current } from './current.ts'
import { receipts } from './receipts.ts'
import { asking, changeItem, combined, corePartial, headOf, openAt, opened, openItemOf, openVaultTable, readerOf, said, signChange, unseal, write, type Reader, type Row } from './secrets.testkit.ts'

const tables: Table[] = []
async function set(options: Parameters<typeof openVaultTable>[0] = {}): Promise<Table> {
  const table = await openVaultTable(options)
  tables.push(table)
  return table
}
afterEach(() => tables.splice(0).forEach((table) => table.close()))

const codes = async (seat: Seat, ...items: unknown[]): Promise<string[]> => (await openAt(seat, ...items)).answers.map(said)
const latest = (...paths: string[]) => paths.map((path) => [path, 'latest'] as const)
const alarms = (seat: Seat) => seat.events.filter(({ event }) => event === 'alarm').map(({ alarm }) => alarm)
const decisions = (seat: Seat) => seat.events.filter(({ event }) => event === 'decision')
const newest = ({ signer }: Seat, path = 'app/db') => signer.journal.records.newest(bytesOf(pathDigest(path)))?.seq
const finish = (row: Pick<Row, 'signed'>, ...seats: readonly Seat[]) => seats.map(({ signer }) => receipts(signer, asking, [row.signed]).receipts[0])
const rulesOf = async (seat: Seat, item: unknown) => {
  const [answered] = (await openAt(seat, item)).answers
  return answered?.result === 'refused' ? answered.refusal.reasons.map(({ code, rule }) => `${code} ${rule}`) : [said(answered)]
}

async function partialsOf(table: Table, seat: Seat, reader: Reader, rows: readonly Row[], item = openItemOf(table, reader, rows)) {
  const [answered] = (await openAt(seat, item)).answers
  if (answered?.result !== 'opened') throw new Error(said(answered))
  return unseal(table, reader, seat.signer.id, { sealed: answered.sealed, heads: rows.map(({ head }) => head) })
}

describe('TST-43 a reader', () => {
  test('gets the data key from t signers, and from fewer nothing', async () => {
    const table = await set()
    const row = await write(table)
    const reader = readerOf(table, latest('app/db'))
    const parts = await Promise.all(table.seats.map(async (seat) => (await partialsOf(table, seat, reader, [row])).map((part) => corePartial(seat.signer.id, part))))
    const [one, two, three] = parts.map(([part]) => part)
    if (one === undefined || two === undefined || three === undefined) throw new Error('no partial')
    for (const pair of [[one, two], [one, three], [two, three]]) expect(combined(table, row.head, pair)).toEqual(row.head.dataKey)
    expect(combined(table, row.head, [one])).toBe('partials_size')
    expect(combined(table, row.head, [one, one])).toBe('partial_duplicate')
  })

  test('of many secrets gets each, in order, under one seal of each signer', async () => {
    const table = await set()
    const first = await write(table)
    const rows = [await write(table, { path: 'app/payments/prod/eu/db', type: 'file' }), first, await write(table, { path: 'secret/plain' })]
    const reader = readerOf(table, [['app/payments/prod/eu/db', 1], ['app/db', 'latest'], ['secret/plain', 'latest']])
    const [one, two] = await Promise.all([partialsOf(table, table.seats[0], reader, rows), partialsOf(table, table.seats[2], reader, rows)])
    for (const [place, row] of rows.entries()) {
      const [a, b] = [one[place], two[place]]
      if (a === undefined || b === undefined) throw new Error('no partial')
      expect(combined(table, row.head, [corePartial(1, a), corePartial(3, b)])).toEqual(row.head.dataKey)
    }
  })

  test('is the only one who can open what was sealed: another key, another intent or another signer’s name does not', async () => {
    const table = await set()
    const row = await write(table)
    const [reader, other] = [readerOf(table, latest('app/db')), readerOf(table, latest('app/db'))]
    const [answered] = (await openAt(table.seats[0], openItemOf(table, reader, [row]))).answers
    if (answered?.result !== 'opened') throw new Error(said(answered))
    const given = { sealed: answered.sealed, heads: [row.head] }
    await expect(unseal(table, { ...reader, pair: other.pair }, 1, given)).rejects.toThrow()
    await expect(unseal(table, { ...reader, intent: { ...other.intent, reply: reader.intent.reply } }, 1, given)).rejects.toThrow()
    await expect(unseal(table, reader, 2, given)).rejects.toThrow()
    expect(await unseal(table, reader, 1, given)).toHaveLength(1)
  })

  test('is answered in the wire’s form, signed by the boot key over what was asked and answered', async () => {
    const table = await set()
    const [seat] = table.seats
    const row = await write(table)
    const items = [openItemOf(table, readerOf(table, latest('app/db')), [row]), 'nonsense']
    const reply = await openAt(seat, ...items)
    expect(openReply.parse(JSON.parse(JSON.stringify(reply)))).toEqual(reply)
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: seat.signer.boot.certificate.key }, format: 'jwk' })
    const hashes = [openRequestHash(items[0] as OpenItem), unreadableRequestHash(items[1])]
    expect(verify(null, openReplyBytes(seat.signer.boot.id, hashes, reply.answers), key, bytesOf(reply.signature))).toBe(true)
  })

  test('may ask again with the same intent, and is answered under another seal; by another record it is not', async () => {
    const table = await set()
    const [seat] = table.seats
    const row = await write(table)
    const reader = readerOf(table, latest('app/db'))
    const item = openItemOf(table, reader, [row])
    const [first, second] = [await openAt(seat, item), await openAt(seat, { ...item, attempt: toBase64url(new Uint8Array(16)) })]
    expect([first, second].flatMap(({ answers }) => answers.map(said))).toEqual(['opened', 'opened'])
    expect(JSON.stringify(first.answers)).not.toBe(JSON.stringify(second.answers))
    const after = await write(table, { on: row })
    expect(await codes(seat, openItemOf(table, reader, [after]))).toEqual(['refused intent_bound_otherwise'])
  })
})

describe('TST-41 what a signer gives', () => {
  test('is proven for this very ciphertext, by this very signer', async () => {
    const table = await set()
    const [row, other] = [await write(table), await write(table, { path: 'app/other' })]
    const reader = readerOf(table, latest('app/db', 'app/other'))
    const [one, two] = await Promise.all([partialsOf(table, table.seats[0], reader, [row, other]), partialsOf(table, table.seats[1], reader, [row, other])])
    const { decryption } = table.seats[0].signer.members.vault.member
    const { head } = row
    const checked = verifyCiphertext(suite, decryption.group.key, labelBytes(head.label), { u: bytesOf(head.u), uBar: bytesOf(head.u_bar), e: bytesOf(head.e), f: bytesOf(head.f), wrapped: bytesOf(head.wrapped) })
    const [[a, foreign], [b]] = [one, two]
    if (!checked.ok || a === undefined || b === undefined || foreign === undefined) throw new Error('no partial')
    const blamed = (...partials: ReturnType<typeof corePartial>[]) => blame(suite, { keys: decryption, ciphertext: checked.value, partials })
    expect(blamed(corePartial(1, a), corePartial(2, b))).toBeUndefined()
    expect(blamed(corePartial(1, foreign), corePartial(2, b))).toMatchObject({ code: 'partial_unproven', ids: [1] })
    expect(blamed(corePartial(3, a), corePartial(2, b))).toMatchObject({ code: 'partial_unproven', ids: [3] })
  })
})

describe('TST-40 a ciphertext', () => {
  /** A record that the quorum signed for whatever its writer says that the ciphertext is. */
  async function recorded(table: Table, path: string, head: CiphertextHead): Promise<Row> {
    const { said: outcomes, signed: record } = await signChange(table, writeOf(table.world, { path: secretPath.parse(path), type: head.label.type, ciphertext: ciphertextDigest(head) }))
    if (record === undefined) throw new Error(outcomes.join())
    return { ...opened(record), head: head as Row['head'] }
  }
  const turned = (text: Base64url): Base64url => toBase64url(Uint8Array.from(bytesOf(text), (byte, place) => (place === 3 ? byte ^ 1 : byte)))

  test.each<[string, (head: CiphertextHead, other: CiphertextHead) => CiphertextHead]>([
    ['u', (head) => ({ ...head, u: turned(head.u) })],
    ['u_bar', (head) => ({ ...head, u_bar: turned(head.u_bar) })],
    ['e', (head) => ({ ...head, e: turned(head.e) })],
    ['wrapped', (head) => ({ ...head, wrapped: turned(head.wrapped) })],
    ['the hash of the data key', (head) => ({ ...head, key_hash: turned(head.key_hash) })],
    ['body', (head) => ({ ...head, body: turned(head.body) })],
    ['everything: another secret’s', (_, other) => other],
  ])('whose %s is not what the record names opens nothing', async (_, change) => {
    const table = await set()
    const [row, other] = [await write(table), await write(table, { path: 'app/other' })]
    const item = openItemOf(table, readerOf(table, latest('app/db')), [{ ...row, head: change(row.head, other.head) as Row['head'] }])
    expect(await rulesOf(table.seats[0], item)).toEqual(['ciphertext_invalid signer.ciphertext.digest'])
  })

  test('of somebody else, under a record of one’s own: its label tells', async () => {
    const table = await set()
    const stolen = (await write(table, { path: 'app/victim' })).head
    const mine = await recorded(table, 'app/mine', stolen)
    expect(await rulesOf(table.seats[0], openItemOf(table, readerOf(table, latest('app/mine')), [mine]))).toEqual(['ciphertext_invalid signer.ciphertext.label'])
  })

  test('of somebody else, under a label of one’s own: its proof tells', async () => {
    const table = await set()
    const stolen = (await write(table, { path: 'app/victim' })).head
    const mine = await recorded(table, 'app/mine', { ...stolen, label: { ...stolen.label, name: 'mine' } })
    const [seat] = table.seats
    expect(await rulesOf(seat, openItemOf(table, readerOf(table, latest('app/mine')), [mine]))).toEqual(['ciphertext_invalid signer.ciphertext.proof'])
    expect(await rulesOf(seat, openItemOf(table, readerOf(table, latest('app/mine')), [mine]))).toEqual(['ciphertext_invalid signer.ciphertext.proof'])
  })

  const small = toBase64url(Uint8Array.from({ length: 32 }, (_, place) => (place === 0 ? 1 : 0)))
  test.each<[string, Partial<CiphertextHead>, string]>([
    ['identity as U', { u: small }, 'proof'],
    ['identity as Ū', { u_bar: small }, 'proof'],
    ['a proof of zeros', { e: toBase64url(new Uint8Array(32)), f: toBase64url(new Uint8Array(32)) }, 'proof'],
    ['scalars that are not reduced', { e: toBase64url(new Uint8Array(32).fill(0xff)) }, 'proof'],
    ['another group', { group: toBase64url(new Uint8Array(32)) }, 'group'],
    ['an epoch that there never was', { epoch: 2 }, 'group'],
  ])('SEC-01 SEC-02 SEC-05 with %s, and recorded so, opens nothing', async (_, change, rule) => {
    const table = await set()
    const { label } = (await write(table, { path: 'app/other' })).head
    const row = await recorded(table, 'app/db', headOf(table, { ...label, name: 'db' }, change))
    expect(await rulesOf(table.seats[0], openItemOf(table, readerOf(table, latest('app/db')), [row]))).toEqual([`ciphertext_invalid signer.ciphertext.${rule}`])
  })

  test('is missing, or there is one too many: none is opened', async () => {
    const table = await set()
    const [row, other] = [await write(table), await write(table, { path: 'app/other' })]
    const reader = readerOf(table, latest('app/db', 'app/other'))
    const item = openItemOf(table, reader, [row, other])
    expect(await rulesOf(table.seats[0], { ...item, heads: [row.head] })).toEqual(['ciphertext_invalid signer.ciphertext.heads'])
    expect(await rulesOf(table.seats[0], { ...item, heads: [row.head, other.head, row.head] })).toEqual(['ciphertext_invalid signer.ciphertext.heads'])
    expect(await rulesOf(table.seats[0], { ...item, heads: [other.head, row.head] })).toEqual(['ciphertext_invalid signer.ciphertext.digest'])
    expect(await codes(table.seats[0], { ...item, heads: [] })).toEqual(['item_malformed'])
  })

  test('one that is wrong among good ones: none of them is opened', async () => {
    const table = await set()
    const [row, other] = [await write(table), await write(table, { path: 'app/other' })]
    const item = openItemOf(table, readerOf(table, latest('app/db', 'app/other')), [row, { ...other, head: { ...other.head, wrapped: row.head.wrapped } as Row['head'] }])
    expect(await rulesOf(table.seats[0], item)).toEqual(['ciphertext_invalid signer.ciphertext.digest'])
  })

  test('has its proof checked once, and whoever asks is judged each time', async () => {
    const table = await set()
    const [seat] = table.seats
    const row = await write(table)
    let checks = 0
    const counting: Seat = { ...seat, signer: { ...seat.signer, checked: { of: (digest, check) => seat.signer.checked.of(digest, () => { checks += 1; return check() }) } } }
    for (const _ of [1, 2, 3]) expect(await codes(counting, openItemOf(table, readerOf(table, latest('app/db')), [row]))).toEqual(['opened'])
    expect(checks).toBe(1)
    const reader = readerOf(table, latest('app/db'))
    expect(await codes(counting, openItemOf(table, reader, [row], { evidence: [keyEvidence(table.world, readerOf(table, latest('app/db')).intent)] }))).toEqual(['refused proof_mismatch'])
  })
})

describe('I-7 a record', () => {
  test('older than this signer knows opens nothing, whoever shows it; a newer one is remembered', async () => {
    const table = await set()
    const [one, , three] = table.seats
    const old = await write(table)
    const row = await write(table, { on: old })
    const readOld = () => openItemOf(table, readerOf(table, [['app/db', 1]]), [old])
    expect(await codes(three, readOld())).toEqual(['opened'])
    finish(row, one)
    expect(await codes(one, readOld())).toEqual(['refused record_stale'])
    // By the newest record version 1 is as readable as before.
    expect(await codes(three, openItemOf(table, readerOf(table, [['app/db', 1]]), [{ signed: row.signed, head: old.head }]))).toEqual(['opened'])
    expect(newest(three)).toBe(2)
    expect(await codes(three, readOld())).toEqual(['refused record_stale'])
  })

  test.each(['secret.delete', 'secret.destroy'] as const)('after %s, the version is gone for every signer that heard of it, by either record', async (kind) => {
    const table = await set({ roles: ['sre'] })
    const [one, two] = table.seats
    const row = await write(table)
    const { said: outcomes, signed: gone } = await signChange(table, changeOf(table.world, { kind, versions: [1], previous: row.digest, seq: 2 }), { records: [row.signed] })
    if (gone === undefined) throw new Error(outcomes.join())
    finish({ signed: gone }, one, two)
    for (const seat of [one, two]) {
      expect(await codes(seat, openItemOf(table, readerOf(table, latest('app/db')), [row]))).toEqual(['refused record_stale'])
      expect(await codes(seat, openItemOf(table, readerOf(table, latest('app/db')), [{ signed: gone, head: row.head }]))).toEqual(['refused secret_not_found'])
    }
  })

  test('that no quorum signed, or is another secret’s, is refused', async () => {
    const table = await set()
    const [seat] = table.seats
    const [row, other] = [await write(table), await write(table, { path: 'app/other' })]
    const forged = signed(recordWith(table.world, { versions: row.record.versions }))
    const reader = readerOf(table, latest('app/db'))
    expect(await codes(seat, openItemOf(table, reader, [{ ...row, signed: forged }]))).toEqual(['refused record_invalid'])
    expect(await codes(seat, openItemOf(table, reader, [{ ...row, signed: { ...row.signed, signature: other.signed.signature } }]))).toEqual(['refused record_invalid'])
    expect(await codes(seat, openItemOf(table, reader, [other]))).toEqual(['refused record_invalid'])
    expect(newest(seat)).toBeUndefined()
  })

  test('with one stale secret none is opened; refusals are journaled, and tell nothing of the others', async () => {
    const table = await set()
    const [seat] = table.seats
    const [old, other] = [await write(table), await write(table, { path: 'app/other' })]
    finish(await write(table, { on: old }), seat)
    const before = seat.signer.journal.head().seq
    expect(await codes(seat, openItemOf(table, readerOf(table, latest('app/other', 'app/db')), [other, old]))).toEqual(['refused record_stale'])
    expect(seat.signer.journal.head().seq).toBe(before + 1)
  })

  test('of two under one number is noticed: the first that was known stays, an alarm is raised', async () => {
    const table = await set()
    const [one, two, three] = table.seats
    // Two signers that share nothing they remember sign two records of one number: it takes one that forgot, here by another journal.
    const first = await write(table, { quorum: [one, two] })
    finish(first, one)
    const forgetful: Seat = { ...two, signer: { ...two.signer, journal: { ...table.seats[2].signer.journal, clock: (now) => now, records: three.signer.journal.records, head: () => three.signer.journal.head(), holds: () => true, kept: () => undefined, failing: () => false, close() {}, record: (wishes, clock) => three.signer.journal.record(wishes, clock) } } }
    const second = await write(table, { quorum: [forgetful, three] })
    expect(second.digest).not.toBe(first.digest)
    expect(await codes(one, openItemOf(table, readerOf(table, latest('app/db')), [second]))).toEqual(['refused record_stale'])
    expect(alarms(one)).toEqual(['record_forked'])
    expect(finish(second, one)).toEqual([null])
  })
})

describe('TST-42 one verb, one key', () => {
  test('what asks for a token or a record is not opened; what asks to read is not signed', async () => {
    const table = await set()
    const [seat] = table.seats
    const row = await write(table)
    const reader = readerOf(table, latest('app/db'))
    const token = intentOf(table.world)
    expect(await codes(seat, { ...openItemOf(table, reader, [row]), intent: toBase64url(encodeIntent(token)), evidence: [keyEvidence(table.world, token)] })).toEqual(['item_malformed'])
    const change = writeOf(table.world, { path: secretPath.parse('app/new') })
    const changing = changeItem(table, change)
    expect(await codes(seat, { ...openItemOf(table, reader, [row]), intent: changing.intent, evidence: changing.evidence, records: [row.signed] })).toEqual(['refused record_invalid'])
    const item = openItemOf(table, reader, [row])
    for (const purpose of ['token', 'record'] as const) {
      const reply = await answer(seat.signer, asking, [{ ...itemOf(table), purpose, intent: item.intent, evidence: item.evidence, records: item.records }])
      expect(reply.answers.map(outcome)).toEqual(['item_malformed'])
    }
    const crossed = await answer(seat.signer, asking, [{ ...itemOf(table), purpose: 'record' }, { ...changing, purpose: 'token' }])
    expect(crossed.answers.map(outcome)).toEqual(['item_malformed', 'item_malformed'])
  })
})

describe('a signer that may not answer', () => {
  test.each<[string, Partial<OpenItem>, string]>([
    ['another epoch', { epoch: 2 }, 'epoch_unknown'],
    ['another roster', { roster: 2 }, 'roster_behind'],
    ['another policy', { policy: toBase64url(new Uint8Array(32)) }, 'policy_behind'],
  ])('opens nothing for %s', async (_, over, code) => {
    const table = await set()
    const row = await write(table)
    expect(await codes(table.seats[0], openItemOf(table, readerOf(table, latest('app/db')), [row], over))).toEqual([code])
  })

  test('I-3 opens nothing while it has not heard the others, nor by a version that is no longer in force', async () => {
    const table = await set()
    const [seat] = table.seats
    const row = await write(table)
    const item = () => openItemOf(table, readerOf(table, latest('app/db')), [row])
    expect(await codes({ ...seat, signer: { ...seat.signer, heads: { problem: () => 'peers_unheard' } } }, item())).toEqual(['peers_unheard'])
    const before = seat.signer.current()
    let current: Current = before
    const signer = { ...seat.signer, current: () => current, steps: { judged: () => { current = { ...before, versions: { ...before.versions, roster: 2 } } }, journaled() {}, taken() {}, signed() {}, sealed() {}, receipted() {} } }
    expect(await codes({ ...seat, signer }, item())).toEqual(['roster_behind'])
  })

  test('TST-38 opens nothing beyond the rate of a principal', async () => {
    const table = await set({ roster: { rate: 4 } })
    const [seat] = table.seats
    const row = await write(table)
    const items = Array.from({ length: 5 }, () => openItemOf(table, readerOf(table, latest('app/db')), [row]))
    expect(await codes(seat, ...items)).toEqual(['opened', 'opened', 'opened', 'limited', 'limited'])
  })

  test('opens nothing that it cannot write down', async () => {
    const table = await set()
    const [seat] = table.seats
    const row = await write(table)
    const { journal } = seat.signer
    const failing: Seat = { ...seat, signer: { ...seat.signer, journal: { clock: (now) => journal.clock(now), head: () => journal.head(), holds: () => true, kept: () => undefined, failing: () => true, close() {}, records: journal.records, record: () => undefined } } }
    expect(await codes(failing, openItemOf(table, readerOf(table, latest('app/db')), [row]))).toEqual(['ill'])
  })

  test('TST-14 has written it down, with the record that came along, before it makes a partial', async () => {
    const order: string[] = []
    const table = await set()
    const [seat] = table.seats
    const row = await write(table)
    const before = seat.signer.journal.head().seq
    const signer = { ...seat.signer, steps: { judged: () => void order.push(`judged ${seat.signer.journal.head().seq - before}`), journaled: () => void order.push(`journaled ${seat.signer.journal.head().seq - before} ${newest(seat)}`), taken() {}, signed() {}, sealed: () => void order.push('sealed'), receipted() {} } }
    expect(await codes({ ...seat, signer }, openItemOf(table, readerOf(table, latest('app/db')), [row]))).toEqual(['opened'])
    expect(order).toEqual(['judged 0', 'journaled 1 1', 'sealed'])
  })

  test('SEC-01 refuses to seal to what is no key', async () => {
    const table = await set()
    const row = await write(table)
    const reply = toBase64url(Uint8Array.from({ length: 65 }, (_, place) => (place === 0 ? 4 : place)))
    expect(await rulesOf(table.seats[0], openItemOf(table, readerOf(table, latest('app/db'), { reply }), [row]))).toEqual(['intent_malformed intent.reply'])
  })
})

describe('what is told', () => {
  test('L-1 L-3 each opening once, by name, version and number, never what was in it', async () => {
    const table = await set()
    const [seat] = table.seats
    const row = await write(table)
    seat.events.splice(0)
    const reader = readerOf(table, latest('app/db'))
    const parts = await partialsOf(table, seat, reader, [row])
    expect(decisions(seat)).toHaveLength(1)
    expect(decisions(seat)[0]).toMatchObject({ result: 'opened', kind: 'secret.read', principal: 'ci', secrets: [{ path: 'app/db', version: 1, seq: 1 }], codes: [] })
    const all = JSON.stringify(seat.events)
    for (const hidden of [toBase64url(row.head.dataKey), parts[0]?.point ?? '']) expect(all).not.toContain(hidden)
  })

  test('the refusal names what was shown, so that a lie of the coordinator’s is its own', async () => {
    const table = await set()
    const [seat] = table.seats
    const [old, reader] = [await write(table), readerOf(table, latest('app/db'))]
    finish(await write(table, { on: old }), seat)
    const item = openItemOf(table, reader, [old])
    const [answered] = (await openAt(seat, item)).answers
    expect(answered?.result === 'refused' ? answered.refusal : undefined).toMatchObject({ request: toBase64url(openRequestHash(item)), shown: shownDigest(item), iat: at })
  })

  test('locked memory is given back', async () => {
    const table = await set()
    const row = await write(table)
    const free = () => (suite.memory as typeof suite.memory & { readonly free: number }).free
    expect(await codes(table.seats[0], openItemOf(table, readerOf(table, latest('app/db')), [row]))).toEqual(['opened'])
    const before = free()
    for (const _ of Array.from({ length: 20 })) await codes(table.seats[0], openItemOf(table, readerOf(table, latest('app/db')), [row]))
    expect(free()).toBe(before)
  })
})

test('D-1 whatever an item is, and whichever field is replaced, it is answered in the wire’s form, and its neighbour is opened', async () => {
  const table = await set()
  const row = await write(table)
  const honest = () => openItemOf(table, readerOf(table, latest('app/db')), [row])
  const anything = fc.oneof(fc.string(), fc.base64String(), fc.jsonValue({ maxDepth: 4 }).map((value) => value as unknown), fc.integer())
  const names = fc.constantFrom('attempt', 'epoch', 'roster', 'policy', 'intent', 'evidence', 'approvals', 'asserted', 'records', 'heads', 'more')
  await fc.assert(
    fc.asyncProperty(names, anything, fc.boolean(), async (name, value, whole) => {
      const item = honest()
      const altered: unknown = whole ? value : { ...item, [name]: value }
      const reply = openReply.parse(JSON.parse(JSON.stringify(await openAt(table.seats[0], altered, honest()))))
      expect(reply.answers.map(said)[1]).toBe('opened')
      const same = JSON.stringify(altered) === JSON.stringify(item)
      expect(reply.answers.map(said)[0] === 'opened' && !same && !['attempt', 'asserted', 'approvals'].includes(name)).toBe(false)
    }),
    { numRuns: 150 },
  )
}, 120_000)
