import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RecordIntent } from '@symbolon/protocol/intent.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { decodeRecord, encodeRecord, openRecord, type OpenedRecord } from '@symbolon/protocol/record.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { at, jwkOf } from './judge.testkit.ts'
import { nextRecord, type Ground } from './next-record.ts'
import { filled, makeVault, path, recordKey, signed } from './secrets.testkit.ts'

/* Any life of one secret, honest and not: what every record of it must keep to. */

const { roster } = makeVault()
const lineage = filled(77)
const namespaces: Ground['namespaces'] = new Map([['app', 'caller'], ['secret', 'vault']])

type Step = (now: number, before: OpenedRecord | undefined) => RecordIntent
const number = (max: number) => fc.integer({ min: 1, max })
const versions = fc.uniqueArray(number(12), { minLength: 1, maxLength: 4 }).map((list) => [...list].sort((a, b) => a - b))
/** Mostly right. */
const off = fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: -1, max: 3 }) })

const common = (now: number, before: OpenedRecord | undefined, seq: number) => ({
  v: 1, nonce: toBase64url(new Uint8Array(16)), iat: now, exp: now + 300, iss: roster.deployment.issuer, lineage, sub: 'ci', client: 'cli',
  path: path('app/db'), previous: before?.digest ?? null, seq: Math.max(1, (before?.record.seq ?? 0) + 1 + seq),
}) as const

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(off, off, fc.option(off, { nil: undefined })).map(([seq, version, cas]): Step => (now, before) => ({ ...common(now, before, seq), kind: 'secret.write', version: Math.max(1, (before?.record.current ?? 0) + 1 + version), type: 'string', combine: 'caller', ciphertext: filled(9), size: 100, ...(cas === undefined ? {} : { cas: Math.max(0, (before?.record.current ?? 0) + cas) }) })) },
  ...(['secret.delete', 'secret.undelete', 'secret.destroy'] as const).map((kind) => ({ weight: 2, arbitrary: fc.tuple(off, versions).map(([seq, list]): Step => (now, before) => ({ ...common(now, before, seq), kind, versions: list })) })),
  { weight: 1, arbitrary: fc.tuple(fc.boolean(), fc.boolean()).map(([all, some]): Step => (now, before) => ({ ...common(now, before, 0), kind: 'secret.destroy', ...(all ? { all: true as const } : {}), ...(some ? { versions: [1] } : {}) })) },
  {
    weight: 2,
    arbitrary: fc.record({ settings: fc.option(fc.record({ max_versions: number(4), cas_required: fc.boolean(), delete_version_after: fc.constantFrom(0, 5) }), { nil: undefined }), tags: fc.option(fc.constantFrom<string[]>(['a'], ['a', 'b'], []), { nil: undefined }) }).map(({ settings, tags }): Step => (now, before) => ({ ...common(now, before, 0), kind: 'secret.meta', ...(settings === undefined ? {} : { settings }), ...(tags === undefined ? {} : { tags }) })),
  },
)

describe('for any life of a secret', () => {
  test('I-7 records form one chain, upwards, and each is exactly what readers take for one', () => {
    const seen = { granted: 0, refused: new Set<string>() }
    fc.assert(
      fc.property(fc.array(fc.tuple(step, number(4)), { minLength: 1, maxLength: 25 }), (life) => {
        let now = at
        let before: OpenedRecord | undefined
        for (const [make, later] of life) {
          now += later
          const intent = make(now, before)
          const next = nextRecord(intent, { predecessor: before, digest: filled(1), lineage, namespaces })
          if (!next.ok) {
            for (const { code, rule, remedy } of next.reasons) {
              seen.refused.add(code)
              expect([rule, remedy]).toEqual([expect.any(String), expect.any(String)])
            }
            continue
          }
          seen.granted += 1
          const { record } = next
          expect(decodeRecord(next.bytes)).toEqual({ ok: true, value: record })
          expect(next.bytes.length).toBeLessThanOrEqual(limits.recordBytes)
          expect(record.previous).toBe(before?.digest ?? null)
          expect(record.seq).toBeGreaterThan(before?.record.seq ?? 0)
          expect([record.act, record.by, record.at, record.intent]).toEqual([intent.kind, 'ci', now, filled(1)])
          const numbers = record.versions.map(({ version }) => version)
          expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
          expect(numbers.length).toBeLessThanOrEqual(limits.secretVersions)
          if (record.removed) expect(record).toMatchObject({ current: before?.record.current, versions: [] })
          else {
            expect(record.current).toBeGreaterThanOrEqual(before?.record.current ?? 0)
            if (numbers.length > 0) expect(Math.max(...numbers)).toBe(record.current)
          }
          if (intent.kind === 'secret.write') {
            expect(record.current).toBe(intent.version)
            expect(numbers.length).toBeLessThanOrEqual(record.settings.max_versions)
          }
          // What was destroyed stays so, whatever happens, until it is forgotten.
          const destroyed = before?.record.versions.filter(({ state }) => state === 'destroyed').map(({ version }) => version) ?? []
          for (const row of record.versions) if (destroyed.includes(row.version) && !before?.record.removed) expect(row.state).toBe('destroyed')
          // No change but a write brings in a ciphertext.
          const known = new Set(before?.record.versions.map(({ version, ciphertext, combine }) => `${version} ${ciphertext} ${combine}`))
          const fresh = record.versions.filter(({ version, ciphertext, combine }) => !known.has(`${version} ${ciphertext} ${combine}`))
          expect(fresh.map(({ version }) => version)).toEqual(intent.kind === 'secret.write' ? [intent.version] : [])
          before = openRecord(signed(record), { key: jwkOf(recordKey), lineage })
          expect(before?.digest).toBe(next.digest)
        }
      }),
      { numRuns: 300 },
    )
    expect(seen.granted).toBeGreaterThan(500)
    expect([...seen.refused].sort()).toEqual(['check_and_set_failed', 'record_unsound'])
  })

  test('I-2 two signers come to the same bytes', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 10 }), (life) => {
        let before: OpenedRecord | undefined
        for (const make of life) {
          const intent = make(at, before)
          const ground = { predecessor: before, digest: filled(1), lineage, namespaces }
          const [one, other] = [nextRecord(intent, ground), nextRecord(structuredClone(intent), structuredClone(ground))]
          expect(one).toEqual(other)
          if (one.ok) before = { record: one.record, digest: one.digest }
        }
      }),
      { numRuns: 100 },
    )
  })
})

test('a record never grows beyond what is signed', () => {
  const custom = Object.fromEntries(Array.from({ length: 32 }, (_, index) => [`${index}`.padEnd(64, 'x'), 'y'.repeat(512)]))
  const made = nextRecord({ ...common(at, undefined, 0), kind: 'secret.meta', custom }, { predecessor: undefined, digest: filled(1), lineage, namespaces })
  expect(made).toMatchObject({ ok: false, reasons: [{ code: 'record_unsound', rule: 'record.size' }] })
  const less = nextRecord({ ...common(at, undefined, 0), kind: 'secret.meta', custom: Object.fromEntries(Object.entries(custom).slice(0, 20)) }, { predecessor: undefined, digest: filled(1), lineage, namespaces })
  expect(less.ok && encodeRecord(less.record).length).toBeGreaterThan(10_000)
})
