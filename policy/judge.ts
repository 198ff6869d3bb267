import { decodeIntent, intentDigest } from '@symbolon/protocol/intent.ts'
import { reasonOf } from '@symbolon/protocol/reason.ts'
import { openVerifier } from '@symbolon/evidence/verify.ts'
import { bundleDigest } from './bundle.ts'
import { deploymentOf, misplaced } from './deployment.ts'
import { openEvaluator, PolicyUnusable } from './evaluate.ts'
import type { Judge, JudgeOptions } from './judgement.ts'
import { unreadable } from './unreadable.ts'
import { weigh } from './weigh.ts'

export type { Granted, Judge, Judgement, JudgeOptions, JudgeRequest, Reasons, Refused, Unavailable } from './judgement.ts'

/**
 * The only way to a decision and to the bytes of a token. Signers call it with authority; the api, to answer early and to explain.
 * What it says is a function of intent, evidence, roster and bundle: neither the api nor the coordinator nor a clock shapes it.
 * Throws PolicyUnusable when the bundle is not the one that the roster names, or cannot be evaluated.
 */
export function openJudge({ roster, bundle, issuerKeys }: JudgeOptions): Judge {
  const digest = bundleDigest(bundle.wasm, bundle.data)
  if (digest !== roster.policy) throw new PolicyUnusable(`the roster names the policy ${roster.policy}, this is ${digest}`)
  const here = deploymentOf(roster)
  const policy = openEvaluator(bundle)
  const verifier = openVerifier(roster)

  return {
    judge({ intent: bytes, evidence, asserted }, clock) {
      const decoded = decodeIntent(bytes)
      if (!decoded.ok) return { verdict: 'refused', reasons: unreadable(decoded) }
      const intent = decoded.value
      const digest = intentDigest(bytes)

      const elsewhere = misplaced(intent, here, clock)
      if (elsewhere !== undefined) return { verdict: 'refused', digest, intent, reasons: [elsewhere] }
      if (intent.as !== undefined) return { verdict: 'refused', digest, intent, reasons: [reasonOf('impersonation_not_allowed', 'Nobody may act as somebody else here.', { rule: 'intent.as', fact: intent.as, remedy: 'Leave out `as`.' })] }

      const shown = verifier.verify({ intent, digest, evidence, issuerKeys: issuerKeys() })
      if (!shown.ok && 'missing' in shown) return { verdict: 'unavailable', code: 'issuer_keys_unavailable', missing: shown.missing }
      if (!shown.ok) return { verdict: 'refused', digest, intent, reasons: shown.reasons }
      const { principal } = shown.value
      if (intent.kind !== 'token') return { verdict: 'refused', digest, intent, principal, reasons: [reasonOf('intent_malformed', 'Only intents of kind token are minted.', { rule: 'intent.kind', fact: intent.kind })] }
      if (principal.id !== intent.sub) return { verdict: 'refused', digest, intent, principal, reasons: [reasonOf('subject_mismatch', 'The evidence yields another principal.', { rule: 'intent.sub', fact: `sub ${intent.sub}, evidence of ${principal.id}`, remedy: `Let sub be ${principal.id}.` })] }

      return weigh({ intent, digest, established: shown.value, asserted }, here, policy)
    },
  }
}
