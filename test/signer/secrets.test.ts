import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { assemble } from '@symbolon/core/aggregate.ts'
import { loadGroup } from '@symbolon/core/keys.ts'
import { heapMemory } from '@symbolon/core/secret.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import { secretKeys, type SecretKeys } from '@symbolon/envelope/keys.ts'
import { openSecrets } from '@symbolon/envelope/open.ts'
import { openRequestKey, type ReplyKey } from '@symbolon/envelope/reply.ts'
import type { Row } from '@symbolon/envelope/row.ts'
import { seal } from '@symbolon/envelope/seal.ts'
import { noStops } from '@symbolon/evidence/stops.ts'
import { digestOf, intentOf, keyEvidence } from '@symbolon/policy/judge.testkit.ts'
import { openJudge } from '@symbolon/policy/judge.ts'
import { bytesOf, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import { encodeIntent, type SecretIntent, type SecretReadIntent, type SecretWriteIntent } from '@symbolon/protocol/intent.ts'
import { labelOf, pathDigest, secretPath } from '@symbolon/protocol/label.ts'
import { knownReply, openReply, signerReceipts, type OpenAnswer, type OpenItem, type OpenReply } from '@symbolon/protocol/open.ts'
import { decodeRecord, recordDigest, type SignedRecord } from '@symbolon/protocol/record.ts'
import type { SignItem } from '@symbolon/protocol/sign.ts'
import { keysetOf, lineageOf } from '@symbolon/roster/keyset.ts'
import { askSigner, commitmentsOf, crashEntry, first, outcomes, reportOf, Stage, type Running } from './signer.testkit.ts'

/* Secrets through real signer processes: the test writes, keeps what the vault keeps, and reads with the library that clients read with. */

const scopes = ['read:logs', 'write:staging', 'deploy:canary', 'write:prod', 'secret:read', 'secret:list', 'secret:write', 'secret:delete', 'secret:destroy']
const wire = { timeoutMs: 20_000, maxBytes: 8 * 1024 * 1024 }
let stage: Stage
let witness: Running
let keys: SecretKeys
beforeAll(async () => {
  stage = await Stage.open({ roster: { rate: 100_000, scopes, vault: { hpke: { kty: 'EC', crv: 'P-256', x: filled(1), y: filled(2) }, audience: 'http://localhost:8080/facade' }, namespaces: [{ id: 'app', name: 'App', combine: 'caller' }] } })
  witness = await stage.start(stage.signer(2).config('signer-2'))
  const { roster } = stage.deployment.world
  const made = secretKeys({ keyset: keysetOf(roster), lineage: lineageOf(roster) })
  if (!made.ok) throw new Error(made.error.code)
  keys = made.value
})
afterAll(() => stage.close())

function filled(fill: number): Base64url {
  return toBase64url(new Uint8Array(32).fill(fill))
}
const post = async ({ channel }: Running, path: string, body: unknown) => {
  const answer = await channel.post(path, JSON.stringify(body), wire)
  if (!answer.ok) return undefined
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body.toString()}`)
  return JSON.parse(answer.body.toString()) as unknown
}
const common = () => {
  const { v, nonce, iat, exp, iss, lineage, sub, client } = { ...intentOf(stage.deployment.world), ...stage.intent() }
  return { v, nonce, iat, exp, iss, lineage, sub, client }
}
const carried = (intent: SecretIntent) => ({ attempt: toBase64url(crypto.getRandomValues(new Uint8Array(16))), epoch: 1, roster: 1, policy: stage.deployment.world.roster.policy, intent: toBase64url(encodeIntent(intent)), evidence: [keyEvidence(stage.deployment.world, intent)], approvals: [], asserted: {} })

interface Kept extends Row {
  readonly digest: Base64url
  readonly seq: number
  readonly version: number
}

/** A closed value and the intent to write it; what its record is, the test's own judge says. */
async function draft(path: string, value: string, on?: Kept) {
  const version = (on?.version ?? 0) + 1
  const closed = await seal({ value: { type: 'string', data: { value } }, label: labelOf(secretPath.parse(path), { combine: 'caller', version, type: 'string' }), keys })
  if (!closed.ok) throw new Error(closed.error.code)
  const intent: SecretWriteIntent = { ...common(), kind: 'secret.write', path: secretPath.parse(path), previous: on?.digest ?? null, seq: (on?.seq ?? 0) + 1, version, type: 'string', combine: 'caller', ciphertext: closed.value.digest, size: closed.value.size }
  const carrying = carried(intent)
  const records = on === undefined ? [] : [on.record]
  const judge = openJudge({ ...stage.deployment.world, stops: () => noStops, issuerKeys: () => new Map() })
  const judged = judge.judge({ intent: encodeIntent(intent), evidence: carrying.evidence, approvals: [], records, asserted: {} }, intent.iat)
  if (judged.verdict !== 'granted' || judged.grants !== 'record') throw new Error(JSON.stringify(judged))
  const { message, bytesHash } = judged
  const item = async (signers: readonly Running[]): Promise<SignItem> => ({ ...carrying, attempt: toBase64url(crypto.getRandomValues(new Uint8Array(16))), purpose: 'record', records, bytes_hash: bytesHash, commitments: await Promise.all(signers.map(async (signer, at) => ({ id: at + 1, ...first((await commitmentsOf(signer)).commitments) }))) })
  return { item, message, closed: closed.value }
}

/** Written by signers 1 and 2; receipted by nobody. */
async function write(signer: Running, path: string, value: string, on?: Kept): Promise<Kept> {
  const { item, message, closed } = await draft(path, value, on)
  const asked = await item([signer, witness])
  const replies = [await askSigner(signer, [asked]), await askSigner(witness, [asked])]
  const shares = replies.flatMap((reply, at) => (reply?.answers ?? []).flatMap((answer) => (answer.result === 'signed' ? [{ id: at + 1, r: bytesOf(answer.R), z: bytesOf(answer.share) }] : [])))
  const row = stage.deployment.world.roster.groups.find(({ purpose }) => purpose === 'record')
  const suite = sodiumSuite(heapMemory)
  const group = row === undefined ? undefined : loadGroup(suite, { threshold: row.t, key: bytesOf(row.key), shares: row.shares.map(({ id, share }) => ({ id, share: bytesOf(share) })) })
  const signature = group?.ok === true ? assemble(suite, { keys: group.value, message: utf8(message), replies: shares }) : undefined
  if (signature === undefined) throw new Error(replies.map(outcomes).join(' and '))
  const bytes = utf8(message.slice(message.indexOf('\0') + 1))
  const decoded = decodeRecord(bytes)
  if (!decoded.ok) throw new Error(decoded.reason)
  return { record: { record: toBase64url(bytes), signature: toBase64url(signature) }, head: closed.head, body: closed.body, digest: recordDigest(bytes), seq: decoded.value.seq, version: decoded.value.current }
}

interface Reading {
  readonly intent: SecretReadIntent
  readonly replyKey: ReplyKey
  readonly item: OpenItem
}
async function reading(kept: Kept, path: string): Promise<Reading> {
  const replyKey = await openRequestKey()
  const intent: SecretReadIntent = { ...common(), kind: 'secret.read', labels: [{ path: secretPath.parse(path), version: kept.version }], reply: replyKey.reply }
  return { intent, replyKey, item: { ...carried(intent), records: [kept.record], heads: [kept.head] } }
}
const openAt = async (signer: Running, item: OpenItem): Promise<OpenReply | undefined> => {
  const answered = await post(signer, '/v1/open', { v: 1, items: [item] })
  return answered === undefined ? undefined : openReply.parse(answered)
}
const said = (answer: OpenAnswer | undefined): string => (answer?.result === 'refused' ? answer.refusal.reasons.map(({ code }) => code).join(' ') : answer?.result === 'not_now' ? answer.code : (answer?.result ?? 'nothing'))
const read = async (signer: Running, kept: Kept, path: string) => said((await openAt(signer, (await reading(kept, path)).item))?.answers[0])
const receiptsOf = async (signer: Running, ...records: SignedRecord[]) => {
  const answered = await post(signer, '/v1/receipts', { v: 1, records })
  return answered === undefined ? undefined : signerReceipts.parse(answered).receipts.map((each) => each?.seq ?? null)
}

describe('a secret', () => {
  test('TST-43 I-7 is written, receipted and read through two processes; after a restart they remember, and an old record opens nothing', async () => {
    const path = 'app/payments/db'
    const config = stage.signer(1).config('signer-1')
    const signer = await stage.start(config)
    const old = await write(signer, path, 'hunter2')
    const kept = await write(signer, path, 'hunter3', old)
    for (const each of [signer, witness]) expect(await receiptsOf(each, old.record, kept.record)).toEqual([null, 2])
    const { intent, replyKey, item } = await reading(kept, path)
    const replies = [await openAt(signer, item), await openAt(witness, item)]
    const opened = replies.flatMap((reply, at) => (reply?.answers ?? []).flatMap((answer) => (answer.result === 'opened' ? [{ signer: at + 1, sealed: answer.sealed }] : [])))
    const request = { intent: toBase64url(digestOf(intent)), labels: intent.labels, replyKey, keys, now: intent.iat, rows: [kept], epoch: 1 }
    const secrets = await openSecrets({ ...request, opened })
    expect(secrets.ok ? secrets.value.map(({ value }) => value) : secrets.error).toEqual([{ type: 'string', data: { value: 'hunter3' } }])
    expect((await openSecrets({ ...request, opened: opened.slice(0, 1) })).ok).toBe(false)
    expect(await reportOf(signer)).toMatchObject({ records: { known: 1, promised: 0 }, problems: [] })
    expect((await signer.kill('SIGTERM')).code).toBe(0)

    const again = await stage.start(config)
    expect([await read(again, old, path), await read(again, kept, path)]).toEqual(['record_stale', 'opened'])
    expect(knownReply.parse(await post(again, '/v1/known', { v: 1, paths: [pathDigest(path), pathDigest('app/other')] })).records).toEqual([kept.record, null])
    const told = again.lines.filter(({ event }) => event === 'decision').map(({ result, secrets: about }) => [result, about])
    expect(told).toEqual([['refused', [{ path, version: 1, seq: 1 }]], ['opened', [{ path, version: 2, seq: 2 }]]])
    expect((await again.kill('SIGTERM')).code).toBe(0)
  })

  test('is asked for by coordinators alone', async () => {
    const signer = await stage.start(stage.signer(1).config('signer-1'))
    for (const peer of ['symbolon:vault/1', 'symbolon:api/1', 'symbolon:signer/2', 'symbolon:operator/1']) {
      const channel = stage.connect(signer.port, 1, peer)
      for (const path of ['/v1/open', '/v1/receipts', '/v1/known']) {
        const answer = await channel.post(path, '{}', wire)
        expect([peer, path, answer.ok ? answer.status : answer.reason]).toEqual([peer, path, 403])
      }
      channel.close()
    }
    expect((await signer.kill('SIGTERM')).code).toBe(0)
  })
})

describe('TST-14 a signer that is killed', () => {
  const doomed = (point: string) => stage.start(stage.signer(1).config('signer-1'), { entry: crashEntry, env: { CRASH_AT: point } })

  test.each([
    ['after judging, before the journal', 'judged', false],
    ['after the journal is on the disk', 'journaled', true],
    ['with the share made, before it is sent', 'signed', true],
  ] as const)('while it signs a record, %s: keeps its promise if it made one, and made none if not', async (_, point, promised) => {
    const path = `app/crash/${point}`
    const [mine, theirs] = [await draft(path, 'mine'), await draft(path, 'theirs')]
    const dying = await doomed(point)
    expect(await askSigner(dying, [await mine.item([dying, witness])])).toBeUndefined()
    expect((await dying.ended).signal).toBe('SIGKILL')
    const signer = await stage.start(stage.signer(1).config('signer-1'))
    expect(outcomes(await askSigner(signer, [await theirs.item([signer, witness])]))).toEqual([promised ? 'refused sequence_taken' : 'signed'])
    expect(outcomes(await askSigner(signer, [await mine.item([signer, witness])]))).toEqual([promised ? 'signed' : 'refused sequence_taken'])
    expect((await signer.kill('SIGTERM')).code).toBe(0)
  })

  test.each([
    ['after judging, before the journal', 'judged', false],
    ['with its part sealed, before it is sent', 'sealed', true],
  ] as const)('while it opens a secret, %s: the newer record that it was shown is remembered before anything leaves', async (_, point, remembered) => {
    const path = `app/crash/${point}-read`
    const writer = await stage.start(stage.signer(1).config('signer-1'))
    const old = await write(writer, path, 'old')
    const kept = await write(writer, path, 'new', old)
    expect((await writer.kill('SIGTERM')).code).toBe(0)
    const dying = await doomed(point)
    expect(await openAt(dying, (await reading(kept, path)).item)).toBeUndefined()
    expect((await dying.ended).signal).toBe('SIGKILL')
    const signer = await stage.start(stage.signer(1).config('signer-1'))
    // It has seen the old one when it signed what follows it.
    expect([await read(signer, old, path), await read(signer, kept, path)]).toEqual([remembered ? 'record_stale' : 'opened', 'opened'])
    expect((await signer.kill('SIGTERM')).code).toBe(0)
  })

  test('before it sends a receipt: knows the record', async () => {
    const path = 'app/crash/receipt'
    const writer = await stage.start(stage.signer(1).config('signer-1'))
    const kept = await write(writer, path, 'value')
    expect((await writer.kill('SIGTERM')).code).toBe(0)
    const dying = await doomed('receipted')
    expect(await receiptsOf(dying, kept.record)).toBeUndefined()
    expect((await dying.ended).signal).toBe('SIGKILL')
    const signer = await stage.start(stage.signer(1).config('signer-1'))
    expect(knownReply.parse(await post(signer, '/v1/known', { v: 1, paths: [pathDigest(path)] })).records).toEqual([kept.record])
    expect(await receiptsOf(signer, kept.record)).toEqual([1])
    expect((await signer.kill('SIGTERM')).code).toBe(0)
  })
})
