import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { pathDigest } from '@symbolon/protocol/label.ts'
import { knownReply } from '@symbolon/protocol/open.ts'
import type { SignedRecord } from '@symbolon/protocol/record.ts'
import { coordinate, settle } from './coordinator.testkit.ts'
import { deploy, type Misbehaviour } from './fake-signer.testkit.ts'
import { newestKnown } from './known.ts'
import { finished, lineage, recordKey } from './record.testkit.ts'

/* The newest record of a secret, from signers of which some never saw it, and one may lie. */

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const key = recordKey()
const former = recordKey()
const path = pathDigest('app/db')

/** @param knows what each signer knows of app/db */
function open(...knows: (SignedRecord | undefined)[]) {
  const deployment = deploy(2, 3)
  const next = () => vi.advanceTimersToNextTimerAsync()
  const coordinator = coordinate(deployment, next)
  deployment.signers.forEach(({ vault }, at) => {
    const record = knows[at]
    if (record !== undefined) vault.knows.set(path, record)
  })
  const duplicate = vi.fn()
  const knowing = { recorders: coordinator.recorders, threshold: 2, deadlineMs: 2_000, lineage, keys: [former.jwk, key.jwk], duplicate }
  const ask = async (...paths: string[]) => {
    const found = await settle(newestKnown(knowing, paths), next)
    return found === undefined ? undefined : knownReply.parse(found).records
  }
  const misbehave = (how: Misbehaviour, ...ids: number[]) => {
    for (const signer of deployment.signers) if (ids.includes(signer.id)) signer.misbehaves = how
  }
  return { coordinator, duplicate, ask, misbehave }
}

test('T-4 the newest counts, whoever knows it', async () => {
  const [older, newer] = [finished(key, { seq: 3 }), finished(key, { seq: 12 })]
  for (const knows of [[older, newer, undefined], [newer, older, older], [undefined, undefined, newer]]) expect(await open(...knows).ask(path)).toEqual([newer])
})

test('nobody knows it: null; each path gets its own answer, in order', async () => {
  const record = finished(key)
  expect(await open(record, record, record).ask(pathDigest('app/none'), path)).toEqual([null, record])
})

test('a record that an earlier key of the deployment signed is one', async () => {
  const record = finished(former)
  expect(await open(record, record).ask(path)).toEqual([record])
})

const lies: readonly [string, SignedRecord][] = [
  ['under a key of its own', finished(recordKey(), { seq: 99 })],
  ['of another secret', finished(key, { path: 'app/mine', seq: 99 })],
  ['of another deployment', finished(key, { seq: 99, of: toBase64url(new Uint8Array(32).fill(7)) })],
  ['with another signature', { ...finished(key, { seq: 99 }), signature: finished(key).signature }],
  ['that is none', { record: toBase64url(Buffer.from('{}')), signature: finished(key).signature }],
]
test.each(lies)('T-4 one signer’s newer record %s hides nothing that the others know', async (_, lie) => {
  const record = finished(key, { seq: 5 })
  const { ask, duplicate } = open(lie, record, record)
  expect(await ask(path)).toEqual([record])
  expect(duplicate).not.toHaveBeenCalled()
})

test('two finished records with one number are told of: more signers are corrupt than may be', async () => {
  const [one, other] = [finished(key, { seq: 5 }), finished(key, { seq: 5, by: 'bob' })]
  const { ask, duplicate } = open(one, other, one)
  expect(await ask(path)).toEqual([one])
  expect(duplicate).toHaveBeenCalledWith('app/db', 5)
})

test('an old duplicate is nobody’s affair', async () => {
  const { ask, duplicate } = open(finished(key, { seq: 5 }), finished(key, { seq: 5, by: 'bob' }), finished(key, { seq: 6 }))
  expect(await ask(path)).toEqual([finished(key, { seq: 6 })])
  expect(duplicate).not.toHaveBeenCalled()
})

test.each(['down', 'silent', 'nonsense', 'too_few_answers'] as const)('one signer that is %s is done without; two are too many for an answer', async (how) => {
  const record = finished(key)
  const { ask, misbehave } = open(record, record, record)
  misbehave(how, 1)
  const began = performance.now()
  expect(await ask(path)).toEqual([record])
  expect(performance.now() - began).toBeLessThan(300)
  misbehave(how, 2)
  expect(await ask(path)).toBeUndefined()
})
