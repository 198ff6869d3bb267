import { blameOfOpen } from '@symbolon/envelope/errors.ts'
import { openAsking, type OpenedSecret } from '@symbolon/envelope/open.ts'
import type { SecretPath } from '@symbolon/protocol/label.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import { asked, callFor, whyNot, type Caller, type Question } from './facade-caller.ts'
import { readSecrets } from './read.ts'

/* The one place where this process sees a value: t signers have judged the token, and sealed their parts to the key that the roster names. */

export type Version = number | 'latest'
export interface Opened {
  readonly ok: true
  readonly secret: OpenedSecret
  readonly headers: Readonly<Record<string, string>>
}

/** Somebody wrote between the record and the signers’ answer. */
const attempts = 3

/** @returns `secret_not_found` for what may be read and is not there, what policy says for anything else */
export async function openOne(caller: Caller, path: SecretPath, version: Version): Promise<Opened | Failure> {
  let opened = await once(caller, path, version)
  for (let attempt = 1; attempt < attempts && !opened.ok && opened.code === 'record_stale'; attempt++) opened = await once(caller, path, version)
  if (opened.ok || opened.code !== 'secret_not_found') return opened
  // One word for all that cannot be read; those clients tell apart what is missing and what is denied.
  return (await whyNot(caller, questionOf(caller, path, version))) ?? opened
}

const questionOf = ({ facade }: Caller, path: SecretPath, version: Version): Question => ({ kind: 'secret.read', labels: [{ path, version }], reply: facade.replyKey.reply })

async function once(caller: Caller, path: SecretPath, version: Version): Promise<Opened | Failure> {
  const { facade: { keys, replyKey }, vaulting } = caller
  const asking = asked(caller, questionOf(caller, path, version))
  let headers: Readonly<Record<string, string>> = {}
  const opening = await openAsking<Failure>({ intent: asking.digest, labels: [{ path, version }], replyKey, keys, now: vaulting.clock() }, async (avoid) => {
    const read = await readSecrets(callFor(caller, asking, { avoid: [...avoid] }), vaulting)
    if (!read.ok) return read
    headers = read.headers
    return { ok: true, value: { rows: read.secrets, epoch: read.epoch, opened: read.opened } } as const
  })
  if ('failed' in opening) return opening.failed
  const { opened } = opening
  const [secret] = opened.ok ? opened.value : []
  if (secret !== undefined) return { ok: true, secret, headers }
  if (!opened.ok) vaulting.log.error({ path, code: opened.error.code, ...blameOfOpen(opened.error) }, 'what the signers opened does not make a value')
  return { ...fail('quorum_faulty', { detail: 'What came back does not make a value; the vault’s log says who is to blame.' }), headers }
}
