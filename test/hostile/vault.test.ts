import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openRequestKey } from '@symbolon/envelope/reply.ts'
import { bytesOf, toBase64url } from '@symbolon/protocol/bytes.ts'
import type { CiphertextHead } from '@symbolon/protocol/ciphertext.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import type { TokenIntent } from '@symbolon/protocol/intent.ts'
import type { OpenItem } from '@symbolon/protocol/open.ts'
import { pointOfJwk } from '@symbolon/protocol/p256.ts'
import type { SignedRecord } from '@symbolon/protocol/record.ts'
import { proofOfKey } from './scene.ts'
import { VaultScene, type Kept } from './vault-scene.ts'

/*
 * The claim about reading, attacked: a vault and a coordinator that show honest signers whatever they like, with what an honest reader asked.
 * Each attempt is made on each honest signer, and each is refused there by the code that says why. The same request without the lie is opened.
 */

let scene: VaultScene
/** The reader's, and what is not its own. */
let mine: Kept
let second: Kept
let foreign: Kept
let combined: Kept
let victims: number
beforeAll(async () => {
  scene = await VaultScene.open()
  victims = scene.attacker.victims.length
  mine = await scene.write('app/mine/db', 'mine')
  second = await scene.write('app/mine/two', 'second')
  foreign = await scene.write('app/theirs/db', 'theirs')
  combined = await scene.write('secret/mine/db', 'combined')
})
afterAll(() => scene?.close())

const all = (code: string) => Array.from({ length: victims }, () => code)
const latest = 'latest' as const

test('the control: the honest reader reads one secret and many, and no more than its own', async () => {
  const labels = [['app/mine/db', latest], ['app/mine/two', 1], ['secret/mine/db', latest]] as const
  expect(await scene.read(await scene.reading(labels), [mine, second, combined])).toEqual(['mine', 'second', 'combined'])
  const theirs = await scene.reading([['app/theirs/db', latest]])
  expect(await scene.opens(theirs, [foreign])).toEqual(all('secret_not_found'))
  expect(await scene.read(await scene.reading([['app/theirs/db', latest]], scene.writer), [foreign])).toEqual(['theirs'])
})

test('SEC-05 t−1 signers give nothing: one honest part is not enough, and the attacker’s own seal is nobody’s', async () => {
  const reading = await scene.reading([['app/mine/db', latest]])
  expect(await scene.read(reading, [mine], [2])).toBe('partials_missing')
})

