import type { SecretListIntent } from '@symbolon/protocol/intent.ts'
import type { SecretPath } from '@symbolon/protocol/label.ts'
import type { VaultRecord } from '@symbolon/protocol/record.ts'
import { historyResponse, listResponse } from '@symbolon/protocol/vault-http.ts'
import type { z } from 'zod'
import { failed, ok, type Outcome } from './errors.ts'
import type { Asking, Question, VaultCalls } from './vault-calls.ts'
import { believeRecord } from './vault-trust.ts'

/* Names and records. What is left out of a list, nobody can see; what is in it was signed. */

export type ListedRow = { readonly folder: string } | { readonly path: SecretPath; readonly record: VaultRecord }

export interface ListOptions {
  /** All below, not only what lies in the folder. */
  readonly recursive?: boolean | undefined
  /** Substring of the path, of a tag, or of a custom value. */
  readonly search?: string | undefined
}

/** So long before an intent's end a new one is made for the next page. Seconds. */
const margin = 30

/** Page after page under one intent, as long as it lives. A cursor that comes twice would lead in a circle. */
export async function* pages<T extends { readonly cursor?: string | undefined }>(path: string, question: Extract<Question, { readonly kind: 'secret.list' }>, beside: object, schema: z.ZodType<T>, calls: VaultCalls): AsyncGenerator<Outcome<T>> {
  let asking: Asking<SecretListIntent> | undefined
  const seen = new Set<string>()
  for (let cursor: string | undefined; ; ) {
    if (asking === undefined || asking.built.intent.exp - calls.clock() < margin) {
      const made = await calls.ask(question)
      if (!made.ok) return yield made
      asking = made.value
    }
    const answer = await calls.post(path, { ...asking.body, ...beside, ...(cursor === undefined ? {} : { cursor }) }, schema)
    yield answer
    if (!answer.ok || answer.value.cursor === undefined) return
    cursor = answer.value.cursor
    if (seen.has(cursor)) return yield failed('answer_untrue', { detail: 'the vault leads in a circle' })
    seen.add(cursor)
  }
}

/** A row that does not verify is a failure in its place; the rest goes on. */
export async function* listSecrets(prefix: string, { recursive, search }: ListOptions, calls: VaultCalls): AsyncGenerator<Outcome<ListedRow>> {
  const trusted = await calls.trust()
  if (!trusted.ok) return yield trusted
  const question = { kind: 'secret.list', prefix, ...(recursive === true ? { recursive } : {}) } as const
  for await (const page of pages('/v1/secrets/list', question, search === undefined ? {} : { search }, listResponse, calls)) {
    if (!page.ok) return yield page
    for (const entry of page.value.entries) {
      if ('folder' in entry) yield isFolderIn(prefix, entry.folder, recursive === true) ? ok({ folder: entry.folder }) : failed('answer_untrue', { detail: `a folder outside ${prefix}` })
      else if (!entry.path.startsWith(`${prefix}/`) || (recursive !== true && entry.path.slice(prefix.length + 1).includes('/'))) yield failed('answer_untrue', { detail: `a row outside ${prefix}` })
      else {
        const known = believeRecord(entry.record, entry.path, trusted.value.keys, calls.memory, false)
        yield known.ok ? ok({ path: entry.path, record: known.value.record }) : known
      }
    }
  }
}

/** Either its whole path or its name alone, with the slash. Never what could steer a terminal. */
function isFolderIn(prefix: string, folder: string, recursive: boolean): boolean {
  const name = folder.startsWith(`${prefix}/`) ? folder.slice(prefix.length + 1) : folder
  return /^[A-Za-z0-9_][A-Za-z0-9._@+=/-]{0,511}\/$/.test(name) && (recursive || name.indexOf('/') === name.length - 1)
}

/** Every record there was, newest first: each the predecessor that the one after it names. */
export async function* historyOf(path: SecretPath, calls: VaultCalls): AsyncGenerator<Outcome<VaultRecord>> {
  const trusted = await calls.trust()
  if (!trusted.ok) return yield trusted
  let after: VaultRecord | undefined
  for await (const page of pages('/v1/secrets/history', { kind: 'secret.list', paths: [path] }, {}, historyResponse, calls)) {
    if (!page.ok) return yield page
    for (const signed of page.value.records) {
      // Only the newest may be compared with what was seen: the others are older by nature.
      const known = believeRecord(signed, path, trusted.value.keys, after === undefined ? calls.memory : undefined)
      if (!known.ok) return yield known
      // A vault that lost some has a gap here: it is said, and the rest is shown.
      if (after !== undefined && after.previous !== known.value.digest) yield failed('answer_untrue', { detail: `${path}: ${known.value.record.seq} is not the predecessor of ${after.seq}` })
      after = known.value.record
      yield ok(after)
    }
  }
}
