import type { Intent } from '@symbolon/protocol/intent.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import { openVerifier } from '@symbolon/evidence/verify.ts'
import { bundleDigest } from './bundle.ts'
import { deploymentOf, type Timing } from './deployment.ts'
import { openEvaluator, PolicyUnusable } from './evaluate.ts'
import type { Judge, JudgeOptions, JudgeRequest, Judgement } from './judgement.ts'
import { openRequest } from './opening.ts'
import { isRuled, ruleOn } from './rule.ts'
import { weigh } from './weigh.ts'

export type { Granted, GrantedListing, GrantedReading, GrantedRecord, GrantedSigned, GrantedToken, Judge, Judgement, JudgeOptions, JudgeRequest, Reasons, Refused, Ruled, RuledIntent, RuleOptions, RuleRequest, Ruling, StopFact, Unavailable } from './judgement.ts'

/**
 * The only way to a decision and to the bytes of a token. Signers call it with authority; the api, to answer early and to explain.
 * What it says is a function of intent, evidence, roster, stops and bundle: neither the api nor the coordinator nor a clock shapes it.
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
  const weighed = (request: JudgeRequest, suits: (intent: Intent) => Reason | undefined, clock: number): Judgement => {
    const opened = open(request, suits, { clock })
    if (opened.verdict !== 'opened') return opened
    const { intent, digest, established } = opened
    if (intent.kind !== 'token') throw new TypeError('an intent of another kind does not suit')
    return weigh({ intent, digest, established, asserted: request.asserted }, here, policy)
  }

  return {
    judge: (request, clock) => weighed(request, mintable, clock),
    explain: (request, clock) => weighed(request, explainable, clock),
    rule(request, clock, { whenever = false } = {}) {
      const opened = open(request, rulable, { clock, whenever })
      return opened.verdict === 'opened' ? ruleOn({ ...opened, request }, { roster, here, stops: verifying.stops, clock }) : opened
    },
  }
}

function explainable(intent: Intent): Reason | undefined {
  if (intent.kind !== 'token') return reasonOf('intent_malformed', 'Only intents of kind token are minted.', { rule: 'intent.kind', fact: intent.kind })
  if (intent.dry !== true) return reasonOf('intent_dry', 'Only a dry intent is explained: with evidence for any other, whoever explains could mint.', { rule: 'intent.dry', remedy: 'Build the intent with `dry`.' })
  return undefined
}

function mintable(intent: Intent): Reason | undefined {
  if (intent.kind !== 'token') return explainable(intent)
  return intent.dry === true ? reasonOf('intent_dry', 'A dry intent is there to be explained.', { rule: 'intent.dry', remedy: 'Make an intent without `dry`, and evidence for it.' }) : undefined
}

const rulable = (intent: Intent): Reason | undefined =>
  isRuled(intent) ? undefined : reasonOf('intent_malformed', 'Such an intent is not ruled on.', { rule: 'intent.kind', fact: intent.kind })
