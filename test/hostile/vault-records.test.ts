import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bytesOf, toBase64url } from '@symbolon/protocol/bytes.ts'
import type { RecordIntent, SecretWriteIntent, TokenIntent } from '@symbolon/protocol/intent.ts'
import { encodeRecord, type SignedRecord } from '@symbolon/protocol/record.ts'
import { proofOfKey } from './scene.ts'
import { messageOf, VaultScene, path, type Kept } from './vault-scene.ts'

/*
 * The claim about writing, attacked: no record comes to be that policy would not have granted to who asked, none is built on what is no longer the
 * newest, and no old one is served once a signer knows a newer. Each attempt is made on honest signers; with t = 2, one honest share is a record.
 */

let scene: VaultScene
beforeAll(async () => {
  scene = await VaultScene.open()
})
afterAll(() => scene?.close())

const latest = 'latest' as const
const all = (code: string) => scene.attacker.victims.map(() => code)
interface Lie {
  readonly records?: readonly SignedRecord[]
  readonly message?: string
  readonly who?: VaultScene['writer']
  readonly purpose?: 'token' | 'record'
}
/** What each honest signer says to this change. */
async function signs(intent: RecordIntent | TokenIntent, { records = [], who = scene.writer, message, purpose = 'record' }: Lie = {}): Promise<string[]> {
  const evidence = proofOfKey(intent, who)
  const judged = scene.judged(intent, evidence, records)
  const wanted = message ?? (judged.verdict === 'granted' && 'message' in judged ? judged.message : messageOf(new Uint8Array([123, 125])))
  const said: string[] = []
  for (const victim of scene.attacker.victims) said.push((await scene.sign(victim, intent, { evidence, records, message: wanted, change: (item) => ({ ...item, purpose }) })).code)
  return said
}
const fresh = async (at: string, change: Partial<SecretWriteIntent> = {}, on?: Kept, who = scene.writer): Promise<SecretWriteIntent> => ({ ...scene.writeIntent(at, await scene.closed(at, 'value', 1), { on }, who), ...change })

test('the control: a change is signed, receipted by who knows of it, and read', async () => {
  const kept = await scene.write('app/mine/control', 'one')
  expect(await scene.receipts(2, kept.signed)).toEqual([1])
  expect(await scene.read(await scene.reading([['app/mine/control', latest]]), [kept])).toEqual(['one'])
})

