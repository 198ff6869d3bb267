import { describe, expect, test } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { ciphertextDigest } from '@symbolon/protocol/ciphertext.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { openedInfo, type WirePartial } from '@symbolon/protocol/open.ts'
import { answerOf, codeOf, digestOf, got, sealTo, strings, testSecrets, write, type TestDeployment, type Written } from './envelope.testkit.ts'
import { blameOfOpen } from './errors.ts'
import { openSecrets, type OpenRequest } from './open.ts'
import { openRequestKey, type ReplyKey } from './reply.ts'

const now = 1_800_000_000
const intent = digestOf('an intent')
const deployment = testSecrets()
const replyKey = await openRequestKey()
const value = strings({ password: 'correct horse' })
const secret = await write(deployment, 'app/payments/prod/db', value)
const asked = (key: ReplyKey = replyKey) => ({ intent, reply: key.reply })

interface Change {
  readonly rows?: readonly Written[]
  readonly signers?: readonly number[]
  readonly of?: TestDeployment
}
async function request(change: Change = {}, over: Partial<OpenRequest> = {}): Promise<OpenRequest> {
  const { rows = [secret], signers = [1, 2], of = deployment } = change
  const opened = await Promise.all(signers.map((id) => answerOf(of, id, rows.map(({ head }) => head), asked())))
  return { intent, labels: rows.map(({ plain }) => ({ path: plain.path, version: 'latest' as const })), replyKey, keys: of.keys, now, rows, epoch: of.keys.newest.epoch, opened, ...over }
}
const outcome = async (change: Change = {}, over: Partial<OpenRequest> = {}) => codeOf(await openSecrets(await request(change, over)))

describe('a reader', () => {
  test('opens what was written, with any t signers', async () => {
    for (const signers of [[1, 2], [3, 1], [2, 3]]) {
      const [one] = got(await openSecrets(await request({ signers })))
      expect(one).toMatchObject({ path: 'app/payments/prod/db', value, version: { version: 1, combine: 'caller' }, group: deployment.keys.newest.kid })
    }
  })

  test('opens sixteen at once, each as itself', async () => {
    const rows = await Promise.all(Array.from({ length: 16 }, (_, at) => write(deployment, `app/batch/s${at}`, strings({ n: String(at) }))))
    const opened = got(await openSecrets(await request({ rows })))
    expect(opened.map((one) => one.value)).toEqual(rows.map((_, at) => strings({ n: String(at) })))
  })

  test('opens a version of an older epoch', async () => {
    const rotated = testSecrets({ epochs: 2 })
    const old = await write(rotated, 'app/old', value, { epoch: 1 })
    const [one] = got(await openSecrets(await request({ rows: [old], of: rotated }, { epoch: 1 })))
    expect(one?.group).not.toBe(rotated.keys.newest.kid)
    expect(await outcome({ rows: [old], of: rotated }, { epoch: 2 })).toBe('answer_differs')
  })

  test('goes on without a signer that lies, while t others are left', async () => {
    const good = await request({ signers: [2, 3] })
    const liar = await answerOf(deployment, 1, [secret.head], asked(), ([one]) => [{ ...one, point: toBase64url(deployment.keys.newest.keys.group.key) }])
    expect(codeOf(await openSecrets({ ...good, opened: [liar, ...good.opened] }))).toBe('ok')
  })
})

