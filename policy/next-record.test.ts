import { describe, expect, test } from 'vitest'
import type { RecordIntent } from '@symbolon/protocol/intent.ts'
import { defaultSettings, type RecordVersion, type VaultRecord } from '@symbolon/protocol/record.ts'
import { lineageOf } from '@symbolon/roster/keyset.ts'
import { at } from './judge.testkit.ts'
import { nextRecord, type Next } from './next-record.ts'
import { changeOf, digestOfRecord, filled, makeVault, path, recordWith, versionOf, writeOf } from './secrets.testkit.ts'

const world = makeVault()
const lineage = lineageOf(world.roster)
const namespaces = new Map([['app', 'caller'], ['secret', 'vault']] as const)

const after = (record: VaultRecord | undefined, make: (follows: { previous: VaultRecord['previous']; seq: number }) => RecordIntent): Next => {
  const predecessor = record === undefined ? undefined : { record, digest: digestOfRecord(record) }
  return nextRecord(make({ previous: predecessor?.digest ?? null, seq: (record?.seq ?? 0) + 1 }), { predecessor, digest: filled(5), lineage, namespaces })
}
const made = (next: Next): VaultRecord => {
  if (next.ok) return next.record
  throw new Error(JSON.stringify(next.reasons))
}
const said = (next: Next) => (next.ok ? 'ok' : next.reasons.map(({ code, rule }) => `${code} ${rule}`).join())
const states = ({ versions }: VaultRecord) => Object.fromEntries(versions.map(({ version, state }) => [version, state]))

const three = recordWith(world, { seq: 3, versions: [versionOf(1), versionOf(2, { state: 'deleted', ended: at - 5 }), versionOf(3, { state: 'destroyed', ended: at - 5 })] })
const change = (kind: 'secret.delete' | 'secret.undelete' | 'secret.destroy', versions: number[], record = three) => after(record, (follows) => changeOf(world, { kind, versions, ...follows }))

describe('a write', () => {
  test('begins a secret with the settings of any', () => expect(made(after(undefined, () => writeOf(world)))).toMatchObject({ v: 1, lineage, path: 'app/db', seq: 1, previous: null, current: 1, settings: defaultSettings, custom: {}, tags: [], removed: false, created: at, by: 'ci', at, act: 'secret.write', intent: filled(5), versions: [{ version: 1, state: 'live', combine: 'caller', ciphertext: filled(9), size: 100, at, by: 'ci' }] }))

  test('adds a version and leaves the others, and what stands beside them', () => {
    const record = recordWith(world, { custom: { owner: 'ann' }, tags: ['db'], versions: [versionOf(4)] })
    expect(made(after(record, (follows) => writeOf(world, { ...follows, version: 5 })))).toMatchObject({ current: 5, custom: { owner: 'ann' }, tags: ['db'], created: at - 1000, versions: [record.versions[0], { version: 5 }] })
  })

  test('forgets the oldest beyond those that are kept', () => {
    const record = recordWith(world, { settings: { ...defaultSettings, max_versions: 2 }, versions: [versionOf(1), versionOf(2), versionOf(3)] })
    expect(states(made(after(record, (follows) => writeOf(world, { ...follows, version: 4 }))))).toEqual({ 3: 'live', 4: 'live' })
  })

  test('follows no number of its own', () => {
    for (const version of [1, 3, 1_000_000_000]) expect(said(after(recordWith(world), (follows) => writeOf(world, { ...follows, version })))).toBe('record_unsound intent.version')
  })

  test('counts as deleted from the time on that its secret’s settings name', () => {
    const record = recordWith(world, { settings: { ...defaultSettings, delete_version_after: 60 } })
    expect(made(after(record, (follows) => writeOf(world, { ...follows, version: 2 }))).versions.map(({ until }) => until)).toEqual([undefined, at + 60])
  })

  test('is combined as the namespace says now', () => {
    expect(said(after(undefined, () => writeOf(world, { combine: 'vault' })))).toBe('record_unsound intent.combine')
    expect(said(after(undefined, () => writeOf(world, { combine: 'caller', path: path('secret/db') })))).toBe('record_unsound intent.combine')
    expect(said(after(undefined, () => writeOf(world, { combine: 'vault', path: path('secret/db') })))).toBe('ok')
  })

  test('in a namespace that the roster lacks is refused', () => expect(said(after(undefined, () => writeOf(world, { path: path('other/db') })))).toBe('namespace_unknown roster.namespaces'))

  test.each<[string, number | undefined, boolean, string]>([
    ['of the newest version', 1, false, 'ok'],
    ['of an older one', 0, false, 'check_and_set_failed intent.cas'],
    ['of one that is not yet', 2, false, 'check_and_set_failed intent.cas'],
    ['that is not asked for', undefined, false, 'ok'],
    ['that is asked for and missing', undefined, true, 'check_and_set_failed intent.cas'],
    ['that is asked for and right', 1, true, 'ok'],
  ])('check-and-set %s', (_, cas, cas_required, wanted) =>
    expect(said(after(recordWith(world, { settings: { ...defaultSettings, cas_required } }), (follows) => writeOf(world, { ...follows, version: 2, ...(cas === undefined ? {} : { cas }) })))).toBe(wanted))

  test('check-and-set of nothing is a secret that must not be there', () => {
    expect(said(after(undefined, () => writeOf(world, { cas: 0 })))).toBe('ok')
    expect(said(after(recordWith(world), (follows) => writeOf(world, { ...follows, version: 2, cas: 0 })))).toBe('check_and_set_failed intent.cas')
  })
})

