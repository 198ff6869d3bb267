import type { IssuerKeys } from '@symbolon/evidence/established.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import type { Bundle } from './bundle.ts'
import { openJudge } from './judge.ts'
import type { Judgement, JudgeRequest } from './judgement.ts'

/* The module that a pool of worker threads runs. A policy that does not come to an end is stopped by the pool, with its thread. */

export interface JudgeInit {
  readonly roster: Roster
  readonly bundle: Bundle
}

export interface JudgeBatch {
  readonly requests: readonly JudgeRequest[]
  /** Seconds; one for the batch. */
  readonly clock: number
}

export interface JudgeWorker {
  /** Answers in order. Each request is judged by itself. */
  handle(batch: JudgeBatch): readonly Judgement[]
  /** Takes the newest issuer keys, whole. */
  update(message: unknown): void
}

/** Throws PolicyUnusable, so that a process with a wrong bundle does not start. */
export function open({ roster, bundle }: JudgeInit): JudgeWorker {
  let keys: IssuerKeys = new Map()
  const { judge } = openJudge({ roster, bundle, issuerKeys: () => keys })
  return {
    handle: ({ requests, clock }) => requests.map((request) => judge(request, clock)),
    update(message) {
      if (!(message instanceof Map)) throw new TypeError('issuer keys come as a map')
      keys = message as IssuerKeys
    },
  }
}
