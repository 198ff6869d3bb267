import { expect, test } from 'vitest'
import { digestOf, path, recordOf, testSecrets } from '@symbolon/envelope/envelope.testkit.ts'
import type { RecordVersion } from '@symbolon/protocol/record.ts'
import { metaDraftOf, metaWish } from './meta.ts'
import { possibleFor, stateOf } from './versions.ts'

const now = 2_000
const version = (number: number, more: Partial<RecordVersion> = {}): RecordVersion => ({ version: number, state: 'live', type: 'string', combine: 'caller', ciphertext: digestOf(`${number}`), size: 32, at: 1, by: 'ann', ...more })
const record = recordOf(testSecrets(), { path: path('app/db'), versions: [version(1, { state: 'destroyed' }), version(2, { state: 'deleted' }), version(3, { until: now }), version(4, { until: now + 1 }), version(5)] })

test('a version whose time is up counts as deleted', () => expect(record.versions.map((each) => stateOf(each, now))).toEqual(['destroyed', 'deleted', 'expired', 'live', 'live']))

test.each([
  [[], []],
  [[99], []],
  [[1], []],
  [[2], ['undelete', 'destroy']],
  [[3], ['delete', 'undelete', 'destroy']],
  [[4], ['reveal', 'delete', 'destroy']],
  [[4, 5], ['compare', 'delete', 'destroy']],
  [[3, 5], ['delete', 'destroy']],
  [[2, 5], ['destroy']],
  [[2, 3, 5], ['destroy']],
])('with versions %j: %j', (chosen, actions) => expect(Object.entries(possibleFor(record, chosen, now)).filter(([, can]) => can).map(([name]) => name)).toEqual(actions))

const noted = recordOf(testSecrets(), { path: path('app/db'), tags: ['prod', 'payments'], custom: { owner: 'ann', note: 'a=b c' } })
test('what stands beside the versions goes into its form and back', () => expect(metaWish(metaDraftOf(noted))).toEqual({ ok: true, value: { act: 'secret.meta', tags: noted.tags, custom: noted.custom, settings: noted.settings } }))

test.each([
  ['tags', { tags: 'a\na' }],
  ['tags', { tags: 'ä' }],
  ['notes', { notes: 'owner' }],
  ['notes', { notes: 'a=1\na=2' }],
  ['maxVersions', { maxVersions: '0' }],
  ['maxVersions', { maxVersions: '51' }],
  ['maxVersions', { maxVersions: '1e1' }],
  ['deleteAfter', { deleteAfter: '-1' }],
  ['deleteAfter', { deleteAfter: '' }],
])('%s: %j', (field, change) => {
  const made = metaWish({ ...metaDraftOf(noted), ...change })
  expect(made.ok ? [] : Object.keys(made.error)).toEqual([field])
})
