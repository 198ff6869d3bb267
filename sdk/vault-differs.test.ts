import { describe, expect, test } from 'vitest'
import { digestOf, path, recordOf } from '@symbolon/envelope/envelope.testkit.ts'
import type { RecordIntent } from '@symbolon/protocol/intent.ts'
import { defaultSettings, type RecordVersion, type VaultRecord } from '@symbolon/protocol/record.ts'
import { differsFrom } from './vault-differs.ts'

const at = 1_800_000_000
const digest = digestOf('intent')
const previous = digestOf('previous')
const common = { v: 1, nonce: digestOf('nonce'), iat: at, exp: at + 300, iss: 'https://mint.example', lineage: digestOf('lineage'), sub: 'ann', client: 'ann', path: path('app/db'), previous, seq: 5 } as const
const version = (number: number, change: Partial<RecordVersion> = {}): RecordVersion => ({ version: number, state: 'live', type: 'string', combine: 'caller', ciphertext: digestOf(`c${number}`), size: 40, at, by: 'ann', ...change })

const write: RecordIntent = { ...common, kind: 'secret.write', version: 2, type: 'string', combine: 'caller', ciphertext: digestOf('c2'), size: 40 }
const made = (intent: RecordIntent, change: Partial<VaultRecord> = {}): VaultRecord =>
  recordOf({ lineage: common.lineage }, { path: common.path, seq: 5, previous, intent: digest, act: intent.kind, at, current: 2, versions: [version(1), version(2)], ...change })
const differing = (intent: RecordIntent, change: Partial<VaultRecord> = {}): string => differsFrom(made(intent, change), intent, digest).join(' ')

describe('a record that follows from its intent differs in nothing', () => {
  const cases: [string, RecordIntent, Partial<VaultRecord>][] = [
    ['a write', write, {}],
    ['a write on behalf of another, whose record names who asked', { ...write, as: 'bob' }, {}],
    ['a write that expires', write, { versions: [version(2, { until: at + 60 })] }],
    ['a delete', { ...common, kind: 'secret.delete', versions: [1, 2] }, { versions: [version(1, { state: 'destroyed' }), version(2, { state: 'deleted' })] }],
    ['a delete of what had its time already', { ...common, kind: 'secret.delete', versions: [2] }, { versions: [version(2, { until: at })] }],
    ['an undelete', { ...common, kind: 'secret.undelete', versions: [2] }, {}],
    ['a destruction', { ...common, kind: 'secret.destroy', versions: [1] }, { versions: [version(1, { state: 'destroyed' }), version(2)] }],
    ['a removal', { ...common, kind: 'secret.destroy', all: true }, { versions: [], current: 0, removed: true }],
    ['a change beside', { ...common, kind: 'secret.meta', tags: ['a'], custom: { k: 'v' }, settings: { ...defaultSettings, max_versions: 3 } }, { tags: ['a'], custom: { k: 'v' }, settings: { ...defaultSettings, max_versions: 3 } }],
    ['a change of tags alone', { ...common, kind: 'secret.meta', tags: ['a'] }, { tags: ['a'], custom: { other: 'kept' } }],
  ]
  test.each(cases)('%s', (_case, intent, change) => expect(differing(intent, change)).toBe(''))
})

describe('and one that does not is named by what differs', () => {
  const cases: [string, RecordIntent, Partial<VaultRecord>][] = [
    ['intent', write, { intent: digestOf('another') }],
    ['act', write, { act: 'secret.meta' }],
    ['previous', write, { previous: null }],
    ['seq', write, { seq: 6 }],
    ['by', write, { by: 'bob' }],
    ['versions', write, { current: 3 }],
    ['versions', write, { versions: [version(1)] }],
    ['versions', write, { versions: [] }],
    ['versions', write, { versions: [version(2, { ciphertext: digestOf('another') })] }],
    ['versions', write, { versions: [version(2, { size: 41 })] }],
    ['versions', write, { versions: [version(2, { type: 'file' })] }],
    ['versions', write, { versions: [version(2, { combine: 'vault' })] }],
    ['versions', write, { versions: [version(2, { state: 'deleted' })] }],
    ['versions', { ...common, kind: 'secret.delete', versions: [1, 2] }, { versions: [version(1, { state: 'deleted' }), version(2)] }],
    ['versions', { ...common, kind: 'secret.delete', versions: [2] }, { versions: [version(2, { until: at + 1 })] }],
    ['versions', { ...common, kind: 'secret.undelete', versions: [2] }, { versions: [version(2, { state: 'deleted' })] }],
    ['versions', { ...common, kind: 'secret.destroy', versions: [1] }, { versions: [version(1, { state: 'deleted' })] }],
    ['removed', { ...common, kind: 'secret.destroy', all: true }, {}],
    ['removed', { ...common, kind: 'secret.destroy', all: true }, { removed: true }],
    ['tags', { ...common, kind: 'secret.meta', tags: ['a'] }, {}],
    ['settings custom', { ...common, kind: 'secret.meta', settings: { ...defaultSettings, cas_required: true }, custom: { k: 'v' } }, {}],
  ]
  test.each(cases)('%s', (named, intent, change) => expect(differing(intent, change)).toBe(named))
})
