import { expect, test } from 'vitest'
import type { MissingKey } from '@symbolon/evidence/established.ts'
import type { Judgement, JudgeRequest, Refused } from '@symbolon/policy/judgement.ts'
import type { CallResult } from '@symbolon/runtime/workers.ts'
import { openJudging, type Batch } from './judging.ts'

const requestOf = (name: string): JudgeRequest => ({ intent: new TextEncoder().encode(name), evidence: [], approvals: [], asserted: {} })
const nameOf = ({ intent }: JudgeRequest) => new TextDecoder().decode(intent)
const said = (message: string): Refused => ({ verdict: 'refused', reasons: [{ code: 'policy_denied', message }] })

/** Workers that know the keys that were fetched; what lacks one is named `kid:…`. */
function workers(options: { readonly fetchable?: readonly string[]; readonly failure?: (call: number) => CallResult<readonly Judgement[]> | undefined } = {}) {
  const known = new Set<string>()
  const calls: string[][] = []
  const fetched: MissingKey[][] = []
  const judge = openJudging({
    async call({ requests }: Batch<JudgeRequest>): Promise<CallResult<readonly Judgement[]>> {
      calls.push(requests.map(nameOf))
      return options.failure?.(calls.length) ?? { ok: true, value: requests.map((request) => judged(nameOf(request))) }
    },
    async fetchKeys(missing) {
      fetched.push([...missing])
      for (const { kid } of missing) if (options.fetchable?.includes(kid) === true) known.add(kid)
    },
  })
  const judged = (name: string): Judgement => {
    const kid = /^kid:(.*)$/.exec(name)?.[1]
    return kid === undefined || known.has(kid) ? said(name) : { verdict: 'unavailable', code: 'issuer_keys_unavailable', missing: { issuer: 'forge', kid } }
  }
  return { calls, fetched, ask: (...names: string[]) => judge({ requests: names.map(requestOf), clock: 1 }) }
}

test('a batch that lacks nothing is one call', async () => {
  const { ask, calls, fetched } = workers()
  expect(await ask('a', 'b')).toEqual([said('a'), said('b')])
  expect([calls, fetched]).toEqual([[['a', 'b']], []])
})

test('what lacks an issuer’s key is judged once more after one fetch, the others are not', async () => {
  const { ask, calls, fetched } = workers({ fetchable: ['k1', 'k2'] })
  expect(await ask('a', 'kid:k1', 'b', 'kid:k2')).toEqual([said('a'), said('kid:k1'), said('b'), said('kid:k2')])
  expect(calls).toEqual([['a', 'kid:k1', 'b', 'kid:k2'], ['kid:k1', 'kid:k2']])
  expect(fetched).toEqual([[{ issuer: 'forge', kid: 'k1' }, { issuer: 'forge', kid: 'k2' }]])
})

test('a key that cannot be fetched is unavailable, after one try', async () => {
  const { ask, calls } = workers()
  expect(await ask('kid:k1', 'a')).toEqual([{ verdict: 'unavailable', code: 'issuer_keys_unavailable', missing: { issuer: 'forge', kid: 'k1' } }, said('a')])
  expect(calls).toHaveLength(2)
})

test.each([['overloaded', 'busy'], ['closed', 'busy'], ['timeout', 'timed_out'], ['crashed', 'timed_out']] as const)('workers that are %s: the batch is %s', async (reason, code) => {
  const { ask } = workers({ failure: () => ({ ok: false, reason, detail: 'test' }) })
  expect(await ask('a', 'b')).toBe(code)
})

test('a failure of the second call is only theirs who needed it', async () => {
  const { ask } = workers({ fetchable: ['k1'], failure: (call) => (call === 2 ? { ok: false, reason: 'timeout', detail: 'test' } : undefined) })
  expect(await ask('a', 'kid:k1')).toEqual([said('a'), { verdict: 'unavailable', code: 'timed_out' }])
})
