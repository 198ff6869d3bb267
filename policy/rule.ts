import type { Approval } from '@symbolon/protocol/approval.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import type { Intent, IntentDigest } from '@symbolon/protocol/intent.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import type { Established } from '@symbolon/evidence/established.ts'
import type { Stops } from '@symbolon/evidence/stops.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { countApprovals } from './count.ts'
import type { Deployment } from './deployment.ts'
import type { Refused, Ruled, RuledIntent } from './judgement.ts'
import { stopOf } from './stop.ts'

/* Who may ask for what mints nothing. These rules are code, not policy data: a bad policy must not keep guardians from mending it. */

const kinds: ReadonlySet<string> = new Set(['roster', 'revoke', 'lock', 'read'] satisfies RuledIntent['kind'][])
export const isRuled = (intent: Intent): intent is RuledIntent => kinds.has(intent.kind)

interface Asked {
  readonly intent: Intent
  readonly digest: IntentDigest
  readonly established: Established
  readonly request: { readonly evidence: readonly Evidence[]; readonly approvals: readonly Approval[] }
}

interface Ground {
  readonly roster: Roster
  readonly here: Deployment
  readonly stops: Stops
  readonly clock: number
}

/** It believes `established`, so only judge.ts may call it; package.json hides it from every other folder. */
export function ruleOn({ intent, digest, established, request }: Asked, { roster, here, stops, clock }: Ground): Ruled | Refused {
  if (!isRuled(intent)) throw new TypeError('an intent of another kind does not suit')
  const { principal, passkey } = established
  const refused = (reason: Reason): Refused => ({ verdict: 'refused', digest, intent, principal, reasons: [reason] })

  const unfit = unfitFor(intent, established, roster)
  if (unfit !== undefined) return refused(unfit)
  const stopped = intent.kind === 'revoke' || intent.kind === 'lock' ? stopOf(intent, { established, evidence: request.evidence, here, roster }) : undefined
  if (stopped?.ok === false) return refused(stopped.reason)
  const counted = countApprovals(request.approvals, { digest, requester: principal, roster, stops, clock })
  return {
    verdict: 'granted',
    digest,
    intent,
    principal,
    touch: passkey !== undefined,
    passkeyUses: passkey?.uses ?? [],
    ...(passkey === undefined ? {} : { passkey }),
    ...counted,
    ...(stopped === undefined ? {} : { stop: stopped.stop }),
  }
}

/** Is this somebody who may ask for such a thing at all? Evidence has said already what a grant or a token is no proof for. */
function unfitFor(intent: RuledIntent, { principal, evidence }: Established, roster: Roster): Reason | undefined {
  const byCode = principal.kind === 'bootstrap'
  switch (intent.kind) {
    case 'roster':
      if (byCode ? roster.version === 1 && intent.version === 2 : principal.kind === 'person' && evidence.kind === 'passkey') return undefined
      return reasonOf('touch_required', 'A roster change is proposed by a person’s touch of a passkey, version 2 by the bootstrap code.', { rule: 'intent.kind', fact: `${principal.kind}, by ${evidence.kind}`, remedy: 'Propose it with a passkey.' })
    case 'read':
      if (principal.kind !== 'trust' && (!byCode || roster.version === 1)) return undefined
      return reasonOf('policy_denied', 'Only people and services of the roster may read it.', { rule: 'intent.kind', fact: principal.kind, remedy: 'Sign in as a person, or with a service’s key.' })
    case 'revoke':
    case 'lock':
      return byCode ? reasonOf('not_a_guardian', 'The bootstrap code makes version 2, and nothing else.', { rule: 'intent.kind', fact: intent.kind, remedy: 'Make version 2 first.' }) : undefined
  }
}