describe('Z-1 I-7 whatever is swapped beneath an honest reader’s intent', () => {
  const lies: readonly (readonly [string, (read: { mine: Kept; foreign: Kept; second: Kept; combined: Kept }) => readonly Pick<Kept, 'signed' | 'head'>[], string])[] = [
    ['another project’s record and ciphertext', ({ foreign: other }) => [other], 'record_invalid'],
    ['another project’s record', ({ mine: own, foreign: other }) => [{ signed: other.signed, head: own.head }], 'record_invalid'],
    ['another project’s ciphertext', ({ mine: own, foreign: other }) => [{ signed: own.signed, head: other.head }], 'ciphertext_invalid'],
    ['another secret of the reader’s', ({ second: other }) => [other], 'record_invalid'],
    ['the same name in another namespace', ({ combined: other }) => [other], 'record_invalid'],
    ['a ciphertext of another namespace', ({ mine: own, combined: other }) => [{ signed: own.signed, head: other.head }], 'ciphertext_invalid'],
    ['another’s ciphertext under the reader’s label', ({ mine: own, foreign: other }) => [{ signed: own.signed, head: { ...other.head, label: own.head.label } }], 'ciphertext_invalid'],
    ['the wrapped key of another’s', ({ mine: own, foreign: other }) => [{ signed: own.signed, head: { ...own.head, u: other.head.u, wrapped: other.head.wrapped } }], 'ciphertext_invalid'],
    ['a proof of another’s', ({ mine: own, foreign: other }) => [{ signed: own.signed, head: { ...own.head, e: other.head.e, f: other.head.f } }], 'ciphertext_invalid'],
    ['another version in the label', ({ mine: own }) => [{ signed: own.signed, head: { ...own.head, label: { ...own.head.label, version: 2 } } }], 'ciphertext_invalid'],
    ['the combine mode in the label', ({ mine: own }) => [{ signed: own.signed, head: { ...own.head, label: { ...own.head.label, combine: 'vault' } } }], 'ciphertext_invalid'],
    ['another epoch of the key', ({ mine: own }) => [{ signed: own.signed, head: { ...own.head, epoch: 2 } }], 'ciphertext_invalid'],
    ['another group', ({ mine: own }) => [{ signed: own.signed, head: { ...own.head, group: own.digest } }], 'ciphertext_invalid'],
  ]
  test.each(lies)('%s: refused', async (_, lie, code) => {
    const reading = await scene.reading([['app/mine/db', latest]])
    expect(await scene.opens(reading, lie({ mine, foreign, second, combined }))).toEqual(all(code))
    expect(await scene.opens(reading, [mine])).toEqual(all('opened'))
  })

  test('a record that no quorum signed: altered, signed as a token, or of another deployment', async () => {
    const text = Buffer.from(bytesOf(mine.signed.record)).toString()
    const record = (to: string): SignedRecord => ({ ...mine.signed, record: toBase64url(Buffer.from(to)) })
    const flipped = (signature: string): SignedRecord['signature'] => toBase64url(bytesOf(signature as SignedRecord['signature']).map((byte, at) => (at === 3 ? byte ^ 1 : byte)))
    for (const signed of [
      record(text.replace('"seq":1', '"seq":9')),
      record(text.replace('"path":"app/mine/db"', '"path":"app/mine/dc"')),
      record(text.replace(/"lineage":"[^"]{43}"/, `"lineage":"${toBase64url(randomBytes(32))}"`)),
      record(`${text} `),
      { ...mine.signed, signature: flipped(mine.signed.signature) },
      { ...mine.signed, signature: second.signed.signature },
    ]) expect(await scene.opens(await scene.reading([['app/mine/db', latest]]), [{ ...mine, signed }])).toEqual(all('record_invalid'))
  })

  test('one foreign label in a batch: none is opened', async () => {
    expect(await scene.opens(await scene.reading([['app/mine/db', latest], ['app/theirs/db', latest]]), [mine, foreign])).toEqual(all('secret_not_found'))
    const reading = await scene.reading([['app/mine/db', latest], ['app/mine/two', latest]])
    expect(await scene.opens(reading, [mine, foreign])).toEqual(all('record_invalid'))
    expect(await scene.opens(reading, [second, mine])).toEqual(all('record_invalid'))
    expect(await scene.opens(reading, [mine])).toEqual(all('secret_not_found'))
    expect(await scene.opens(reading, [mine, second], (item) => ({ ...item, heads: [mine.head] }))).toEqual(all('ciphertext_invalid'))
    expect(await scene.opens(reading, [mine, second])).toEqual(all('opened'))
  })
})

describe('whose evidence it is', () => {
  test('I-2 of another intent, another person, or none: refused', async () => {
    const [reading, other] = [await scene.reading([['app/mine/db', latest]]), await scene.reading([['app/mine/two', latest]])]
    const replaced = (evidence: readonly Evidence[]) => scene.opens({ ...reading, evidence }, [mine])
    expect(await replaced(other.evidence)).toEqual(all('proof_mismatch'))
    expect(await replaced(proofOfKey(reading.intent, { ...scene.writer }))).toEqual(all('subject_mismatch'))
    expect(await replaced(proofOfKey(reading.intent, { kid: scene.reader.kid, key: scene.writer.key }))).toEqual(all('proof_invalid'))
    expect(await replaced([...reading.evidence, ...reading.evidence])).toEqual(all('evidence_ambiguous'))
  })

  test('the attacker’s own reply key under an honest proof: refused; so the parts are sealed to the reader alone', async () => {
    const reading = await scene.reading([['app/mine/db', latest]])
    const stolen = { ...reading.intent, reply: (await openRequestKey()).reply }
    expect(await scene.opens({ ...reading, intent: stolen }, [mine])).toEqual(all('proof_mismatch'))
    expect(await scene.opens({ ...reading, intent: { ...reading.intent, labels: [{ path: second.record.path, version: latest }] } }, [second])).toEqual(all('proof_mismatch'))
  })

  test('a dry intent opens nothing, an expired one neither, nor one of another deployment', async () => {
    const at = Math.floor(Date.now() / 1000)
    const refused: readonly (readonly [Parameters<VaultScene['reading']>[2], string])[] = [
      [{ dry: true }, 'intent_dry'],
      [{ iat: at - 400, exp: at - 100 }, 'intent_expired'],
      [{ iat: at + 200, exp: at + 400 }, 'intent_not_yet_valid'],
      [{ lineage: toBase64url(randomBytes(32)) }, 'wrong_deployment'],
      [{ iss: 'https://elsewhere.example' }, 'wrong_deployment'],
    ]
    for (const [change, code] of refused) expect(await scene.opens(await scene.reading([['app/mine/db', latest]], scene.reader, change), [mine])).toEqual(all(code))
  })

  test('what asks for something else opens nothing; what asks to read is not signed', async () => {
    const token = { ...scene.common(scene.writer), kind: 'token', aud: scene.attacker.roster.default_audience, scope: ['read:logs'] } satisfies TokenIntent
    expect(await scene.opens({ intent: token, evidence: proofOfKey(token, scene.writer) }, [mine])).toEqual(all('item_malformed'))
    const list = { ...scene.common(scene.reader), kind: 'secret.list', prefix: 'app/mine' } as const
    expect(await scene.opens({ intent: list, evidence: proofOfKey(list, scene.reader) }, [mine])).toEqual(all('item_malformed'))
    const { intent, evidence } = await scene.reading([['app/mine/db', latest]])
    for (const victim of scene.attacker.victims) for (const purpose of ['record', 'token'] as const)
      expect((await scene.sign(victim, intent, { evidence, records: [mine.signed], message: 'symbolon/record/v1\0{}', change: (item) => ({ ...item, purpose }) })).code).toBe('item_malformed')
  })

  test('S0-3 for a roster, policy or epoch that is not in force: none says yes', async () => {
    const reading = await scene.reading([['app/mine/db', latest]])
    const off: readonly (readonly [Partial<OpenItem>, string])[] = [[{ epoch: 2 }, 'epoch_unknown'], [{ roster: 2 }, 'roster_behind'], [{ policy: mine.digest }, 'policy_behind']]
    for (const [over, code] of off) expect(await scene.opens(reading, [mine], (item) => ({ ...item, ...over }))).toEqual(all(code))
  })
})

describe('I-8 a façade token', () => {
  const facade = async (labels: readonly (readonly [string, number | 'latest'])[], reply?: ReturnType<typeof vaultKey>) => {
    const token = await scene.facadeToken(scene.reader)
    const reading = await scene.reading(labels, scene.reader, { reply: reply ?? vaultKey() })
    return { ...reading, evidence: [{ kind: 'facade', token }] satisfies Evidence[] }
  }
  const vaultKey = () => {
    const point = pointOfJwk(scene.attacker.roster.vault?.hpke ?? expect.unreachable())
    return toBase64url(point ?? expect.unreachable())
  }

  test('the control: it opens what the vault process combines, sealed to the vault', async () => {
    expect(await scene.opens(await facade([['secret/mine/db', latest]]), [combined])).toEqual(all('opened'))
  })
  test('opens nothing of a `caller` namespace, alone or beside its own, whatever record comes along', async () => {
    expect(await scene.opens(await facade([['app/mine/db', latest]]), [mine])).toEqual(all('facade_not_allowed'))
    expect(await scene.opens(await facade([['secret/mine/db', latest], ['app/mine/db', latest]]), [combined, mine])).toEqual(all('facade_not_allowed'))
    expect(await scene.opens(await facade([['secret/mine/db', latest]]), [mine])).toEqual(all('record_invalid'))
    expect(await scene.opens(await facade([['secret/mine/db', latest]]), [{ signed: combined.signed, head: mine.head }])).toEqual(all('ciphertext_invalid'))
  })
  test('opens to nobody but the vault’s key, and nothing that its owner may not read', async () => {
    expect(await scene.opens(await facade([['secret/mine/db', latest]], (await openRequestKey()).reply), [combined])).toEqual(all('facade_not_allowed'))
    const theirs = await scene.write('secret/theirs/db', 'theirs')
    expect(await scene.opens(await facade([['secret/theirs/db', latest]]), [theirs])).toEqual(all('secret_not_found'))
  })
  test('is no evidence elsewhere, nor another audience’s token here', async () => {
    const reading = await facade([['secret/mine/db', latest]])
    const other = await scene.facadeToken(scene.writer, ['read:logs'], { aud: scene.attacker.roster.default_audience })
    expect(await scene.opens({ ...reading, evidence: [{ kind: 'facade', token: other }] }, [combined])).toEqual(all('token_invalid'))
    const [{ token } = expect.unreachable()] = reading.evidence
    expect(await scene.opens({ ...reading, evidence: [{ kind: 'token', token, proof: 'e30.e30.AAAA' }] as unknown as Evidence[] }, [combined])).toEqual(all('token_invalid'))
  })
})

test('S0-5 what is no item, or too much of one, opens nothing and harms no neighbour', async () => {
  const reading = await scene.reading([['app/mine/db', latest]])
  const good = scene.openItem(reading, [mine])
  const head = good.heads[0] ?? expect.unreachable()
  const small = (name: keyof CiphertextHead, bytes: Uint8Array) => ({ ...good, heads: [{ ...head, [name]: toBase64url(bytes) }] })
  const identity = Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 1 : 0))
  const order = [identity, new Uint8Array(32), new Uint8Array(32).fill(0xff)]
  for (const victim of scene.attacker.victims) {
    const answers = await scene.openAt(victim, [null, { ...good, extra: 1 }, { ...good, records: Array.from({ length: 17 }, () => mine.signed) }, ...order.map((point) => small('u', point)), ...order.map((point) => small('u_bar', point)), good])
    expect(answers.map(({ result }) => result === 'opened')).toEqual([...Array.from({ length: 9 }, () => false), true])
  }
})
