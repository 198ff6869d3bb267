import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signReply } from '@symbolon/protocol/sign.ts'
import { intentOf } from '@symbolon/policy/judge.testkit.ts'
import { answer } from './answer.ts'
import { coordinator, itemOf, listOf, openTable, outcome, stock, type Table } from './answer.testkit.ts'

let table: Table
beforeAll(async () => {
  table = await openTable({ roster: { rate: 100_000 } })
})
afterAll(() => table.close())

const ask = async (items: readonly unknown[]) => {
  const reply = await answer(table.seats[0].signer, { by: coordinator, requestId: 'fuzz' }, items)
  return signReply.parse(JSON.parse(JSON.stringify(reply))).answers.map(outcome)
}
const honest = () => itemOf(table, intentOf(table.world), { commitments: listOf([table.seats[0], table.seats[1]], stock([table.seats[0], table.seats[1]]).flat()) })
const text = fc.oneof(fc.string(), fc.base64String(), fc.stringMatching(/^[A-Za-z0-9_-]{0,80}$/))
const anything = fc.oneof(text, fc.jsonValue({ maxDepth: 4 }).map((value) => value as unknown), fc.integer(), fc.double())

test('D-1 whatever an item is, it is answered in the wire’s form, and its neighbour is signed', async () => {
  await fc.assert(
    fc.asyncProperty(anything, async (item) => {
      expect(await ask([item, honest()])).toEqual(['item_malformed', 'signed'])
    }),
    { numRuns: 60 },
  )
}, 120_000)

test('D-1 an honest item with one field replaced never signs other bytes and never throws', async () => {
  const names = fc.constantFrom('attempt', 'purpose', 'epoch', 'roster', 'policy', 'intent', 'evidence', 'approvals', 'asserted', 'bytes_hash', 'commitments', 'more')
  await fc.assert(
    fc.asyncProperty(names, anything, async (name, value) => {
      const item = honest()
      const altered = { ...item, [name]: value }
      const [first, second] = await ask([altered, honest()])
      expect(second).toBe('signed')
      // Now and then what is drawn is what was there: epoch 1.
      const same = JSON.stringify(altered) === JSON.stringify(item)
      expect(first === 'signed' && !same && !['attempt', 'asserted', 'approvals'].includes(name)).toBe(false)
    }),
    { numRuns: 120 },
  )
}, 120_000)

test('D-1 an honest item with one character of its texts changed is not signed', async () => {
  const fields = fc.constantFrom('intent', 'proof', 'bytes_hash', 'hiding', 'policy')
  await fc.assert(
    fc.asyncProperty(fields, fc.nat(), fc.constantFrom(...'AQgw_-09az'), async (field, place, character) => {
      const item = honest()
      const [evidence] = item.evidence
      const [own, other] = item.commitments
      if (evidence?.kind !== 'key' || own === undefined || other === undefined) throw new Error('no key evidence')
      const changed = (value: string) => value.slice(0, place % value.length) + character + value.slice((place % value.length) + 1)
      const altered =
        field === 'proof' ? { ...item, evidence: [{ ...evidence, proof: changed(evidence.proof) }] } : field === 'hiding' ? { ...item, commitments: [{ ...own, hiding: changed(own.hiding) }, other] } : { ...item, [field]: changed(item[field]) }
      const same = JSON.stringify(altered) === JSON.stringify(item)
      expect((await ask([altered]))[0] === 'signed').toBe(same)
    }),
    { numRuns: 150 },
  )
}, 120_000)
