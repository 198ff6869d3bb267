import { decodeIntent, intentDigest, type Intent, type IntentDigest } from '@symbolon/protocol/intent.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import type { Established, IssuerKeys, Verifier } from '@symbolon/evidence/established.ts'
import { misplaced, type Deployment, type Timing } from './deployment.ts'
import type { JudgeRequest, Refused, Unavailable } from './judgement.ts'
import { unreadable } from './unreadable.ts'

/* What every judgement begins with, whatever is asked: an intent for this deployment, now, and true evidence of the one that it names. */

export interface Opened {
  readonly verdict: 'opened'
  readonly intent: Intent
  readonly digest: IntentDigest
  readonly established: Established
}

interface Facts extends Timing {
  /** Is it an intent that this question is about? */
  suits(intent: Intent): Reason | undefined
  readonly here: Deployment
  readonly verifier: Verifier
  readonly issuerKeys: IssuerKeys
}

export function openRequest({ intent: bytes, evidence, opened }: Pick<JudgeRequest, 'intent' | 'evidence' | 'opened'>, { suits, here, verifier, issuerKeys, ...timing }: Facts): Opened | Refused | Unavailable {
  const decoded = decodeIntent(bytes)
  if (!decoded.ok) return { verdict: 'refused', reasons: unreadable(decoded) }
  const intent = decoded.value
  const digest = intentDigest(bytes)

  const elsewhere = misplaced(intent, here, timing) ?? suits(intent)
  if (elsewhere !== undefined) return { verdict: 'refused', digest, intent, reasons: [elsewhere] }
  if (intent.as !== undefined) return { verdict: 'refused', digest, intent, reasons: [reasonOf('impersonation_not_allowed', 'Nobody may act as somebody else here.', { rule: 'intent.as', fact: intent.as, remedy: 'Leave out `as`.' })] }

  const shown = verifier.verify({ intent, digest, evidence, issuerKeys, ...(opened === undefined ? {} : { opened }) })
  if (!shown.ok && 'missing' in shown) return { verdict: 'unavailable', code: 'issuer_keys_unavailable', missing: shown.missing }
  if (!shown.ok) return { verdict: 'refused', digest, intent, reasons: shown.reasons }
  const { principal } = shown.value
  if (principal.id !== intent.sub) return { verdict: 'refused', digest, intent, principal, reasons: [reasonOf('subject_mismatch', 'The evidence yields another principal.', { rule: 'intent.sub', fact: `sub ${intent.sub}, evidence of ${principal.id}`, remedy: `Let sub be ${principal.id}.` })] }
  return { verdict: 'opened', intent, digest, established: shown.value }
}
