import type { Asserted } from '@symbolon/protocol/evidence.ts'
import type { IntentDigest, TokenIntent } from '@symbolon/protocol/intent.ts'
import { bytesHash } from '@symbolon/protocol/sign.ts'
import { tokenSigningInput } from '@symbolon/protocol/token.ts'
import type { Established } from '@symbolon/evidence/established.ts'
import { claimsOf } from './claims.ts'
import type { Deployment } from './deployment.ts'
import type { Evaluator } from './evaluate.ts'
import { policyInput } from './input.ts'
import type { Granted, Refused } from './judgement.ts'
import { settle } from './settle.ts'

export interface Weighed {
  readonly intent: TokenIntent
  readonly digest: IntentDigest
  readonly established: Established
  readonly asserted: Asserted
}

/** From established facts to decision and bytes. It believes `established`, so only judge.ts may call it; package.json hides it from every other folder. */
export function weigh({ intent, digest, established, asserted }: Weighed, here: Deployment, policy: Evaluator): Granted | Refused {
  const { principal, passkey } = established
  const decide = (asserted: Asserted) => policy.decide(policyInput({ intent, established, asserted, limits: here.limits }))

  const decision = decide({})
  const settled = settle({ decision, intent, established, caps: here.limits })
  if (!settled.ok) return { verdict: 'refused', digest, intent, principal, decision, reasons: settled.reasons }

  // What the api asserts is asked about apart, and of a request that wants exactly what was settled: it can refuse, not reshape.
  if (Object.keys(asserted).length > 0) {
    const stricter = decide(asserted)
    const second = settle({ decision: stricter, intent: { ...intent, ttl: settled.ttl }, established, caps: here.limits })
    if (!second.ok) return { verdict: 'refused', digest, intent, principal, decision: stricter, reasons: second.reasons }
  }

  const claims = claimsOf({ intent, digest, established, ttl: settled.ttl, here })
  const message = tokenSigningInput(here.kid, claims)
  return { verdict: 'granted', grants: 'token', digest, intent, principal, decision, claims, message, bytesHash: bytesHash(message), singleUse: established.singleUse, ...(passkey === undefined ? {} : { passkey }) }
}
