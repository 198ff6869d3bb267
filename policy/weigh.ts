import { taggedHash, toBase64url } from '@symbolon/protocol/bytes.ts'
import type { Asserted } from '@symbolon/protocol/evidence.ts'
import { isRecordIntent, type SecretListIntent, type TokenIntent } from '@symbolon/protocol/intent.ts'
import type { Decision } from '@symbolon/protocol/reason.ts'
import { bytesHash } from '@symbolon/protocol/sign.ts'
import { tokenSigningInput } from '@symbolon/protocol/token.ts'
import { claimsOf } from './claims.ts'
import type { Deployment } from './deployment.ts'
import type { Evaluator } from './evaluate.ts'
import { policyInput } from './input.ts'
import type { Explained, Granted, GrantedListing, GrantedToken, Reasons, Refused } from './judgement.ts'
import { notFound } from './not-found.ts'
import { questionOf, type Question } from './question.ts'
import { settle } from './settle.ts'
import { readingOf } from './weigh-reading.ts'
import { recordOf } from './weigh-record.ts'
import type { Base, Weighed } from './weighed.ts'

/* From established facts to what is granted. It believes `established`, so only judge.ts may call it; package.json hides it from every other folder. */

type Decided = { readonly ok: true; readonly decision: Decision; readonly ttl: number } | { readonly ok: false; readonly decision: Decision; readonly reasons: Reasons }

/** What a yes to this comes to: the bytes to sign, or the ciphertexts to open. */
export function weigh(asked: Weighed, here: Deployment, policy: Evaluator): Granted | Refused {
  const { intent } = asked
  const decided = decide(asked, here, policy)
  if (!decided.ok) return intent.kind === 'secret.read' ? unseen(asked, decided) : denial(asked, decided)
  const base = baseOf(asked, decided.decision)
  if (intent.kind === 'token') return tokenOf({ ...asked, intent }, base, decided.ttl, here)
  if (intent.kind === 'secret.read') return readingOf({ ...asked, intent }, base, here)
  if (isRecordIntent(intent)) return recordOf({ ...asked, intent }, base, here)
  return listingOf(intent, base)
}

/** The same, told to who asks; of secrets only what policy says. */
export function explained(asked: Weighed, here: Deployment, policy: Evaluator): Exclude<Explained, { verdict: 'unavailable' }> {
  const { intent } = asked
  const decided = decide(asked, here, policy)
  if (!decided.ok) return denial(asked, decided)
  const base = baseOf(asked, decided.decision)
  return intent.kind === 'token' ? tokenOf({ ...asked, intent }, base, decided.ttl, here) : { ...base, grants: 'policy', intent }
}

function decide({ intent, established, asserted }: Weighed, here: Deployment, policy: Evaluator): Decided {
  const caps = here.caps[intent.kind === 'token' ? 'token' : 'secret']
  const ask = (question: Question, asserted: Asserted): Decided => {
    const decision = policy.decide(policyInput({ question, established, asserted, caps }))
    return { decision, ...settle({ decision, question, established, caps }) }
  }
  const question = questionOf(intent)
  const first = ask(question, {})
  if (!first.ok || Object.keys(asserted).length === 0) return first
  // What the api asserts is asked about apart, and of a request that wants exactly what was settled: it can refuse, not reshape.
  const second = ask(question.kind === 'token' ? { ...question, ttl: first.ttl } : question, asserted)
  return second.ok ? first : second
}

const baseOf = ({ digest, established: { principal, singleUse, passkey } }: Weighed, decision: Decision): Base => ({ verdict: 'granted', digest, principal, decision, singleUse, ...(passkey === undefined ? {} : { passkey }) })

const denial = ({ digest, intent, established: { principal } }: Weighed, { decision, reasons }: Extract<Decided, { ok: false }>): Refused => ({ verdict: 'refused', digest, intent, principal, decision, reasons })

/** What is not yours looks like what is not there. A yes that lacks only a touch, or stronger evidence, says so: it depends on nothing that is stored. */
function unseen(asked: Weighed, decided: Extract<Decided, { ok: false }>): Refused {
  if (decided.decision.allow) return denial(asked, decided)
  const { digest, intent, established: { principal } } = asked
  return { verdict: 'refused', digest, intent, principal, reasons: [notFound], hidden: decided.reasons }
}

function tokenOf({ intent, digest, established }: Weighed<TokenIntent>, base: Base, ttl: number, here: Deployment): GrantedToken {
  const claims = claimsOf({ intent, digest, established, ttl, here })
  const message = tokenSigningInput(here.kid, claims)
  return { ...base, grants: 'token', intent, claims, message, bytesHash: bytesHash(message) }
}

const listingOf = (intent: SecretListIntent, base: Base): GrantedListing => ({ ...base, grants: 'listing', intent, bytesHash: toBase64url(taggedHash('listing/v1', base.digest)) })