describe('TST-41 partials', () => {
  const altered = (alter: (partials: WirePartial[]) => unknown) => answerOf(deployment, 2, [secret.head], asked(), alter)
  const withSecond = async (second: Awaited<ReturnType<typeof altered>>) => {
    const base = await request({ signers: [1] })
    return openSecrets({ ...base, opened: [...base.opened, second] })
  }
  const someElement = toBase64url(deployment.keys.newest.keys.group.key)

  test.each<[string, (partials: WirePartial[]) => unknown]>([
    ['another point', ([one]) => [{ ...one, point: someElement }]],
    ['no element', ([one]) => [{ ...one, point: toBase64url(new Uint8Array(32)) }]],
    ['no canonical proof', ([one]) => [{ ...one, point: someElement, e: toBase64url(new Uint8Array(32).fill(255)) }]],
  ])('a false one is named: %s', async (_name, alter) => {
    const result = await withSecond(await altered(alter))
    expect(result).toEqual({ ok: false, error: { code: 'partials_invalid', path: 'app/payments/prod/db', culprits: [2], unreadable: [] } })
    expect(result.ok ? undefined : blameOfOpen(result.error)).toEqual({ who: 'signers', culprits: [2] })
  })

  test.each<[string, (partials: WirePartial[]) => unknown]>([
    ['proof stripped', ([one]) => [{ point: one?.point }]],
    ['none', () => []],
    ['one too many', ([one]) => [one, one]],
    ['not canonical', () => 'x'],
  ])('an answer that is no list of partials counts for nothing: %s', async (_name, alter) => {
    const result = await withSecond(await altered(alter))
    expect(result).toEqual({ ok: false, error: { code: 'partials_missing', got: 1, wanted: 2, unreadable: [2] } })
  })

  test('another signer’s partial under its own name is false', async () => {
    const theirs = await answerOf(deployment, 1, [secret.head], asked(), (partials) => partials)
    let first: WirePartial[] = []
    await answerOf(deployment, 1, [secret.head], asked(), (partials) => (first = partials))
    expect(theirs.signer).toBe(1)
    const result = await withSecond(await altered(() => first))
    expect(result.ok ? undefined : result.error).toMatchObject({ code: 'partials_invalid', culprits: [2] })
  })

  test('of another ciphertext, swapped within a batch, is false', async () => {
    const other = await write(deployment, 'app/payments/prod/other', value)
    const rows = [secret, other]
    const base = await request({ rows, signers: [1] })
    const swapped = await answerOf(deployment, 2, rows.map(({ head }) => head), asked(), (partials) => partials.toReversed())
    const result = await openSecrets({ ...base, opened: [...base.opened, swapped] })
    expect(result.ok ? undefined : result.error).toMatchObject({ code: 'partials_invalid', culprits: [2] })
  })

  test('SEC-03 t copies of one signer’s answer are one answer', async () => {
    const { opened, ...base } = await request({ signers: [1] })
    expect(codeOf(await openSecrets({ ...base, opened: [...opened, ...opened] }))).toBe('partials_missing')
    const another = await answerOf(deployment, 1, [secret.head], asked())
    expect(codeOf(await openSecrets({ ...base, opened: [...opened, another] }))).toBe('partials_missing')
  })

  test('t − 1 open nothing', async () => expect(await outcome({ signers: [3] })).toBe('partials_missing'))

  test('one signer’s answer under another’s number does not unseal', async () => {
    const { opened, ...base } = await request({ signers: [1, 2] })
    expect(codeOf(await openSecrets({ ...base, opened: opened.map((one) => ({ ...one, signer: one.signer + 1 })) }))).toBe('partials_missing')
    expect(codeOf(await openSecrets({ ...base, opened: opened.map((one) => ({ ...one, signer: one.signer + 100 })) }))).toBe('partials_missing')
  })

  test('TST-43 what was sealed for another intent, another key or other ciphertexts does not unseal', async () => {
    expect(await outcome({}, { intent: digestOf('another') })).toBe('partials_missing')
    expect(await outcome({}, { replyKey: await openRequestKey() })).toBe('partials_missing')
    const other = await write(deployment, 'app/payments/prod/other', value)
    const { opened } = await request({ rows: [other] })
    expect(await outcome({}, { opened })).toBe('partials_missing')
  })

  test('garbage for `enc` is unreadable, not a crash', async () => {
    const { opened } = await request()
    for (const enc of [toBase64url(new Uint8Array(65)), toBase64url(new Uint8Array(65).fill(4)), toBase64url(new Uint8Array(3))]) {
      expect(await outcome({}, { opened: opened.map(({ signer, sealed }) => ({ signer, sealed: { ...sealed, enc } })) })).toBe('partials_missing')
    }
    expect(await outcome({}, { opened: opened.map(({ signer, sealed }) => ({ signer, sealed: { ...sealed, ct: toBase64url(new Uint8Array(4)) } })) })).toBe('partials_missing')
  })

  test('a stale epoch’s info does not unseal', async () => {
    const info = openedInfo({ intent, group: secret.head.group, epoch: 2, signer: 1, ciphertexts: [secret.sealed.digest] })
    const { opened } = await request({ signers: [2] })
    expect(await outcome({}, { opened: [...opened, { signer: 1, sealed: await sealTo(replyKey.reply, info, new Uint8Array(10)) }] })).toBe('partials_missing')
  })
})

