import type { Evidence } from '@symbolon/protocol/evidence.ts'
import type { Built } from '../intents.ts'
import { touchPasskey } from '../passkey.ts'
import { ok, type Result } from '../result.ts'
import { grantEvidence, passkeyEvidence } from '../session.ts'
import type { Trouble } from '../trouble.ts'
import type { Vault } from './vault.ts'

/** What asks: the session's grant, or a touch that signs this very intent. */
export type By = 'grant' | 'touch'

export async function evidenceFor(built: Built, by: By, { session, deployment }: Pick<Vault, 'session' | 'deployment'>): Promise<Result<Evidence, Trouble>> {
  if (by === 'grant') return ok(await grantEvidence(session, built))
  const touched = await touchPasskey(built.digest, session.sub, deployment)
  return touched.ok ? ok(passkeyEvidence(touched.value)) : touched
}

/** With the grant; where policy asks for a touch, by a touch. Each asking has an intent of its own. */
export async function byGrantElseTouch<T>(ask: (by: By) => Promise<Result<T, Trouble>>): Promise<Result<T, Trouble>> {
  const answer = await ask('grant')
  return !answer.ok && answer.error.code === 'touch_required' ? ask('touch') : answer
}
