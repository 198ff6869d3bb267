import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { canonical } from '@symbolon/protocol/json.ts'
import { signedKeyset, keysetBytes } from '@symbolon/roster/keyset.ts'
import { verifyP256 } from '@symbolon/protocol/p256.ts'
import { fromBase64url } from '@symbolon/protocol/bytes.ts'
import { Stage, askSigner, commitmentsOf, first, outcomes, reportOf, type Running } from './signer.testkit.ts'

let stage: Stage
let signer: Running
beforeAll(async () => {
  stage = await Stage.open()
  signer = await stage.start(stage.signer(1).config('signer-1'))
})
afterAll(() => stage.close())

const wire = { timeoutMs: 20_000, maxBytes: 1024 * 1024 }
const statusOf = async (path: string, body: Uint8Array | string | undefined, channel = signer.channel): Promise<number | string> => {
  const answer = body === undefined ? await channel.get(path, wire) : await channel.post(path, body, wire)
  return answer.ok ? answer.status : answer.reason
}
const stillSigns = async () => {
  const [one, two] = (await commitmentsOf(signer, 2)).commitments
  if (one === undefined || two === undefined) throw new Error('no commitments')
  return outcomes(await askSigner(signer, [stage.item(stage.intent(), [{ id: 1, commitment: one }, { id: 2, commitment: two }])]))
}

describe('D-5 a signer that gets nonsense keeps serving', () => {
  test.each([
    ['nothing', ''],
    ['no JSON', 'hello'],
    ['random bytes', new Uint8Array(randomBytes(1_000))],
    ['no UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['deep nesting', `${'['.repeat(50_000)}${']'.repeat(50_000)}`],
    ['a deep item', `{"v":1,"items":[${'{"a":'.repeat(20)}1${'}'.repeat(20)}]}`],
    ['duplicate members', '{"v":1,"v":1,"items":[{}]}'],
    ['a prototype', '{"v":1,"items":[{}],"__proto__":{}}'],
    ['no items', '{"v":1,"items":[]}'],
    ['65 items', JSON.stringify({ v: 1, items: Array.from({ length: 65 }, () => ({})) })],
    ['another version', '{"v":2,"items":[{}]}'],
    ['an unknown member', '{"v":1,"items":[{}],"claims":{}}'],
    ['a number that is none', '{"v":1,"items":[NaN]}'],
    ['a truncated request', '{"v":1,"items":[{"attempt":"AAAA'],
  ])('D-1 %s is 400 on both routes', async (_, body) => {
    expect([await statusOf('/v1/sign', body), await statusOf('/v1/commitments', body)]).toEqual([400, expect.toSatisfy((status) => status === 400 || status === 413)])
    expect(await stillSigns()).toEqual(['signed'])
  })

  test.each([['null', null], ['a number', 7], ['a text', 'item'], ['a list', []], ['nothing in it', {}], ['too many members', Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`m${at}`, at]))]])('an item that is %s is answered alone', async (_, item) => {
    const [one, two] = (await commitmentsOf(signer, 2)).commitments
    if (one === undefined || two === undefined) throw new Error('no commitments')
    const good = stage.item(stage.intent(), [{ id: 1, commitment: one }, { id: 2, commitment: two }])
    expect(outcomes(await askSigner(signer, [item, good, item]))).toEqual(['item_malformed', 'signed', 'item_malformed'])
  })

  test('a body over the limit is 413', async () => {
    expect(await statusOf('/v1/sign', 'x'.repeat(5 * 1024 * 1024))).toBe(413)
    expect(await statusOf('/v1/commitments', ' '.repeat(300))).toBe(413)
    expect(await stillSigns()).toEqual(['signed'])
  })

  test.each([0, -1, 513, 1.5, '5', null])('TST-38 %s commitments are not given', async (count) => {
    expect(await statusOf('/v1/commitments', canonical({ v: 1, count }))).toBe(400)
  })

  test('TST-38 many requests for commitments do not make it grow: the oldest go', async () => {
    const kept = first((await commitmentsOf(signer)).commitments)
    for (let asked = 0; asked < 40; asked += 1) await commitmentsOf(signer, 512)
    const fresh = first((await commitmentsOf(signer)).commitments)
    const item = stage.item(stage.intent(), [{ id: 1, commitment: kept }, { id: 2, commitment: fresh }])
    expect(outcomes(await askSigner(signer, [item]))).toEqual(['commitment_unknown'])
    expect(await stillSigns()).toEqual(['signed'])
  })
})

describe('U-6 who may call what', () => {
  test.each(['symbolon:api/1', 'symbolon:signer/2', 'symbolon:keygen/1'])('%s may call nothing', async (peer) => {
    const channel = stage.connect(signer.port, 1, peer)
    const item = stage.item(stage.intent(), [])
    expect([
      await statusOf('/v1/sign', JSON.stringify({ v: 1, items: [item] }), channel),
      await statusOf('/v1/commitments', '{"v":1,"count":1}', channel),
      await statusOf('/v1/status', undefined, channel),
      await statusOf('/v1/keyset', undefined, channel),
    ]).toEqual([403, 403, 403, 403])
    channel.close()
  })

  test('another coordinator may ask, but not spend what was promised to the first', async () => {
    const second = await stage.connect(signer.port, 1, 'symbolon:coordinator/2').post('/v1/commitments', '{"v":1,"count":1}', wire)
    expect(second.ok && second.status).toBe(200)
    const promised = first((await commitmentsOf(signer)).commitments)
    const item = stage.item(stage.intent(), [{ id: 1, commitment: promised }, { id: 2, commitment: promised }])
    const thief = stage.connect(signer.port, 1, 'symbolon:coordinator/2')
    expect(outcomes(await askSigner({ ...signer, channel: thief }, [item]))).toEqual(['commitment_unknown'])
    expect(outcomes(await askSigner(signer, [item]))).toEqual(['signed'])
    thief.close()
  })
})

