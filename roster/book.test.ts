import { describe, expect, test } from 'vitest'
import { openBook } from './book.ts'
import { bookOf, certifiedEntry, certifiedVersion, first, nextOf, peopled, rotationOf } from './roster.testkit.ts'

const two = peopled()
const three = nextOf(two, { rate: 601 })

describe('a book', () => {
  test('adopts what t signers certified, in whatever order it comes', () => {
    const { state, problems } = openBook(first).take(bookOf({ versions: [certifiedVersion(three), certifiedVersion(two)] }))
    expect([state.version(), problems]).toEqual([3, []])
  })
  test('I-3 does not adopt what one signer accepted twice', () => {
    const { state, problems } = openBook(first).take(bookOf({ versions: [certifiedVersion(two, [1, 1])] }))
    expect([state.version(), problems]).toEqual([1, [{ code: 'certificate', what: 'version', where: '2' }]])
  })
  test('a rotation is in effect until its root is gone', () => {
    const rotation = certifiedEntry(rotationOf('svc-deploy', { root: 'svc-deploy-1', seq: 1, by: 'svc-deploy-1', to: 'svc-deploy-2' }))
    const { state } = openBook(first).take(bookOf({ entries: [rotation] }))
    expect(state.effective.services[0]?.keys.map(({ id }) => id)).toEqual(['svc-deploy-2', 'svc-deploy-1'])
  })
})
