import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { askAll, type Progress, type Verdict } from './fanout.ts'

type Reply = 'yes' | 'no'
const two = ({ answers, outstanding }: Progress<number, Reply>): Verdict<number> => {
  const yes = answers.filter(({ answer }) => answer === 'yes').length
  if (yes >= 2) return { verdict: 'enough' }
  return yes + outstanding.length < 2 ? { verdict: 'impossible' } : { verdict: 'wait' }
}
const never = (signal: AbortSignal) => new Promise<Reply>((resolve) => signal.addEventListener('abort', () => resolve('no')))

describe('askAll', () => {
  test('stops when enough, and aborts those still asked', async () => {
    const aborted: number[] = []
    const ask = async (peer: number, signal: AbortSignal): Promise<Reply> => {
      if (peer !== 3) return 'yes'
      signal.addEventListener('abort', () => aborted.push(peer))
      return never(signal)
    }
    const asked = await askAll({ peers: [1, 2, 3], ask, judge: two, deadlineMs: 1000 })
    expect(asked).toEqual({ outcome: 'enough', answers: [{ peer: 1, answer: 'yes' }, { peer: 2, answer: 'yes' }] })
    expect(aborted).toEqual([3])
  })

  test('stops as soon as enough has become impossible', async () => {
    const ask = async (peer: number, signal: AbortSignal): Promise<Reply> => (peer === 3 ? never(signal) : 'no')
    expect(await askAll({ peers: [1, 2, 3], ask, judge: two, deadlineMs: 10_000 })).toMatchObject({ outcome: 'impossible', answers: [{ peer: 1 }, { peer: 2 }] })
  })

  test('has one deadline', async () => {
    expect(await askAll({ peers: [1, 2], ask: (_peer, signal) => never(signal), judge: two, deadlineMs: 20 })).toEqual({ outcome: 'deadline', answers: [] })
  })

  test('asks replacements that the judge names, each peer only once', async () => {
    const count = new Map<number, number>()
    const ask = async (peer: number): Promise<Reply> => {
      count.set(peer, (count.get(peer) ?? 0) + 1)
      return peer === 1 ? 'no' : 'yes'
    }
    const judge = (progress: Progress<number, Reply>): Verdict<number> =>
      progress.answers.filter(({ answer }) => answer === 'yes').length >= 2 ? { verdict: 'enough' } : { verdict: 'wait', also: [1, 2, 3] }
    expect(await askAll({ peers: [1, 2, 2], ask, judge, deadlineMs: 1000 })).toMatchObject({ outcome: 'enough' })
    expect([...count.values()]).toEqual([1, 1, 1])
  })

  test('hedges when the first are late', async () => {
    const judge = (progress: Progress<number, Reply>): Verdict<number> => (progress.answers.length > 0 ? { verdict: 'enough' } : { verdict: 'wait', also: progress.late ? [2] : [] })
    const asked = await askAll({ peers: [1], ask: (peer, signal) => (peer === 1 ? never(signal) : Promise.resolve('yes' as const)), judge, deadlineMs: 5000, hedgeAfterMs: 10 })
    expect(asked).toEqual({ outcome: 'enough', answers: [{ peer: 2, answer: 'yes' }] })
  })

  test('hedges again until there is enough; once the time for it has come, every verdict hears that it is overdue', async () => {
    const heard: [boolean, boolean, number][] = []
    const judge = ({ answers, late, overdue }: Progress<number, Reply>): Verdict<number> => {
      heard.push([late, overdue, answers.length])
      const asked = heard.filter(([isLate]) => isLate).length
      return answers.length > 0 ? { verdict: 'enough' } : { verdict: 'wait', also: late ? [asked + 1] : [] }
    }
    const asked = await askAll({ peers: [1], ask: (peer, signal) => (peer < 4 ? never(signal) : Promise.resolve('yes' as const)), judge, deadlineMs: 5000, hedgeAfterMs: 10, hedgeAgainMs: 5 })
    expect(asked).toEqual({ outcome: 'enough', answers: [{ peer: 4, answer: 'yes' }] })
    expect(heard).toEqual([[true, true, 0], [true, true, 0], [true, true, 0], [false, true, 1]])
  })

  test('ends when nobody is left, when nobody was named, and when its caller aborts', async () => {
    const wait = (): Verdict<number> => ({ verdict: 'wait' })
    const yes = async (): Promise<Reply> => 'yes'
    expect(await askAll({ peers: [1], ask: yes, judge: wait, deadlineMs: 1000 })).toMatchObject({ outcome: 'exhausted', answers: [{ peer: 1 }] })
    expect(await askAll({ peers: [], ask: yes, judge: wait, deadlineMs: 1000 })).toMatchObject({ outcome: 'exhausted' })
    expect(await askAll({ peers: [1], ask: (_peer, signal) => never(signal), judge: wait, deadlineMs: 9000, signal: AbortSignal.timeout(10) })).toMatchObject({ outcome: 'aborted' })
    expect(await askAll({ peers: [1], ask: yes, judge: wait, deadlineMs: 9000, signal: AbortSignal.abort() })).toMatchObject({ outcome: 'aborted', answers: [] })
  })

  test('D-5 a question or a judge that throws rejects the whole', async () => {
    const broken = async (): Promise<Reply> => {
      await sleep(1)
      throw new RangeError('bug')
    }
    const judge = (): Verdict<number> => {
      throw new TypeError('bug')
    }
    await expect(askAll({ peers: [1], ask: broken, judge: two, deadlineMs: 1000 })).rejects.toThrow(RangeError)
    await expect(askAll({ peers: [1], ask: async () => 'yes' as const, judge, deadlineMs: 1000 })).rejects.toThrow(TypeError)
    await expect(askAll({ peers: [], ask: broken, judge, deadlineMs: 1000 })).rejects.toThrow(TypeError)
  })
})
