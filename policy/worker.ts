import type { IssuerKeys } from '@symbolon/evidence/established.ts'
import type { Stops } from '@symbolon/evidence/stops.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import type { Bundle } from './bundle.ts'
import { openJudge } from './judge.ts'
import type { Explained, Judgement, JudgeRequest, Listing, ListQuestion, RuleOptions, RuleRequest, Ruling } from './judgement.ts'

/* The module that a pool of worker threads runs. A policy that does not come to an end is stopped by the pool, with its thread. */

/** Another roster is another pool. */
export interface JudgeInit {
  readonly roster: Roster
  readonly bundle: Bundle
  readonly stops: Stops
  /** Of the api alone. */
  readonly presumesSealed?: boolean
}

/** What one call asks: of each kind any number, each judged by itself. */
export interface WorkerCall {
  readonly judge?: readonly JudgeRequest[]
  readonly explain?: readonly JudgeRequest[]
  readonly list?: readonly ListQuestion[]
  readonly rule?: readonly (RuleRequest & RuleOptions)[]
  /** Seconds; one for the call. */
  readonly clock: number
}

/** In the order of the call. */
export interface WorkerAnswer {
  readonly judged: readonly Judgement[]
  readonly explained: readonly Explained[]
  readonly listed: readonly Listing[]
  readonly ruled: readonly Ruling[]
}

/** Each takes the place of the last of its kind, whole. Give each its own key when you broadcast it. */
export type WorkerUpdate = { readonly issuerKeys: IssuerKeys } | { readonly stops: Stops }

export interface JudgeWorker {
  handle(call: WorkerCall): WorkerAnswer
  update(message: WorkerUpdate): void
}

/** Throws PolicyUnusable, so that a process with a wrong bundle does not start. */
export function open(init: JudgeInit): JudgeWorker {
  let keys: IssuerKeys = new Map()
  let { stops } = init
  const judge = openJudge({ roster: init.roster, bundle: init.bundle, stops: () => stops, issuerKeys: () => keys, presumesSealed: init.presumesSealed ?? false })
  return {
    handle: ({ judge: asked = [], explain = [], list = [], rule = [], clock }) => ({
      judged: asked.map((request) => judge.judge(request, clock)),
      explained: explain.map((request) => judge.explain(request, clock)),
      listed: list.map((question) => judge.list(question, clock)),
      ruled: rule.map(({ whenever = false, ...request }) => judge.rule(request, clock, { whenever })),
    }),
    update(message) {
      if ('issuerKeys' in message && message.issuerKeys instanceof Map) keys = message.issuerKeys
      else if ('stops' in message && Array.isArray(message.stops.revoked) && Array.isArray(message.stops.locked)) stops = message.stops
      else throw new TypeError('an update brings issuer keys or stops')
    },
  }
}
