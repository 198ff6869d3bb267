import { openAsking, type OpenedSecret } from '@symbolon/envelope/open.ts'
import { openRequestKey } from '@symbolon/envelope/reply.ts'
import { bytesOf } from '@symbolon/protocol/bytes.ts'
import type { SecretPath } from '@symbolon/protocol/label.ts'
import type { OpenedRecord } from '@symbolon/protocol/record.ts'
import type { SecretValue } from '@symbolon/protocol/secret.ts'
import { readResponse } from '@symbolon/protocol/vault-http.ts'
import { build, now } from '../intents.ts'
import { failed, ok, type Result } from '../result.ts'
import { consoleClient } from '../session.ts'
import type { Trouble } from '../trouble.ts'
import { evidenceFor } from './evidence.ts'
import { openTrouble } from './trouble.ts'
import { notOlder, type Vault } from './vault.ts'

/** Seconds after which a value that is shown is taken away. */
export const revealedFor = 60

export interface Revealed {
  readonly known: OpenedRecord
  /** In the order that was asked for. */
  readonly values: readonly { readonly version: number; readonly value: SecretValue }[]
}

/**
 * Versions of one secret, by one touch: it signs this very reading, with a key that exists for this one answer. t signers each seal their part
 * to that key; the parts come together here and nowhere else. All or none.
 */
export async function reveal(path: SecretPath, versions: readonly number[], vault: Vault): Promise<Result<Revealed, Trouble>> {
  const replyKey = await openRequestKey()
  const labels = versions.map((version) => ({ path, version }))
  const built = build({ kind: 'secret.read', sub: vault.session.sub, client: consoleClient, labels, reply: replyKey.reply }, vault.deployment)
  const evidence = await evidenceFor(built, 'touch', vault)
  if (!evidence.ok) return evidence
  // A second asking takes the same touch: it is the same intent.
  const read = await openAsking<Refused>({ intent: built.digestText, labels, replyKey, keys: vault.keys, now: now() }, async (avoid) => {
    const answer = await vault.post('/v1/secrets/read', { intent: built.bytes, evidence: [evidence.value], ...(avoid.length === 0 ? {} : { avoid }) }, readResponse)
    if (!answer.ok) return answer
    const { secrets, epoch, opened } = answer.value
    return ok({ rows: secrets.map(({ record, head, body }) => ({ record, head, body: bytesOf(body) })), epoch, opened })
  })
  if ('failed' in read) return read.failed
  return read.opened.ok ? newestOf(read.opened.value, vault) : failed(openTrouble(read.opened.error))
}

type Refused = Extract<Result<never, Trouble>, { readonly ok: false }>

/** Rows of one answer may stand on different records; none may be older than what was seen. */
function newestOf(secrets: readonly OpenedSecret[], { memory }: Vault): Result<Revealed, Trouble> {
  const records = secrets.map(({ record, digest }): OpenedRecord => ({ record, digest })).toSorted((a, b) => a.record.seq - b.record.seq)
  const last = records.at(-1)
  if (last === undefined) throw new TypeError('somebody asked for no version')
  for (const each of records) {
    const believed = notOlder(each, memory)
    if (!believed.ok) return believed
  }
  return ok({ known: last, values: secrets.map(({ version, value }) => ({ version: version.version, value })) })
}
