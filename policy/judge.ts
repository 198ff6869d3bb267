import { isSecretIntent, type Intent, type SecretIntent, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import { openVerifier } from '@symbolon/evidence/verify.ts'
import { bundleDigest } from './bundle.ts'
import { deploymentOf, type Timing } from './deployment.ts'
import { openEvaluator, PolicyUnusable } from './evaluate.ts'
import type { Judge, JudgeOptions, JudgeRequest, Refused, Unavailable } from './judgement.ts'
import { openRequest } from './opening.ts'
import { rowsOf } from './rows.ts'
import { isRuled, ruleOn } from './rule.ts'
import { explained, weigh } from './weigh.ts'
import type { Weighed } from './weighed.ts'

export type { Explained, Granted, GrantedByPolicy, GrantedListing, GrantedReading, GrantedRecord, GrantedSigned, GrantedToken, Judge, Judgement, JudgeOptions, JudgeRequest, Listed, Listing, ListQuestion, Opening, Reasons, Refused, Ruled, RuledIntent, RuleOptions, RuleRequest, Ruling, StopFact, Unavailable } from './judgement.ts'

/**
 * The only way to a decision and to what is signed or opened. Signers call it with authority; api and vault, to answer early and to explain.
 * What it says is a function of intent, evidence, records, roster, stops and bundle: neither they nor the coordinator nor a clock shapes it.
 * Throws PolicyUnusable when the bundle is not the one that the roster names, or cannot be evaluated.
 */
export function openJudge({ roster, bundle, stops, issuerKeys, presumesSealed = false }: JudgeOptions): Judge {
  const digest = bundleDigest(bundle.wasm, bundle.data)
  if (digest !== roster.policy) throw new PolicyUnusable(`the roster names the policy ${roster.policy}, this is ${digest}`)
  const here = deploymentOf(roster)
  const policy = openEvaluator(bundle)
  let verifying = { stops: stops(), verifier: openVerifier(roster, stops(), { presumesSealed }) }

  const open = (request: Pick<JudgeRequest, 'intent' | 'evidence' | 'opened'>, suits: (intent: Intent) => Reason | undefined, timing: Timing) => {
    const newest = stops()
    if (newest !== verifying.stops) verifying = { stops: newest, verifier: openVerifier(roster, newest, { presumesSealed }) }
    return openRequest(request, { suits, here, verifier: verifying.verifier, issuerKeys: issuerKeys(), ...timing })
  }
  const weighing = <T>(request: JudgeRequest, suits: (intent: Intent) => Reason | undefined, clock: number, weigh: (asked: Weighed) => T): T | Refused | Unavailable => {
    const opened = open(request, suits, { clock })
    if (opened.verdict !== 'opened') return opened
    const { intent, digest, established } = opened
    if (!isWeighed(intent)) throw new TypeError('an intent of another kind does not suit')
    return weigh({ intent, digest, established, asserted: request.asserted, records: request.records ?? [] })
  }

  return {
    judge: (request, clock) => weighing(request, answerable, clock, (asked) => weigh(asked, here, policy)),
    explain: (request, clock) => weighing(request, explainable, clock, (asked) => explained(asked, here, policy)),
    list: ({ request, ...rows }, clock) => weighing(request, listable, clock, (asked) => rowsOf(asked, rows, here, policy)),
    rule(request, clock, { whenever = false } = {}) {
      const opened = open(request, rulable, { clock, whenever })
      return opened.verdict === 'opened' ? ruleOn({ ...opened, request }, { roster, here, stops: verifying.stops, clock }) : opened
    },
  }
}

const isWeighed = (intent: Intent): intent is TokenIntent | SecretIntent => intent.kind === 'token' || isSecretIntent(intent)

/** What policy weighs at all, and what its schema cannot say. */
function weighable(intent: Intent): Reason | undefined {
  if (!isWeighed(intent)) return reasonOf('intent_malformed', 'Policy weighs tokens and secrets, nothing else.', { rule: 'intent.kind', fact: intent.kind })
  if (intent.kind === 'secret.list' && (intent.prefix === undefined) === (intent.paths === undefined)) return reasonOf('intent_malformed', 'A listing names either a folder or paths.', { rule: 'intent.prefix' })
  if (intent.kind === 'secret.list' && intent.recursive === true && intent.prefix === undefined) return reasonOf('intent_malformed', 'Only a folder is listed recursively.', { rule: 'intent.recursive' })
  return undefined
}

const isDry = (intent: Intent): boolean => 'dry' in intent && intent.dry === true

const explainable = (intent: Intent): Reason | undefined =>
  weighable(intent) ?? (isDry(intent) ? undefined : reasonOf('intent_dry', 'Only a dry intent is explained: with evidence for any other, whoever explains could have what it asks for.', { rule: 'intent.dry', remedy: 'Build the intent with `dry`.' }))

const answerable = (intent: Intent): Reason | undefined =>
  weighable(intent) ?? (isDry(intent) ? reasonOf('intent_dry', 'A dry intent is there to be explained.', { rule: 'intent.dry', remedy: 'Make an intent without `dry`, and evidence for it.' }) : undefined)

const listable = (intent: Intent): Reason | undefined =>
  intent.kind === 'secret.list' && intent.prefix !== undefined ? answerable(intent) : reasonOf('intent_malformed', 'Only a folder has rows.', { rule: 'intent.kind', fact: intent.kind })

const rulable = (intent: Intent): Reason | undefined =>
  isRuled(intent) ? undefined : reasonOf('intent_malformed', 'Such an intent is not ruled on.', { rule: 'intent.kind', fact: intent.kind })