test('GET /v1/keyset is this signer’s own fresh signature under the roster’s keyset', async () => {
  const answer = await signer.channel.get('/v1/keyset', wire)
  const { keyset, signatures } = signedKeyset.parse(JSON.parse(answer.ok ? answer.body.toString() : '{}'))
  const signature = first(signatures)
  expect([signatures.length, signature.signer]).toEqual([1, 1])
  expect(Math.abs(signature.iat - Date.now() / 1000)).toBeLessThan(65)
  expect(verifyP256(first(stage.deployment.world.roster.signers).identity, keysetBytes(keyset, signature.iat), fromBase64url(signature.signature) ?? new Uint8Array())).toBe(true)
})

test('GET /v1/status says what it holds and that it is well', async () => {
  const report = await reportOf(signer)
  expect(report).toMatchObject({ epoch: 1, roster: 1, policy: stage.deployment.world.roster.policy, problems: [] })
})

describe('a configuration that is wrong', () => {
  test('stops it before it listens, with every problem at once', async () => {
    const config = stage.signer(2).config('signer-2-wrong', { signer: 0, listen: { host: '', port: 70_000 }, judges: 0, surprise: true, state: 'relative', keystore: { backend: 'file', folder: '/x', passphrase_file: '/nowhere/passphrase' } })
    const { code, stderr } = await stage.run(config).ended
    expect(code).toBe(78)
    for (const pointer of ['/signer', '/listen/host', '/listen/port', '/judges', '/surprise', '/state', '/keystore/passphrase_file']) expect(stderr).toContain(`${pointer} `)
  })

  test.each([
    ['a certificate of another signer', (of: Stage) => ({ tls: { key: join(of.signer(1).state, 'tls/key.pem'), certificate: join(of.signer(1).state, 'tls/certificate.pem'), ca: join(of.signer(1).state, 'tls/ca.pem') } }), 'tls_other_identity'],
    ['the keystore of another signer', (of: Stage) => ({ keystore: { backend: 'file', folder: of.signer(3).keystore, passphrase_file: join(of.signer(3).state, 'passphrase') } }), 'keystore_other_signer'],
    ['no folder', (of: Stage) => ({ state: join(of.folder, 'nowhere') }), 'state_missing'],
  ])('refuses to start with %s', async (_, over, code) => {
    const ended = await stage.run(stage.signer(2).config('signer-2-refused', over(stage))).ended
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain(`: ${code}: `)
  })

  test('refuses to start where memory cannot be locked, and says what to raise', async () => {
    // Root may lock as much as it likes, unless it has lost that capability.
    const asOthers = process.geteuid?.() === 0 ? ['setpriv', '--bounding-set=-ipc_lock', '--inh-caps=-ipc_lock', '--'] : []
    const ended = await stage.run(stage.signer(2).config('signer-2-refused'), { under: [...asOthers, 'prlimit', '--memlock=65536:65536', '--'] }).ended
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/memory_not_locked: .*ulimit -l/)
  })

  test('refuses to start with a wrong passphrase, and does not quote it', async () => {
    const wrong = join(stage.folder, 'wrong-passphrase')
    writeFileSync(wrong, 'not-the-passphrase', { mode: 0o600 })
    const ended = await stage.run(stage.signer(2).config('signer-2-refused', { keystore: { backend: 'file', folder: stage.signer(2).keystore, passphrase_file: wrong } })).ended
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('passphrase_wrong')
    expect(ended.stderr).not.toContain('not-the-passphrase')
  })
})

test('TST-54 L-1 its log shows no secret: no proof, no share, no nonce', async () => {
  const [one, two] = (await commitmentsOf(signer, 2)).commitments
  if (one === undefined || two === undefined) throw new Error('no commitments')
  const item = stage.item(stage.intent(), [{ id: 1, commitment: one }, { id: 2, commitment: two }])
  const reply = await askSigner(signer, [item])
  const answer = first(reply?.answers ?? [])
  const evidence = first(item.evidence)
  expect(answer.result).toBe('signed')
  await expect.poll(() => JSON.stringify(signer.lines)).toContain(item.attempt)
  const log = JSON.stringify(signer.lines)
  for (const secret of [answer.result === 'signed' ? answer.share : '', evidence.kind === 'key' ? evidence.proof : '', 'a passphrase of the tests']) expect(log.includes(secret)).toBe(false)
})

test('an operator sees that it is ready and how it fares, and can ask it for nothing', async () => {
  const operator = stage.connect(signer.port, 1, 'symbolon:operator/dev')
  expect([await statusOf('/readyz', undefined, operator), await statusOf('/metrics', undefined, operator), await statusOf('/v1/commitments', '{"v":1,"count":1}', operator), await statusOf('/v1/status', undefined, operator)]).toEqual([200, 200, 403, 403])
  const metrics = await operator.get('/metrics', wire)
  expect(metrics.ok && metrics.body.toString()).toContain('signer_answers_total{result="signed",code="none"')
  operator.close()
})