describe('whose write it is', () => {
  test('who may not write gets no record: nor by another’s evidence', async () => {
    expect(await signs(await fresh('app/mine/new', {}, undefined, scene.reader), { who: scene.reader })).toEqual(all('scope_not_allowed'))
    expect(await signs(await fresh('app/mine/new', { sub: scene.reader.sub }))).toEqual(all('subject_mismatch'))
    expect(await signs(await fresh('app/mine/new'), { who: { ...scene.writer, key: scene.reader.key } })).toEqual(all('proof_invalid'))
    expect(await signs(await fresh('app/mine/new', { path: path('nowhere/new') }))).toEqual(all('policy_denied'))
  })

  test('the ciphertext, size, kind and mode are the writer’s: other bytes than its intent comes to are not signed', async () => {
    const intent = await fresh('app/mine/bytes')
    const judged = scene.judged(intent, proofOfKey(intent, scene.writer), [])
    const record = judged.verdict === 'granted' && judged.grants === 'record' ? judged.record : expect.unreachable()
    const [version = expect.unreachable()] = record.versions
    const lies = [{ ...record, by: scene.reader.sub }, { ...record, seq: 7 }, { ...record, versions: [{ ...version, ciphertext: toBase64url(new Uint8Array(32).fill(7)) }] }, { ...record, versions: [{ ...version, combine: 'vault' as const }] }]
    for (const lie of lies) expect(await signs(intent, { message: messageOf(encodeRecord(lie)) })).toEqual(all('bytes_differ'))
    expect(await signs(intent)).toEqual(all('signed'))
  })

  test('I-8 a namespace’s combine mode is the roster’s, whatever the intent says', async () => {
    expect(await signs(await fresh('app/mine/mode', { combine: 'vault' }))).toEqual(all('record_unsound'))
    expect(await signs(await fresh('secret/mine/mode', { combine: 'caller' }))).toEqual(all('record_unsound'))
  })

  test('a façade token writes nothing outside what the vault combines', async () => {
    const token = await scene.facadeToken(scene.writer, ['secret:write'])
    const intent = await fresh('app/mine/facade')
    for (const victim of scene.attacker.victims) expect((await scene.sign(victim, intent, { evidence: [{ kind: 'facade', token }], message: messageOf(new Uint8Array([123, 125])) })).code).toBe('facade_not_allowed')
    const own = await fresh('secret/mine/facade')
    const judged = scene.judged(own, [{ kind: 'facade', token }], [])
    const message = judged.verdict === 'granted' && judged.grants === 'record' ? judged.message : expect.unreachable()
    expect((await scene.sign(2, own, { evidence: [{ kind: 'facade', token }], message })).code).toBe('signed')
  })

  test('a dry one, an expired one and one of another deployment are signed by nobody', async () => {
    const at = Math.floor(Date.now() / 1000)
    expect(await signs(await fresh('app/mine/dry', { dry: true }))).toEqual(all('intent_dry'))
    expect(await signs(await fresh('app/mine/dry', { iat: at - 900, exp: at - 600 }))).toEqual(all('intent_expired'))
    expect(await signs(await fresh('app/mine/dry', { lineage: toBase64url(new Uint8Array(32).fill(1)) }))).toEqual(all('wrong_deployment'))
  })

  test('TST-44 a record is no token and a token no record: neither key signs what the other’s is for', async () => {
    const token: TokenIntent = { ...scene.common(scene.writer), kind: 'token', aud: scene.attacker.roster.default_audience, scope: ['read:logs'] }
    expect(await signs(token, { purpose: 'record' })).toEqual(all('item_malformed'))
    expect(await signs(await fresh('app/mine/purpose'), { purpose: 'token' })).toEqual(all('item_malformed'))
  })
})

describe('I-7 what a write is built on', () => {
  test('another secret’s record, one that no quorum signed, two, or none: refused', async () => {
    const [kept, other] = [await scene.write('app/mine/base', 'one'), await scene.write('app/mine/other', 'one')]
    const next = () => fresh('app/mine/base', {}, kept)
    expect(await signs(await next(), { records: [other.signed] })).toEqual(all('record_invalid'))
    expect(await signs(await next(), { records: [] })).toEqual(all('record_invalid'))
    expect(await signs(await next(), { records: [kept.signed, other.signed] })).toEqual(all('record_invalid'))
    expect(await signs(await next(), { records: [{ ...kept.signed, signature: other.signed.signature }] })).toEqual(all('record_invalid'))
    const forged = Buffer.from(bytesOf(kept.signed.record)).toString().replace('"seq":1', '"seq":8')
    expect(await signs(await next(), { records: [{ ...kept.signed, record: toBase64url(Buffer.from(forged)) }] })).toEqual(all('record_invalid'))
    expect(await signs({ ...(await next()), previous: other.digest }, { records: [kept.signed] })).toEqual(all('check_and_set_failed'))
    expect(await signs(await next(), { records: [kept.signed] })).toEqual(all('signed'))
  })

  test('a replayed predecessor, and a beginning anew, once a newer one is known: stale', async () => {
    const first = await scene.write('app/mine/replay', 'one')
    const second = await scene.write('app/mine/replay', 'two', { on: first })
    for (const victim of scene.attacker.victims) expect(await scene.receipts(victim, second.signed)).toEqual([2])
    expect(await signs(await fresh('app/mine/replay', { seq: 9 }, first), { records: [first.signed] })).toEqual(all('record_stale'))
    expect(await signs(await fresh('app/mine/replay', { seq: 9 }))).toEqual(all('record_stale'))
    expect(await signs(await fresh('app/mine/replay', { seq: 2 }, second), { records: [second.signed] })).toEqual(all('record_unsound'))
    expect(await signs(await fresh('app/mine/replay', {}, second), { records: [second.signed] })).toEqual(all('signed'))
  })

  test('two writers at one number: each signer helps one, and what is promised and never finished is passed over', async () => {
    const one = await scene.write('app/mine/race', 'one')
    const [first, rival] = [await fresh('app/mine/race', {}, one), await fresh('app/mine/race', {}, one)]
    expect(await signs(first, { records: [one.signed] })).toEqual(all('signed'))
    expect(await signs(rival, { records: [one.signed] })).toEqual(all('sequence_taken'))
    expect(await signs(first, { records: [one.signed] })).toEqual(all('signed'))
    const next = await scene.write('app/mine/race', 'two', { on: one, seq: 3 })
    expect(await scene.receipts(2, next.signed)).toEqual([3])
    // The one that was overtaken is finished late: who knows the newer builds nothing on it, opens nothing by it, and does not receipt it.
    const late = { ...next, ...(await lateRecord(first, one)) }
    expect(await scene.receipts(2, late.signed)).toEqual([null])
  })

  const lateRecord = async (intent: SecretWriteIntent, on: Kept) => {
    const judged = scene.judged(intent, proofOfKey(intent, scene.writer), [on.signed])
    const message = judged.verdict === 'granted' && judged.grants === 'record' ? judged.message : expect.unreachable()
    const { signature } = await scene.sign(3, intent, { evidence: proofOfKey(intent, scene.writer), records: [on.signed], message })
    return { signed: { record: toBase64url(Buffer.from(message.slice(message.indexOf('{')))), signature: signature ?? expect.unreachable() } }
  }
})

