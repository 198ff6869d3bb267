import { describe, expect, test } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { decodeRecord, recordMessageText } from '@symbolon/protocol/record.ts'
import { bytesHash } from '@symbolon/protocol/sign.ts'
import { at, digestOf } from './judge.testkit.ts'
import { answer, digestOfRecord, filled, makeVault, readOf, recordWith, signed, versionOf, writeOf } from './secrets.testkit.ts'

const world = makeVault()

describe('reading', () => {
  const record = recordWith(world, { seq: 7, versions: [versionOf(2), versionOf(3, { combine: 'vault' })] })

  test('gives what may be opened: the label, and the digest of its ciphertext', () => {
    const intent = readOf(world, [['app/db', 'latest'], ['app/db', 2]])
    expect(answer(world, intent, [signed(record), signed(record)])).toMatchObject({
      verdict: 'granted',
      grants: 'reading',
      principal: { id: 'ci' },
      openings: [
        { path: 'app/db', seq: 7, record: digestOfRecord(record), label: { namespace: 'app', project: '', scope: '', environment: '', name: 'db', version: 3, combine: 'vault', type: 'string' }, ciphertext: filled(3) },
        { path: 'app/db', seq: 7, label: { version: 2, combine: 'caller' }, ciphertext: filled(2) },
      ],
    })
  })

  test('what it comes to is bound: another version, another hash', () => {
    const hash = (version: number) => {
      const judged = answer(world, readOf(world, [['app/db', version]]), [signed(record)])
      return judged.verdict === 'granted' ? judged.bytesHash : judged.verdict
    }
    expect(hash(2)).toBe(hash(2))
    expect(new Set([hash(2), hash(3), 'refused']).size).toBe(3)
  })
})

test('a write yields the record that is signed', () => {
  const intent = writeOf(world)
  const judged = answer(world, intent)
  expect(judged).toMatchObject({ verdict: 'granted', grants: 'record', record: { path: 'app/db', seq: 1, current: 1, previous: null, by: 'ci', at, act: 'secret.write', intent: toBase64url(digestOf(intent)) } })
  if (judged.verdict !== 'granted' || judged.grants !== 'record') throw new Error('refused')
  expect(judged.bytesHash).toBe(bytesHash(judged.message))
  const bytes = Buffer.from(judged.message.slice('symbolon/record/v1\0'.length))
  expect(decodeRecord(bytes)).toEqual({ ok: true, value: judged.record })
  expect(recordMessageText(bytes)).toBe(judged.message)
  expect(judged.recordDigest).toBe(digestOfRecord(judged.record))
})
