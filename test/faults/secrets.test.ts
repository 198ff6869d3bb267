import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { secretKeys, verifyRecord, type SecretKeys } from '@symbolon/envelope/keys.ts'
import { openSecrets } from '@symbolon/envelope/open.ts'
import { receiptsHold } from '@symbolon/envelope/receipts.ts'
import { openRequestKey, type ReplyKey } from '@symbolon/envelope/reply.ts'
import { seal, type Sealed } from '@symbolon/envelope/seal.ts'
import { bytesOf, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { encodeIntent, type SecretReadIntent, type SecretWriteIntent } from '@symbolon/protocol/intent.ts'
import { labelOf, pathDigest } from '@symbolon/protocol/label.ts'
import { mintReply, type MintItem, type MintOutcome } from '@symbolon/protocol/mint.ts'
import { knownReply, openOutcomes, receiptsReply, type OpenOutcome, type OpenWish, type ProvenReceipt } from '@symbolon/protocol/open.ts'
import { recordDigest, type SignedRecord } from '@symbolon/protocol/record.ts'
import { digestOf, keyEvidence } from '@symbolon/policy/judge.testkit.ts'
import { asked, makeVault, path, readOf, scopes, vaultJudge, writeOf } from '@symbolon/policy/secrets.testkit.ts'
import { lineageOf } from '@symbolon/roster/keyset.ts'
import type { Channel } from '@symbolon/runtime/channel-client.ts'
import { Stage, signerNames, until } from './stage.testkit.ts'

/* The life of a secret among real signers and a real coordinator; the test plays the vault, and the client behind it. */

let stage: Stage
let vault: Channel
let keys: SecretKeys
beforeAll(async () => {
  const { vault: row, namespaces } = makeVault().roster
  stage = await Stage.open({ roster: { scopes, ...(row === undefined ? {} : { vault: row }), ...(namespaces === undefined ? {} : { namespaces }) } })
  vault = stage.connect('symbolon:vault/1')
  await heal()
  const { roster } = stage.deployment.world
  const loaded = secretKeys({ keyset: { groups: roster.groups, signers: roster.signers }, lineage: lineageOf(roster) })
  keys = loaded.ok ? loaded.value : expect.unreachable()
})
afterAll(async () => {
  vault?.close()
  await stage?.close()
})
afterEach(() => heal())

const heal = () => until(async () => (await stage.status()).signers.every(({ healthy }) => healthy))
const nonce = () => toBase64url(randomBytes(16))
const now = () => Math.floor(Date.now() / 1000)

async function call<T>(route: string, body: unknown, schema: { parse(value: unknown): T }): Promise<T> {
  const answer = await vault.post(route, JSON.stringify(body), { timeoutMs: 20_000, maxBytes: 8 * 1024 * 1024 })
  if (!answer.ok || answer.status !== 200) throw new Error(JSON.stringify(answer))
  return schema.parse(JSON.parse(answer.body.toString()))
}

/** What each wish carries besides its intent. */
function common(intent: SecretWriteIntent | SecretReadIntent) {
  const { world } = stage.deployment
  return { request_id: `request-${intent.nonce.slice(0, 8)}`, roster: 1, policy: world.roster.policy, intent: toBase64url(encodeIntent(intent)), evidence: [keyEvidence(world, intent)], approvals: [], asserted: {} }
}

interface Written {
  readonly outcome: MintOutcome
  readonly signed: SignedRecord
  readonly sealed: Sealed
}

/** One write on top of `previous`: sealed by the client, judged by the vault, signed by two signers. */
async function write(name: string, data: Record<string, string>, { previous, seq = 1, version = seq }: { readonly previous?: SignedRecord; readonly seq?: number; readonly version?: number } = {}): Promise<Written> {
  const { world } = stage.deployment
  const label = labelOf(path(name), { combine: 'caller', version, type: 'string' })
  const closed = await seal({ value: { type: 'string', data }, label, keys })
  const sealed = closed.ok ? closed.value : expect.unreachable()
  const iat = now()
  const intent = writeOf(world, { path: path(name), iat, exp: iat + 300, nonce: nonce(), previous: previous === undefined ? null : recordDigest(bytesOf(previous.record)), seq, version, ciphertext: sealed.digest, size: sealed.size })
  const records = previous === undefined ? [] : [previous]
  const judged = vaultJudge(world).judge(asked(world, intent, records), iat)
  const bytes = judged.verdict === 'granted' && judged.grants === 'record' ? judged : expect.unreachable()
  const item: MintItem = { ...common(intent), purpose: 'record', records, bytes: bytes.message }
  const [outcome = expect.unreachable()] = (await call('/v1/mint', { v: 1, items: [item] }, mintReply)).outcomes
  const record = toBase64url(Buffer.from(bytes.message.slice(bytes.message.indexOf('{'))))
  return { outcome, sealed, signed: { record, signature: outcome.outcome === 'signed' ? outcome.signature : ('' as Base64url) } }
}

const receiptsFor = async (signed: SignedRecord): Promise<readonly ProvenReceipt[]> => (await call('/v1/receipts', { v: 1, records: [signed] }, receiptsReply)).receipts[0] ?? []
const isFinished = async (signed: SignedRecord): Promise<boolean> => {
  const opened = verifyRecord(signed, keys) ?? expect.unreachable()
  return receiptsHold(await receiptsFor(signed), { digest: opened.digest, seq: opened.record.seq }, keys).finished
}

interface Read {
  readonly wish: OpenWish
  readonly intent: SecretReadIntent
  readonly replyKey: ReplyKey
}
async function readWish(names: readonly string[], written: readonly Written[]): Promise<Read> {
  const replyKey = await openRequestKey()
  const iat = now()
  const intent = readOf(stage.deployment.world, names.map((name) => [name, 'latest'] as const), { iat, exp: iat + 300, nonce: nonce(), reply: replyKey.reply })
  return { replyKey, intent, wish: { ...common(intent), records: written.map(({ signed }) => signed), heads: written.map(({ sealed }) => sealed.head) } }
}
const ask = async (...wishes: OpenWish[]): Promise<readonly OpenOutcome[]> => (await call('/v1/open', { v: 1, items: wishes }, openOutcomes)).outcomes

async function valuesOf({ intent, replyKey }: Read, outcome: OpenOutcome | undefined, written: readonly Written[]) {
  if (outcome?.outcome !== 'opened') throw new Error(JSON.stringify(outcome))
  const rows = written.map(({ signed, sealed }) => ({ record: signed, head: sealed.head, body: sealed.body }))
  const opened = await openSecrets({ intent: toBase64url(digestOf(intent)), labels: intent.labels, replyKey, keys, now: now(), rows, epoch: outcome.epoch, opened: outcome.opened })
  if (!opened.ok) throw new Error(JSON.stringify(opened.error))
  return opened.value.map(({ value }) => (value.type === 'string' ? value.data : undefined))
}
const rowsOf = (requestId: string) => stage.query(`select kind from requested where request_id = '${requestId}'`)

test('I-7 a secret is written, receipted by t signers and read by who asked, and logged as such', async () => {
  const written = await write('app/db', { password: 'correct horse' })
  expect(written.outcome.outcome).toBe('signed')
  expect(verifyRecord(written.signed, keys)).toMatchObject({ record: { path: 'app/db', seq: 1, current: 1 } })
  expect(await isFinished(written.signed)).toBe(true)
  const read = await readWish(['app/db'], [written])
  const [outcome] = await ask(read.wish)
  expect(outcome).toMatchObject({ outcome: 'opened', opened: [{}, {}] })
  expect(await valuesOf(read, outcome, [written])).toEqual([{ password: 'correct horse' }])
  expect(await rowsOf(read.wish.request_id)).toEqual([{ kind: 'open' }])
  expect((await stage.query('select distinct kind from requested order by kind')).map(({ kind }) => kind)).toEqual(expect.arrayContaining(['open', 'record']))
})

test('sixteen secrets in one wish, and many wishes in one call', async () => {
  const names = Array.from({ length: 16 }, (_, at) => `app/batch/s${at}`)
  const written = await Promise.all(names.map((name, at) => write(name, { at: `${at}` })))
  for (const { signed } of written) expect(await isFinished(signed)).toBe(true)
  const reads = await Promise.all(Array.from({ length: 4 }, () => readWish(names, written)))
  const outcomes = await ask(...reads.map(({ wish }) => wish))
  for (const [at, read] of reads.entries()) expect(await valuesOf(read, outcomes[at], written)).toEqual(names.map((_, each) => ({ at: `${each}` })))
})

test.each(signerNames)('C-3 %s killed: secrets are written, receipted and read without it', async (name) => {
  await stage.kill(name)
  const secret = `app/without/${name}`
  const written = await write(secret, { here: name })
  expect(await isFinished(written.signed)).toBe(true)
  const read = await readWish([secret], [written])
  expect(await valuesOf(read, (await ask(read.wish))[0], [written])).toEqual([{ here: name }])
  await stage.startSigner(name)
})

test('C-3 two killed: reading and writing say that too few answer, and a finished record stays pending', async () => {
  const written = await write('app/alone', { a: '1' })
  await stage.kill('signer-1')
  await stage.kill('signer-2')
  const read = await readWish(['app/alone'], [written])
  expect(await ask(read.wish)).toMatchObject([{ outcome: 'unreachable' }])
  expect(await isFinished(written.signed)).toBe(false)
  expect((await write('app/alone/other', { a: '1' })).outcome).toMatchObject({ outcome: 'unreachable' })
  await stage.startSigner('signer-1')
  await stage.startSigner('signer-2')
})

test('I-7 what signers have receipted they say of themselves, and an older version opens nothing', async () => {
  const first = await write('app/twice', { v: 'one' })
  expect(await isFinished(first.signed)).toBe(true)
  const second = await write('app/twice', { v: 'two' }, { previous: first.signed, seq: 2 })
  expect(second.outcome.outcome).toBe('signed')
  expect(await isFinished(second.signed)).toBe(true)
  expect((await call('/v1/known', { v: 1, paths: [pathDigest('app/twice'), pathDigest('app/none')] }, knownReply)).records).toEqual([second.signed, null])
  const stale = await readWish(['app/twice'], [first])
  expect(await ask(stale.wish)).toMatchObject([{ outcome: 'refused', refusals: [{ reasons: [{ code: 'record_stale' }] }, {}] }])
})

test('U-1 the api gets no record signed and nothing opened, the vault no token', async () => {
  const read = await readWish(['app/db'], [await write('app/roles', { a: '1' })])
  const post = async (channel: Channel, route: string, items: readonly unknown[]) => {
    const answer = await channel.post(route, JSON.stringify({ v: 1, items }), { timeoutMs: 5_000, maxBytes: 65_536 })
    return answer.ok ? [answer.status, JSON.parse(answer.body.toString()).code] : answer
  }
  expect(await post(stage.api, '/v1/open', [read.wish])).toEqual([403, 'role_not_allowed'])
  expect(await post(stage.api, '/v1/mint', [{ ...stage.wish(), purpose: 'record' }])).toEqual([403, 'role_not_allowed'])
  expect(await post(vault, '/v1/mint', [stage.wish()])).toEqual([403, 'role_not_allowed'])
})

test('the status names the keys that signers are asked to use', async () => {
  expect((await stage.status()).groups).toEqual(['token', 'record', 'vault'].map((purpose) => ({ purpose, epoch: 1, threshold: 2 })))
})