describe('I-7 an old state, served to signers that know a newer', () => {
  test('an older version under its own record opens nothing; who missed the write learns of it by whoever shows it', async () => {
    const first = await scene.write('app/mine/old', 'one')
    const second = await scene.write('app/mine/old', 'two', { on: first, victim: 2 })
    const reading = () => scene.reading([['app/mine/old', latest]])
    // Signer 2 signed on top of the first and was never shown the second; told of it, it opens by that alone.
    expect(await scene.receipts(2, second.signed)).toEqual([2])
    expect(await scene.known(3, 'app/mine/old')).toBeNull()
    expect(await scene.opens(await reading(), [first])).toEqual(['record_stale', 'opened'])
    expect(await scene.read(await reading(), [first], [3])).toBe('partials_missing')
    expect(await scene.read(await reading(), [second])).toEqual(['two'])
    expect(await scene.opens(await reading(), [first])).toEqual(all('record_stale'))
    expect(await scene.known(3, 'app/mine/old')).toEqual(second.signed)
  })

  test.each(['secret.delete', 'secret.destroy'] as const)('after %s neither record opens it, and the old one comes back by no write', async (kind) => {
    const at = path(`app/mine/${kind}`)
    const kept = await scene.write(at, 'one')
    const gone = await scene.change(kept, { kind, path: at, versions: [1] })
    for (const victim of scene.attacker.victims) expect(await scene.receipts(victim, gone.signed)).toEqual([2])
    const reading = () => scene.reading([[at, 1]])
    expect(await scene.opens(await reading(), [kept])).toEqual(all('record_stale'))
    expect(await scene.opens(await reading(), [{ ...kept, signed: gone.signed }])).toEqual(all('secret_not_found'))
    const back = () => scene.changeIntent(gone, { kind: 'secret.undelete', path: at, versions: [1] })
    expect(await signs(back(), { records: [gone.signed] })).toEqual(all(kind === 'secret.delete' ? 'signed' : 'record_unsound'))
  })

  test('an older version is read by its number under the newest record, as its own and no other', async () => {
    const first = await scene.write('app/mine/versions', 'one')
    const second = await scene.write('app/mine/versions', 'two', { on: first })
    const old = { ...second, head: first.head, body: first.body }
    expect(await scene.read(await scene.reading([['app/mine/versions', 1]]), [old])).toEqual(['one'])
    expect(await scene.opens(await scene.reading([['app/mine/versions', 1]]), [second])).toEqual(all('ciphertext_invalid'))
    expect(await scene.opens(await scene.reading([['app/mine/versions', latest]]), [old])).toEqual(all('ciphertext_invalid'))
    expect(await scene.opens(await scene.reading([['app/mine/versions', 3]]), [second])).toEqual(all('secret_not_found'))
  })
})
