import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { openRequestKey } from '@symbolon/envelope/reply.ts'
import { encodeRecord, recordDigest } from '@symbolon/protocol/record.ts'
import type { SecretPath } from '@symbolon/protocol/label.ts'
import { ok, type Outcome } from '@symbolon/sdk/errors.ts'
import type { Question } from '@symbolon/sdk/vault-calls.ts'
import { explainedView } from './explained.ts'
import { LocalFailure } from './failure.ts'
import { pathOf } from './secret-path.ts'
import type { Secrets } from './secrets.ts'
import type { View } from './view.ts'

const actions = ['read', 'list', 'write', 'meta', 'delete', 'undelete', 'destroy'] as const
type Action = (typeof actions)[number]

/** Whether the policy would allow it; nothing is opened or changed. */
export async function kvExplain(secrets: Secrets, named: string, text: string): Promise<Outcome<View>> {
  const action = actions.find((each) => each === named)
  if (action === undefined) throw new LocalFailure('There is no such action', `${JSON.stringify(named.slice(0, 40))} is none`, `Use ${actions.join(', ')}.`)
  const path = pathOf(text)
  const question = await questionOf(secrets, action, path)
  if (!question.ok) return question
  const explained = await secrets.explain(question.value)
  return explained.ok ? ok(explainedView(explained.value, { action, path, roster: explained.value.roster, policy: explained.value.policy })) : explained
}

const nothing = toBase64url(new Uint8Array(32))

async function questionOf(secrets: Secrets, action: Action, path: SecretPath): Promise<Outcome<Question>> {
  if (action === 'read') return ok({ kind: 'secret.read', labels: [{ path, version: 'latest' }], reply: (await openRequestKey()).reply })
  if (action === 'list') return ok({ kind: 'secret.list', paths: [path] })
  const found = await secrets.records([path])
  if (!found.ok) return found
  const [record] = found.value
  const place = { path, previous: record === undefined ? null : recordDigest(encodeRecord(record)), seq: (record?.seq ?? 0) + 1 }
  const newest = record?.versions.at(-1)
  const versions = [newest?.version ?? 1]
  switch (action) {
    // Policy weighs where and what kind, not which ciphertext: there is none yet.
    case 'write':
      return ok({ kind: 'secret.write', ...place, version: (record?.current ?? 0) + 1, type: newest?.type ?? 'string', combine: newest?.combine ?? 'caller', ciphertext: nothing, size: 16 })
    case 'meta':
      return ok({ kind: 'secret.meta', ...place, tags: [...(record?.tags ?? [])] })
    case 'delete':
    case 'undelete':
    case 'destroy':
      return ok({ kind: `secret.${action}`, ...place, versions })
  }
}
