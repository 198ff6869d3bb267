import { describe, expect, test } from 'vitest'
import { openLimits } from './limits.ts'

const by = 'coordinator/1'
const at = (start = 1_000) => {
  const clock = { ms: start }
  return { clock, limits: openLimits({ perPrincipal: () => 600, clock: () => clock.ms }) }
}
const admit = (limits: ReturnType<typeof openLimits>, principal: string | undefined, times: number) => Array.from({ length: times }, () => limits.admit({ principal, by }))

describe('TST-38 the limit per principal', () => {
  test('lets the roster’s rate pass in a minute, then says when to come again', () => {
    const { limits, clock } = at()
    expect(admit(limits, 'ci', 600).every((wait) => wait === 0)).toBe(true)
    expect(limits.admit({ principal: 'ci', by })).toBe(1)
    clock.ms += 99
    expect(limits.admit({ principal: 'ci', by })).toBe(1)
    clock.ms += 1
    expect(limits.admit({ principal: 'ci', by })).toBe(0)
    expect(limits.admit({ principal: 'ci', by })).toBe(1)
  })

  test('counts each principal alone', () => {
    const { limits } = at()
    admit(limits, 'ci', 601)
    expect(limits.admit({ principal: 'other', by })).toBe(0)
  })

  test('never saves up more than a minute', () => {
    const { limits, clock } = at()
    limits.admit({ principal: 'ci', by })
    clock.ms += 3_600_000
    expect(admit(limits, 'ci', 601).filter((wait) => wait > 0)).toEqual([1])
  })

  test('a low rate says how many seconds to wait', () => {
    const limits = openLimits({ perPrincipal: () => 2, clock: () => 0 })
    expect(admit(limits, 'ci', 3)).toEqual([0, 0, 30])
  })

  test('commitments asked for ahead are counted one by one, each coordinator’s own', () => {
    const { limits, clock } = at()
    expect(Array.from({ length: 61 }, () => limits.admitCommitments(by, 512)).filter((wait) => wait > 0)).toEqual([1])
    expect([limits.admitCommitments('coordinator/2', 512), limits.admitCommitments(by, 1)]).toEqual([0, 1])
    clock.ms += 1_000
    expect([limits.admitCommitments(by, 512), limits.admitCommitments(by, 1)]).toEqual([0, 1])
  })

  test('what names no principal is counted by its coordinator, and costs no principal anything', () => {
    const { limits } = at()
    expect(admit(limits, undefined, 6_001).filter((wait) => wait > 0)).toEqual([1])
    expect(limits.admit({ principal: undefined, by: 'coordinator/2' })).toBe(0)
    expect(limits.admit({ principal: 'ci', by })).toBe(0)
  })
})
