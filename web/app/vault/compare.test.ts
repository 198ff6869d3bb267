import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { strings } from '@symbolon/envelope/envelope.testkit.ts'
import { compare, linesBetween } from './compare.ts'

test('by name: gone, same, changed, new', () => {
  expect(compare(strings({ a: '1', b: '2', c: '3' }), strings({ b: '2', c: '4', d: '5' }))).toEqual([
    { field: 'a', mark: 'gone', lines: [{ mark: 'gone', text: '1' }] },
    { field: 'b', mark: 'same', lines: [] },
    { field: 'c', mark: 'changed', lines: [{ mark: 'gone', text: '3' }, { mark: 'new', text: '4' }] },
    { field: 'd', mark: 'new', lines: [{ mark: 'new', text: '5' }] },
  ])
})

test('another kind is said', () => expect(compare(strings({}), { type: 'config', template: 'x' })[0]).toMatchObject({ field: 'Kind', mark: 'changed' }))

test('a file that is text is compared as text, another by its bytes', () => {
  const file = (content: string) => ({ type: 'file', name: 'a', content: Buffer.from(content, 'latin1').toString('base64url') }) as const
  expect(compare(file('one\ntwo'), file('one\n2')).at(-1)).toMatchObject({ field: 'Content', mark: 'changed', lines: [{ mark: 'same', text: 'one' }, { mark: 'gone', text: 'two' }, { mark: 'new', text: '2' }] })
  expect(compare(file('\u0000\u00ff'), file('\u0000\u00fe')).at(-1)).toMatchObject({ field: 'Content', mark: 'changed' })
})

const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 }).map((lines) => lines.join('\n'))
describe('lines', () => {
  test('the older is what is same or gone, the newer what is same or new', () => {
    fc.assert(
      fc.property(text, text, (older, newer) => {
        const lines = linesBetween(older, newer)
        const without = (mark: string) => lines.filter((line) => line.mark !== mark).map((line) => line.text).join('\n')
        expect([without('new'), without('gone')]).toEqual([older, newer])
      }),
    )
  })
  test('what stays is as much as can be', () => expect(linesBetween('a\nb\nc\nd', 'a\nc\nx\nd').map(({ mark }) => mark)).toEqual(['same', 'gone', 'same', 'new', 'same']))
  test('more lines than can be compared are shown whole', () => {
    const many = (of: string) => Array.from({ length: 2_100 }, (_, at) => `${of}${at}`).join('\n')
    expect(linesBetween(many('a'), many('b'))).toHaveLength(4_200)
  })
})
