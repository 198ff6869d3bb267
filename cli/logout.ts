import type { Client } from '@symbolon/sdk/client.ts'
import { grantCredential } from '@symbolon/sdk/credential.ts'
import { ok, type Outcome, type SymbolonError } from '@symbolon/sdk/errors.ts'
import { clientOf, lineageHere } from './connect.ts'
import { exitCodeOf, exitCodes } from './failure.ts'
import { grantData } from './grant-view.ts'
import { dropGrant, heldGrant, keyOfGrant, type HeldGrant } from './grants.ts'
import { slowly, type Io } from './io.ts'
import type { Settings } from './settings.ts'
import type { View } from './view.ts'

type Ended = { readonly how: 'revoked' | 'already' } | { readonly how: 'unheard'; readonly error: SymbolonError }

/** The grant revokes itself, which signers keep; then its key goes, whatever the api said: without it nobody can use the grant. */
export async function logout(flags: { readonly dryRun: boolean }, settings: Settings, io: Io): Promise<Outcome<View> | { readonly ok: true; readonly value: View; readonly exit: number }> {
  const opened = clientOf(settings, io)
  if (!opened.ok) return opened
  try {
    const lineage = await lineageHere(settings, opened.value)
    if (!lineage.ok) return lineage
    const held = heldGrant(lineage.value, io)
    if (held === undefined) return ok(view({ signed_in: false }, 'nobody is signed in here'))
    if (flags.dryRun) return ok(view({ sent: false, grant: grantData(held, io.now()) }, `would revoke the grant of ${held.intent.sub} and delete its key`))
    const ended = await revoke(held, opened.value, io)
    const deleted = await dropGrant(held, io)
    if (settings.key_file?.from === 'home' && settings.subject !== undefined) io.err.write(`Commands here ask as ${settings.subject.value} from now on, by the development key.\n`)
    if (!deleted) io.err.write('warning: the OS keychain did not delete the key\n')
    if (ended.how !== 'unheard') return { ok: true, value: view({ signed_in: false, revoked: true, key_deleted: deleted }, `${held.intent.sub} is signed out`), exit: deleted ? exitCodes.ok : exitCodes.local }
    io.err.write(`warning: the signers did not hear of it (${ended.error.code}); the key is deleted here. If somebody else may have a copy, ask a guardian to revoke grant ${held.digest}.\n`)
    return { ok: true, value: view({ signed_in: false, revoked: false, key_deleted: deleted, grant: held.digest }, `${held.intent.sub} is signed out on this machine only`), exit: exitCodeOf(ended.error) }
  } finally {
    await opened.value.close()
  }
}

async function revoke(held: HeldGrant, client: Client, io: Io): Promise<Ended> {
  const { grant, intent, digest } = held
  if (intent.end <= io.now()) return { how: 'already' }
  const key = await keyOfGrant(held, io)
  if (!key.ok) return { how: 'unheard', error: key.error }
  const stopped = await slowly(io, 'telling the signers', client.stop({ kind: 'revoke', sub: intent.sub, what: 'grant', id: digest }, { credential: grantCredential({ grant, key: key.value }) }, { iss: intent.iss, lineage: intent.lineage }))
  if (stopped.ok) return { how: 'revoked' }
  const { code, details } = stopped.error
  const over = [code, ...(details.reasons ?? []).map((reason) => reason.code)].some((each) => each === 'revoked' || each === 'grant_expired')
  return over ? { how: 'already' } : { how: 'unheard', error: stopped.error }
}

const view = (data: View['data'], sentence: string): View => ({ data, raw: sentence, tables: [{ rows: [[sentence]] }] })
