import { expect, test } from 'vitest'
import { revivedIn } from './revival.ts'
import { keyOf, nextOf, peopled, personOf } from './roster.testkit.ts'
import type { Person } from './roster.ts'

const two = peopled()
const invited = (letter: string): Person => personOf('dora', { passkeys: [], invitation: { key: keyOf(letter), exp: 1_900_000_000, uses: ['sign_in'] } })
const withDora = (row: Person) => nextOf(two, { people: [...two.people, row] })
const [service] = two.services
if (service === undefined) throw new Error('the test roster has a service')
const without = nextOf(two, { services: [] })

test('I-3 a service that was removed does not come back with the key that its chain began at', () => {
  expect(revivedIn(nextOf(without, { services: [service] }), { bases: [without], earlier: [two] })).toEqual([service.id])
})

test('I-3 nor does somebody come back by an invitation that was withdrawn', () => {
  const gone = nextOf(withDora(invited('b')))
  const bare = nextOf(two)
  expect(revivedIn(withDora(invited('b')), { bases: [bare], earlier: [two, gone] })).toEqual(['dora'])
  expect(revivedIn(withDora(invited('c')), { bases: [bare], earlier: [two, gone] })).toEqual([])
})

test('what stands goes on standing, also where a split has it on one side only', () => {
  expect(revivedIn(nextOf(two), { bases: [two], earlier: [two] })).toEqual([])
  expect(revivedIn(nextOf(two), { bases: [without, nextOf(two)], earlier: [two] })).toEqual([])
})

test('a key that stood there as the previous one only began no chain', () => {
  const [newest] = service.keys
  if (newest === undefined) throw new Error('a service has a key')
  const behind = nextOf(two, { services: [{ ...service, keys: [{ id: 'svc-new', jwk: keyOf('x') }, newest] }] })
  expect(revivedIn(nextOf(without, { services: [service] }), { bases: [without], earlier: [behind] })).toEqual([])
})