describe('what a change follows', () => {
  const record = recordWith(world, { seq: 7 })
  test.each([
    ['nothing, where there is something', { previous: null, seq: 8 }, 'check_and_set_failed intent.previous'],
    ['another record', { previous: filled(4), seq: 8 }, 'check_and_set_failed intent.previous'],
    ['the record, at its own number', { previous: digestOfRecord(record), seq: 7 }, 'record_unsound intent.seq'],
    ['the record, at a lower number', { previous: digestOfRecord(record), seq: 1 }, 'record_unsound intent.seq'],
    ['the record, leaving numbers out', { previous: digestOfRecord(record), seq: 12 }, 'ok'],
    ['V-9 the record, with the last number that there is: nothing could follow it, no end of the secret either', { previous: digestOfRecord(record), seq: 1_000_000_000 }, 'record_unsound intent.seq'],
    ['the record, at the highest number that may follow it', { previous: digestOfRecord(record), seq: 100_007 }, 'ok'],
    ['the record, above that', { previous: digestOfRecord(record), seq: 100_008 }, 'record_unsound intent.seq'],
  ])('I-7 %s', (_, follows, wanted) => expect(said(after(record, () => writeOf(world, { ...follows, version: 2 })))).toBe(wanted))

  test('something, where there is nothing', () => expect(said(after(undefined, () => writeOf(world, { previous: filled(4), seq: 2 })))).toBe('check_and_set_failed intent.previous'))
})

describe('deleting and undeleting', () => {
  test('a version that can be read counts no more, and can come back', () => {
    const deleted = made(change('secret.delete', [1]))
    expect(deleted).toMatchObject({ act: 'secret.delete', seq: 4, current: 3, versions: [{ version: 1, state: 'deleted', ended: at }, {}, {}] })
    const back = made(after(deleted, (follows) => changeOf(world, { kind: 'secret.undelete', versions: [1, 2], ...follows })))
    expect(states(back)).toEqual({ 1: 'live', 2: 'live', 3: 'destroyed' })
    for (const row of back.versions.slice(0, 2)) expect(row).not.toHaveProperty('ended')
  })

  test('what is deleted or destroyed already stays as it was, as in KV v2', () => expect(made(change('secret.delete', [2, 3])).versions).toEqual(three.versions))
  test('what was never deleted is undeleted without harm', () => expect(made(change('secret.undelete', [1])).versions).toEqual(three.versions))
  test('I-7 a destroyed version does not come back', () => expect(said(change('secret.undelete', [2, 3]))).toBe('record_unsound record.versions'))

  test('undeleting clears a time of deletion, past or to come', () => {
    const record = recordWith(world, { versions: [versionOf(1, { until: at - 1 }), versionOf(2, { until: at + 60 })] })
    expect(made(change('secret.undelete', [1, 2], record)).versions).toEqual([versionOf(1), versionOf(2)])
    expect(made(change('secret.delete', [1, 2], record)).versions).toEqual([record.versions[0], { ...versionOf(2), state: 'deleted', ended: at }])
  })
})

