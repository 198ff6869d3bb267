import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { plan as planSchema, planDigest } from '@symbolon/roster/plan.ts'
import { signedKeyset, fingerprint } from '@symbolon/roster/keyset.ts'
import { openStage, perform, type Stage } from './stage.ts'

let stage: Stage
beforeEach(async () => {
  stage = await openStage()
})
afterEach(() => stage.close())

describe('keygen', () => {
  test('an operator reads the plan’s digest before anything is run', async () => {
    const plan = stage.plan()
    stage.givePlan(1, plan)
    const { code, out } = await stage.keygen(1, 'plan').ended
    expect([code, out]).toEqual([0, `plan digest ${planDigest(planSchema.parse(plan))}\n2 of 3: 1 signer-1, 2 signer-2, 3 signer-3; issuer http://localhost:7000\n`])
  })

  test('three processes make version 1, and print one fingerprint', async () => {
    const ended = [...(await perform(stage)).values()]
    expect(ended.map(({ code, out }) => (code === 0 ? 0 : out))).toEqual([0, 0, 0])
    const printed = ended.map(({ out }) => /^keyset fingerprint (\S+)$/m.exec(out)?.[1])
    const files = stage.ids.map((id) => readFileSync(stage.file(id, 'roster.json'), 'utf8'))
    const keyset = signedKeyset.parse(JSON.parse(readFileSync(stage.file(1, 'keyset.json'), 'utf8')))
    expect(new Set(files).size).toBe(1)
    expect(printed).toEqual(stage.ids.map(() => fingerprint(keyset.keyset)))
    expect(keyset.signatures.map(({ signer }) => signer)).toEqual([1, 2, 3])
    expect(ended.every(({ out }) => out.includes('is for development'))).toBe(true)
  })
})
