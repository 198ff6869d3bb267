import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parsePath } from '@symbolon/protocol/label.ts'
import { LocalFailure } from './failure.ts'
import { pathOf, prefixOf, referenceOf } from './secret-path.ts'

const refusal = (act: () => unknown): string => {
  try {
    act()
  } catch (error) {
    if (error instanceof LocalFailure) return error.fix
    throw error
  }
  return 'it was taken'
}

describe('Z-1 a path has one spelling', () => {
  test.each([
    ['/app/db', 'app/db'],
    ['app/db/', 'app/db'],
    ['app//db', 'app/db'],
    ['app/./db', 'app/db'],
    ['App/db', 'app/db'],
    ['app%2Fdb', 'app/db'],
    ['app\\db', 'app/db'],
    ['app/my db', 'app/my-db'],
    ['app/db.', undefined],
    ['ａpp/db', 'app/db'],
  ])('%s: did you mean %s?', (text, meant) => {
    expect(refusal(() => pathOf(text))).toBe(meant === undefined ? 'it was taken' : `Did you mean ${meant}?`)
  })

  test.each(['app', '', '..', 'app/../db', 'sys/x', 'app/a\u0000b', 'app/%'])('%j is refused', (text) => {
    expect(refusal(() => pathOf(text))).not.toBe('it was taken')
  })

  test('whatever is taken is taken as it is', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => refusal(() => pathOf(text)) !== 'it was taken' || parsePath(text) === text))
  })

  test('folders and references', () => {
    expect(prefixOf('app/')).toBe('app')
    expect(prefixOf('app/x')).toBe('app/x')
    expect(refusal(() => prefixOf('app//x'))).toBe('Did you mean app/x?')
    expect(referenceOf('app/db#pass#word')).toEqual({ path: 'app/db', key: 'pass#word' })
    expect(referenceOf('app/db')).toEqual({ path: 'app/db', key: undefined })
    expect(refusal(() => referenceOf('app/db#'))).toContain('path#key')
  })
})
