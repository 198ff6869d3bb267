import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { attemptsOf, coordinate } from './coordinator.testkit.ts'
import { deploy, type Misbehaviour } from './fake-signer.testkit.ts'
import { decide, type Standing } from './next-move.ts'

/* The bound of ROAST: with f ≤ n−t faulty signers, a signature within n−t+1 attempts, whatever they do and however they agree on it. */

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const kinds: readonly Misbehaviour[] = ['down', 'silent', 'slow', 'bad_share', 'short_share', 'share_over_order', 'zero_share', 'share_of_another_attempt', 'wrong_R', 'wrong_R_and_share', 'false_list_invalid', 'stale_nonce', 'wrong_epoch', 'ill', 'refuses', 'forged_refusal', 'unsigned_reply', 'nonsense', 'too_few_answers']

/** t of n with 2t > n, and up to n−t of them corrupt. */
const groups = fc.integer({ min: 2, max: 5 }).chain((t) =>
  fc.integer({ min: t + 1, max: Math.min(2 * t - 1, 7) }).chain((n) =>
    fc.record({ t: fc.constant(t), n: fc.constant(n), corrupt: fc.subarray(Array.from({ length: n }, (_, at) => at + 1), { maxLength: n - t }), plan: fc.array(fc.constantFrom(...kinds), { minLength: 12, maxLength: 12 }) }),
  ),
)

test('TST-30 TST-31 C-3 property: any n−t faulty signers, each with whatever fault, delay a signature by at most as many attempts', async () => {
  await fc.assert(
    fc.asyncProperty(groups, async ({ t, n, corrupt, plan }) => {
      const deployment = deploy(t, n)
      const coordinator = coordinate(deployment, () => vi.advanceTimersToNextTimerAsync())
      await coordinator.mint()
      let next = 0
      for (const signer of deployment.signers) if (corrupt.includes(signer.id)) signer.plan = () => plan[next++ % plan.length]
      const before = attemptsOf(deployment)
      expect(await coordinator.mint()).toMatchObject({ outcome: 'signed' })
      expect(attemptsOf(deployment) - before).toBeLessThanOrEqual(n - t + 1)
      expect(deployment.signers.map(({ overlaps }) => overlaps)).toEqual(deployment.signers.map(() => 0))
      expect(coordinator.faults.filter(({ signer }) => !corrupt.includes(signer))).toEqual([])
    }),
    { numRuns: 60 },
  )
})

test.each([[2, 3], [3, 5], [4, 7]])('TST-30 %i of %i: an attacker that spoils one attempt after the other, each with a signer that behaved until then, gets n−t of them', async (t, n) => {
  const deployment = deploy(t, n)
  const coordinator = coordinate(deployment, () => vi.advanceTimersToNextTimerAsync())
  await coordinator.mint()
  const spoiled = new Set<string>()
  const used = new Set<number>()
  // Any signer may be the one that is corrupt: the attacker takes a new one only when an attempt without a fault is under way.
  for (const signer of deployment.signers)
    signer.plan = ({ attempt }) => {
      if (!used.has(signer.id) && (spoiled.has(attempt) || used.size >= n - t)) return undefined
      spoiled.add(attempt)
      used.add(signer.id)
      return (['bad_share', 'silent', 'wrong_epoch'] as const)[used.size % 3]
    }
  const before = attemptsOf(deployment)
  expect(await coordinator.mint()).toMatchObject({ outcome: 'signed' })
  expect(used.size).toBe(n - t)
  expect(attemptsOf(deployment) - before).toBe(n - t + 1)
})

test('TST-31 no attempt is ever asked twice of a signer: a retry is another attempt', async () => {
  const deployment = deploy(2, 3)
  const coordinator = coordinate(deployment, () => vi.advanceTimersToNextTimerAsync())
  for (const signer of deployment.signers) signer.misbehaves = 'flapping'
  for (let round = 0; round < 5; round++) await coordinator.mint()
  for (const { asked } of deployment.signers) expect(new Set(asked).size).toBe(asked.length)
  expect(deployment.signers.some(({ asked }) => asked.length > 5)).toBe(true)
})

const standing = fc.constantFrom<Standing>('free', 'busy', 'late', 'again', 'failed', 'refused', 'faulty')

test('the next move: vetoes end it first, nothing is started that cannot end, nothing waits for nobody', () => {
  fc.assert(
    fc.property(fc.array(standing, { minLength: 3, maxLength: 9 }), fc.constantFrom('prompt' as const, 'late' as const, 'none' as const), fc.nat(), (standings, attempts, pick) => {
      const n = standings.length
      const t = Math.floor(n / 2) + 1 + (pick % Math.max(1, n - Math.floor(n / 2) - 1))
      const count = (...wanted: Standing[]) => standings.filter((each) => wanted.includes(each)).length
      const move = decide(standings, attempts, t)
      expect(move === 'refused').toBe(count('refused') > n - t)
      if (move === 'start') expect(count('free')).toBeGreaterThanOrEqual(t)
      if (move === 'start' || move === 'start_again') expect(attempts).not.toBe('prompt')
      if (move === 'start_again') expect(count('busy')).toBe(0)
      if (move === 'wait') expect(attempts !== 'none' || count('busy', 'late') > 0).toBe(true)
      if (move === 'faulty') expect(count('faulty')).toBeGreaterThan(0)
      if (move === 'unreachable') expect(n - count('failed', 'refused', 'faulty')).toBeLessThan(t)
    }),
    { numRuns: 2_000 },
  )
})