describe('destroying', () => {
  test('versions is for good', () => {
    const next = made(change('secret.destroy', [1, 2, 3]))
    expect(states(next)).toEqual({ 1: 'destroyed', 2: 'destroyed', 3: 'destroyed' })
    expect(next.versions.map(({ ended }: RecordVersion) => ended)).toEqual([at, at, at - 5])
  })

  const all = (record: VaultRecord | undefined) => after(record, (follows) => changeOf(world, { kind: 'secret.destroy', all: true, ...follows }))
  test('all leaves a record that says so, and a write begins anew', () => {
    const gone = made(all(recordWith(world, { seq: 3, custom: { a: 'b' }, tags: ['x'], versions: [versionOf(6)] })))
    expect(gone).toMatchObject({ seq: 4, removed: true, current: 6, versions: [], custom: {}, tags: [], settings: defaultSettings })
    const anew = made(after(gone, (follows) => writeOf(world, { ...follows, version: 7, cas: 0 })))
    expect(anew).toMatchObject({ seq: 5, removed: false, current: 7, created: at, previous: digestOfRecord(gone), versions: [{ version: 7 }] })
    expect(said(after(gone, (follows) => writeOf(world, { ...follows, version: 7, cas: 5 })))).toBe('check_and_set_failed intent.cas')
    expect(said(after(anew, (follows) => writeOf(world, { ...follows, version: 8, cas: 0 })))).toBe('check_and_set_failed intent.cas')
    expect(said(all(gone))).toBe('record_unsound record.removed')
    expect(said(change('secret.undelete', [6], gone))).toBe('record_unsound record.versions')
  })

  test('V-9 under a name that was removed, nobody brings back a ciphertext of before: its number is not given again', () => {
    const gone = made(all(recordWith(world, { seq: 3, versions: [versionOf(1), versionOf(2, { state: 'destroyed' })] })))
    for (const version of [1, 2]) expect(said(after(gone, (follows) => writeOf(world, { ...follows, version, ciphertext: versionOf(version).ciphertext })))).toBe('record_unsound intent.version')
    const described = made(after(gone, (follows) => changeOf(world, { kind: 'secret.meta', tags: ['x'], ...follows })))
    expect(said(after(described, (follows) => writeOf(world, { ...follows, version: 1 })))).toBe('record_unsound intent.version')
    const again = made(all(made(after(described, (follows) => writeOf(world, { ...follows, version: 3, cas: 0 })))))
    expect(said(after(again, (follows) => writeOf(world, { ...follows, version: 3 })))).toBe('record_unsound intent.version')
  })

  test('all of nothing is refused', () => expect(said(all(undefined))).toBe('record_unsound record.removed'))
  test('T-2 neither versions nor all, or both, is refused', () => {
    expect(said(after(three, (follows) => changeOf(world, { kind: 'secret.destroy', ...follows })))).toBe('record_unsound intent.versions')
    expect(said(after(three, (follows) => changeOf(world, { kind: 'secret.destroy', versions: [1], all: true, ...follows })))).toBe('record_unsound intent.versions')
  })
})

test.each(['secret.delete', 'secret.undelete', 'secret.destroy'] as const)('%s of a version that there is not changes none', (kind) => {
  expect(said(change(kind, [1, 4]))).toBe('record_unsound record.versions')
  expect(said(after(undefined, () => changeOf(world, { kind, versions: [1] })))).toBe('record_unsound record.versions')
})

describe('metadata', () => {
  test('changes what is named and leaves the rest', () => {
    const record = recordWith(world, { custom: { a: 'b' }, tags: ['x'] })
    const next = made(after(record, (follows) => changeOf(world, { kind: 'secret.meta', custom: { c: 'd' }, ...follows })))
    expect(next).toMatchObject({ custom: { c: 'd' }, tags: ['x'], settings: defaultSettings, versions: record.versions, current: 1 })
    expect(next.custom).not.toHaveProperty('a')
  })
  test('fewer versions are kept from the next write on', () => {
    const next = made(after(three, (follows) => changeOf(world, { kind: 'secret.meta', settings: { ...defaultSettings, max_versions: 1 }, ...follows })))
    expect(next.versions).toHaveLength(3)
    expect(states(made(after(next, (follows) => writeOf(world, { ...follows, version: 4 }))))).toEqual({ 4: 'live' })
  })
  test('can be there before any version', () => expect(made(after(undefined, () => changeOf(world, { kind: 'secret.meta', tags: ['x'] })))).toMatchObject({ current: 0, versions: [], tags: ['x'], removed: false }))
})