describe('I-7 a hostile vault', () => {
  const withRow = async (row: Partial<Written>) => openSecrets(await request({}, { rows: [{ ...secret, ...row }] }))

  test('serves another secret', async () => {
    const other = await write(deployment, 'app/payments/prod/other', value)
    expect(await outcome({ rows: [other] }, { labels: [{ path: secret.plain.path, version: 'latest' }] })).toBe('record_foreign')
    expect(codeOf(await withRow({ record: other.record }))).toBe('record_foreign')
    expect(codeOf(await withRow({ head: other.head, body: other.body }))).toBe('ciphertext_differs')
    expect(codeOf(await withRow({ body: other.body }))).toBe('body_differs')
  })

  test.each(['app/staging/prod/db', 'app/payments/staging/db', 'app/payments/prod/db/x', 'secret/payments/prod/db', 'app/db'])('serves the same name of another project, scope or namespace: %s', async (elsewhere) => {
    const other = await write(deployment, elsewhere, value)
    expect(await outcome({ rows: [other] }, { labels: [{ path: secret.plain.path, version: 1 }] })).toBe('record_foreign')
  })

  test('serves a record that nobody signed, or another deployment’s quorum did', async () => {
    const foreign = testSecrets({ name: 'staging' })
    const theirs = await write(foreign, 'app/payments/prod/db', value)
    expect(codeOf(await withRow({ record: theirs.record }))).toBe('record_unsigned')
    expect(codeOf(await withRow({ record: foreign.sign({ ...secret.plain }) }))).toBe('record_unsigned')
    expect(codeOf(await withRow({ record: deployment.sign({ ...secret.plain, lineage: foreign.lineage }) }))).toBe('record_unsigned')
    const { record, signature } = secret.record
    expect(codeOf(await withRow({ record: { record: deployment.sign({ ...secret.plain, by: 'bob' }).record, signature } }))).toBe('record_unsigned')
    expect(codeOf(await withRow({ record: { record, signature: toBase64url(new Uint8Array(64)) } }))).toBe('record_unsigned')
  })

  test('serves an older version as the newest, or another number than was asked for', async () => {
    const second = await write(deployment, 'app/payments/prod/db', strings({ password: 'new' }), { version: 2 })
    const [mine] = secret.plain.versions
    const both = deployment.sign({ ...second.plain, seq: 2, versions: [...(mine === undefined ? [] : [mine]), ...second.plain.versions] })
    // The record is the newest, the ciphertext the one before.
    expect(codeOf(await withRow({ record: both }))).toBe('ciphertext_differs')
    expect(await outcome({ rows: [{ ...secret, record: both }] }, { labels: [{ path: secret.plain.path, version: 2 }] })).toBe('ciphertext_differs')
    expect(await outcome({ rows: [{ ...secret, record: both }] }, { labels: [{ path: secret.plain.path, version: 1 }] })).toBe('ok')
    expect(await outcome({}, { labels: [{ path: secret.plain.path, version: 2 }] })).toBe('version_unreadable')
  })

  test.each(['deleted', 'destroyed'] as const)('serves a version that is %s', async (state) => {
    const [mine] = secret.plain.versions
    const record = deployment.sign({ ...secret.plain, versions: mine === undefined ? [] : [{ ...mine, state }] })
    expect(codeOf(await withRow({ record }))).toBe('version_unreadable')
  })

  test('serves a version that has had its time', async () => {
    const [mine] = secret.plain.versions
    const record = deployment.sign({ ...secret.plain, versions: mine === undefined ? [] : [{ ...mine, until: now }] })
    expect(codeOf(await withRow({ record }))).toBe('version_unreadable')
  })

  test('leaves a row out, or adds one', async () => {
    expect(await outcome({}, { rows: [] })).toBe('answer_differs')
    expect(await outcome({}, { rows: [secret, secret] })).toBe('answer_differs')
    expect(await outcome({}, { rows: [], labels: [] })).toBe('answer_differs')
  })
})

describe('a writer that lied to the quorum', () => {
  /** The record names this head, whatever it is. */
  const served = async (change: Partial<Written['head']>, body = secret.body) => {
    const head = { ...secret.head, ...change }
    const [mine] = secret.plain.versions
    const record = deployment.sign({ ...secret.plain, versions: mine === undefined ? [] : [{ ...mine, ciphertext: ciphertextDigest(head), size: head.size }] })
    const opened = await Promise.all([1, 2].map(async (id) => ({ signer: id, sealed: await sealPartials(id, head) })))
    return openSecrets(await request({}, { rows: [{ ...secret, record, head, body }], opened }))
  }
  const sealPartials = async (id: number, head: Written['head']) => {
    let partials: WirePartial[] = []
    await answerOf(deployment, id, [secret.head], asked(), (made) => (partials = made))
    return sealTo(replyKey.reply, openedInfo({ intent, group: head.group, epoch: head.epoch, signer: id, ciphertexts: [ciphertextDigest(head)] }), canonical({ v: 1, partials }))
  }

  test('the head is of another label', async () => {
    expect(codeOf(await served({ label: { ...secret.head.label, version: 2 } }))).toBe('label_differs')
    expect(codeOf(await served({ label: { ...secret.head.label, combine: 'vault' } }))).toBe('label_differs')
    expect(codeOf(await served({ label: { ...secret.head.label, project: 'other' } }))).toBe('label_differs')
    expect(codeOf(await served({ label: { ...secret.head.label, type: 'file' } }))).toBe('label_differs')
  })
  test('the head is closed to another group', async () => expect(codeOf(await served({ group: digestOf('another key') }))).toBe('group_unknown'))
  test('the head’s epoch is not that group’s', async () => expect(codeOf(await served({ epoch: 7 }))).toBe('group_unknown'))
  test('TST-40 the proof is of another label', async () => {
    const other = await write(deployment, 'app/payments/prod/other', value)
    const { u, u_bar, e, f, wrapped } = other.head
    expect(codeOf(await served({ u, u_bar, e, f, wrapped }))).toBe('ciphertext_unproven')
  })
  test('the key is not the one that the head names', async () => expect(codeOf(await served({ key_hash: digestOf('another') }))).toBe('data_key_differs'))
  test('the body was closed under another iv', async () => expect(codeOf(await served({ iv: toBase64url(new Uint8Array(12)) }))).toBe('body_unauthentic'))
  test('all true is opened', async () => expect(codeOf(await served({}))).toBe('ok'))
})
