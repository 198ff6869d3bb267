import type { RosterResponse } from '@symbolon/protocol/http.ts'
import { believeRoster, type Believed } from '../believe.ts'
import type { Console } from './context.tsx'
import type { Deployment } from './deployment.ts'
import { build } from './intents.ts'
import { failed, ok, type Result } from './result.ts'
import { grantEvidence, type Session } from './session.ts'
import { trouble, type Trouble } from './trouble.ts'

/* Who exists, as the api shows it and the signers vouch for it. */

export interface RosterRead extends Believed {
  /** The api's own words about signers, stops and history: shown, not believed. */
  readonly answer: RosterResponse
}

/** With the grant of whoever is signed in. */
export async function readRoster(session: Session, { deployment, api, refresh }: Pick<Console, 'deployment' | 'api' | 'refresh'>): Promise<Result<RosterRead, Trouble>> {
  const asked = build({ kind: 'read', sub: session.sub, what: 'roster' }, deployment)
  const answer = await api.roster({ intent: asked.bytes, evidence: [await grantEvidence(session, asked)] })
  if (!answer.ok) return answer
  const first = believe(answer.value, deployment)
  if (first.ok) return first
  // A version came into force since this page was opened: the keyset follows it.
  const later = await refresh()
  return later.ok ? believe(answer.value, later.value) : later
}

const words = {
  document_differs: 'The api shows a roster that the signers do not vouch for',
  entry_uncertified: 'The api shows an enrolment or key that the signers did not accept',
} as const

function believe(answer: RosterResponse, deployment: Deployment): Result<RosterRead, Trouble> {
  const believed = believeRoster(answer, deployment)
  return believed.ok ? ok({ ...believed.value, answer }) : failed(trouble('roster_untrusted', words[believed.code], 'Do not sign anything here; tell whoever runs this deployment.'))
}
