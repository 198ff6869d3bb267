import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parsePath } from '@symbolon/protocol/label.ts'
import { fail } from '@symbolon/front/failure.ts'
import { errorCodes } from '@symbolon/protocol/errors.ts'
import { folderAt, placeOf, secretAt } from './facade-path.ts'
import { durationOf, inexact, kvStyle, merged, secondsOf, subkeysOf, timeOf } from './facade-shape.ts'
import { openTurns } from './facade-turns.ts'

describe('Z-1 a place', () => {
  const secretOf = (rest: string) => {
    const place = placeOf(rest)
    return place === undefined ? undefined : secretAt(place)
  }

  test('whatever is sent, what comes out is a path of ours, and asking again with it gives the same', () => {
    const piece = fc.oneof(fc.constantFrom('a', '.', '..', '%2e', '%2F', '%25', '%', '%4', '/', '//', '@', '%40', '%C3%A9', '%ff', '\u0000', '%00', 'data', '~', ' ', '+'), fc.string({ maxLength: 4 }))
    fc.assert(fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const path = secretOf(`secret/data/${pieces.join('')}`)
      if (path === undefined) return
      expect(parsePath(path)).toBe(path)
      expect(secretOf(path.replace('secret/', 'secret/data/'))).toBe(path)
    }), { numRuns: 3_000 })
  })

  test.each([
    ['secret/data/a/b', 'secret/a/b'],
    ['secret/data/a%40b', 'secret/a@b'],
    ['secret/data/a%2fb', undefined],
    ['secret/data/a/', undefined],
    ['secret/data', undefined],
    ['secret/data/', undefined],
    ['secret//data/a', undefined],
    ['SECRET/data/a', undefined],
    ['sys/data/a', undefined],
    ['secret/nothing/a', undefined],
    ['secret/dat%61/a', 'secret/a'],
  ])('%s is %s', (rest, path) => expect(secretOf(rest)).toBe(path))

  test.each([['secret/metadata', 'secret'], ['secret/metadata/', 'secret'], ['secret/metadata/a', 'secret/a'], ['secret/metadata/a/', 'secret/a'], ['secret/metadata/a//', undefined], ['secret/metadata/..', undefined]])('a folder: %s is %s', (rest, folder) => {
    const place = placeOf(rest)
    expect(place === undefined ? undefined : folderAt(place)).toBe(folder)
  })
})

// RFC 7396, appendix A: what stays JSON of ours.
test.each([
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
])('RFC 7396: %j and %j make %j', (target, patch, result) => expect(merged(target, patch)).toEqual(result))

test('durations are read as Go prints them', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 400_000_000 }), (seconds) => void expect(secondsOf(durationOf(seconds))).toBe(seconds)))
  expect(['0s', '1h', '90m', '3h25m19s', '60', 60].map(secondsOf)).toEqual([0, 3600, 5400, 12_319, 60, 60])
  expect([durationOf(0), durationOf(61), durationOf(3600)]).toEqual(['0s', '1m1s', '1h0m0s'])
  for (const bad of ['', 's', '-1s', '1d', '1s1h', '1.5h', ' 1s', 1.5, -1]) expect(secondsOf(bad), `${bad}`).toBeUndefined()
})

test('times are RFC 3339', () => expect(timeOf(1_800_000_000)).toBe('2027-01-15T08:00:00Z'))

test('subkeys show no value, at any depth', () => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.integer({ min: 0, max: 3 }), (value, depth) => {
    const leaves = (each: unknown): boolean => each === null || (typeof each === 'object' && !Array.isArray(each) && Object.values(each as object).every(leaves))
    expect(leaves(subkeysOf(value as never, depth))).toBe(true)
  }))
})

test('numbers that would come back as others', () => expect([2 ** 53, [1, { a: Number.POSITIVE_INFINITY }], 2 ** 53 - 1, [0.1, -5], 'x', null].map((value) => inexact(value as never))).toEqual([true, true, false, false, false, false]))

test('every failure has a status that those clients know, and quotes nothing but our own words', () => {
  for (const code of errorCodes) {
    const face = kvStyle.face(fail(code), { requestId: 'r', path: '/v1/*' })
    expect([400, 403, 404, 405, 413, 415, 429, 500, 503], code).toContain(face.status)
    expect(kvStyle.statusOf(code)).toBe(face.status)
    expect(kvStyle.schema.safeParse(JSON.parse(face.body)).success).toBe(true)
    expect(face.status === 404).toBe(face.body === '{"errors":[]}')
  }
})

test('turns: one after another for a path, whatever becomes of one; others do not wait', async () => {
  const turns = openTurns()
  const seen: string[] = []
  const gate = Promise.withResolvers<void>()
  const first = turns.take('a', async () => {
    await gate.promise
    seen.push('first')
    throw new Error('lost')
  })
  const second = turns.take('a', async () => void seen.push('second'))
  await turns.take('b', async () => void seen.push('other'))
  gate.resolve()
  await expect(first).rejects.toThrow('lost')
  await second
  expect(seen).toEqual(['other', 'first', 'second'])
})
