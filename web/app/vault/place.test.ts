import { expect, test } from 'vitest'
import { path } from '@symbolon/envelope/envelope.testkit.ts'
import { folderLink, foldersAbove, lastOf, pathProblem, placeIn, secretLink } from './place.ts'

test.each([
  ['', { at: 'top' }],
  ['app/', { at: 'folder', prefix: 'app' }],
  ['app/payments/', { at: 'folder', prefix: 'app/payments' }],
  ['app/payments/db', { at: 'secret', path: 'app/payments/db' }],
  ['app', { at: 'nowhere' }],
  ['/', { at: 'nowhere' }],
  ['app//db', { at: 'nowhere' }],
  ['app/../db', { at: 'nowhere' }],
  ['app/%64b', { at: 'nowhere' }],
  ['App/db', { at: 'nowhere' }],
  ['sys/db', { at: 'nowhere' }],
  ['app/db?x=1', { at: 'nowhere' }],
])('A-8 what stands in the address: %s', (fragment, place) => expect(placeIn(fragment)).toEqual(place))

test('a link leads where it says', () => {
  expect(placeIn(folderLink('app/payments').split('#')[1] ?? '')).toEqual({ at: 'folder', prefix: 'app/payments' })
  expect(placeIn(secretLink(path('app/a@b+c=d')).split('#')[1] ?? '')).toEqual({ at: 'secret', path: 'app/a@b+c=d' })
})

test('where somebody came from', () => {
  expect(foldersAbove('app/a/b')).toEqual(['app', 'app/a'])
  expect(foldersAbove('app')).toEqual([])
  expect(lastOf('app/a/b')).toBe('b')
})

test('a typed path begins with a namespace of the roster', () => {
  const namespaces = [{ id: 'app' }]
  expect(pathProblem('app/db', namespaces)).toBeUndefined()
  expect(pathProblem('secret/db', namespaces)).toMatch(/namespace: app/)
  expect(pathProblem('app', namespaces)).toMatch(/Such as/)
  expect(pathProblem('app/d b', namespaces)).toMatch(/Such as/)
})
