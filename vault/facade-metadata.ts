import { z } from 'zod'
import { bytesOf } from '@symbolon/protocol/bytes.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import type { SecretPath } from '@symbolon/protocol/label.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { custom as customSchema, decodeRecord, defaultSettings, settings as settingsSchema, type Settings, type VaultRecord } from '@symbolon/protocol/record.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import type { Reply } from '@symbolon/front/route.ts'
import { asked, callFor, whyNot, type Caller } from './facade-caller.ts'
import { change } from './facade-change.ts'
import { answerOf, durationOf, nothing, secondsOf, timeOf } from './facade-shape.ts'
import { readRecords } from './history.ts'
import { listSecrets } from './list.ts'

/* `<mount>/metadata/<path>`: names, and what stands beside the values. */

/** Names that one answer holds: those clients know no pages. */
const mostNames = 10_000
const pageRows = 500

/** Names in a folder, as far as the policy would show each; folders end in a slash. */
export async function listNames(caller: Caller, prefix: string): Promise<Reply | Failure> {
  const names: string[] = []
  let [cursor, headers]: [string | undefined, Readonly<Record<string, string>>] = [undefined, {}]
  do {
    const page = await listSecrets(callFor(caller, asked(caller, { kind: 'secret.list', prefix }), { limit: pageRows, ...(cursor === undefined ? {} : { cursor }) }), caller.vaulting)
    if (!page.ok) return page
    names.push(...page.entries.map((entry) => ('folder' in entry ? entry.folder : entry.path).slice(prefix.length + 1)))
    cursor = page.cursor
    headers = page.headers
  } while (cursor !== undefined && names.length < mostNames)
  // As there: an empty folder is none.
  if (names.length === 0) return fail('not_found')
  return answerOf(caller.request.requestId, { data: { keys: names }, headers, warnings: cursor === undefined ? [] : [`The list ends after ${names.length} names; there are more. symbolon kv list shows all of them.`] })
}

export async function readMetadata(caller: Caller, path: SecretPath): Promise<Reply | Failure> {
  const found = await readRecords(callFor(caller, asked(caller, { kind: 'secret.list', paths: [path] }), {}), caller.vaulting)
  if (!found.ok) return found
  const signed = found.value[0] ?? null
  const record = signed === null ? undefined : decodeRecord(bytesOf(signed.record))
  if (record?.ok !== true || record.value.removed) return { ...fail('secret_not_found'), headers: found.headers }
  return answerOf(caller.request.requestId, { data: shown(record.value), headers: found.headers })
}

const shown = ({ settings, custom, created, at, current, versions }: VaultRecord) => ({
  cas_required: settings.cas_required,
  created_time: timeOf(created),
  current_version: versions.length === 0 ? 0 : current,
  custom_metadata: Object.keys(custom).length === 0 ? null : custom,
  delete_version_after: durationOf(settings.delete_version_after),
  max_versions: settings.max_versions,
  oldest_version: versions[0]?.version ?? 0,
  updated_time: timeOf(at),
  versions: Object.fromEntries(versions.map((row) => [`${row.version}`, { created_time: timeOf(row.at), deletion_time: row.state === 'deleted' && row.ended !== undefined ? timeOf(row.ended) : row.until === undefined ? '' : timeOf(row.until), destroyed: row.state === 'destroyed' }])),
})

const metadataBody = z.object({
  max_versions: z.int().min(0).optional(),
  cas_required: z.boolean().optional(),
  delete_version_after: z.union([z.string().max(64), z.number()]).optional(),
  custom_metadata: z.record(z.string(), z.string().nullable()).nullish(),
})
type Body = z.infer<typeof metadataBody>

/** @param how `patch`: of a secret that is there, and null takes a member out */
export async function changeMetadata(caller: Caller, path: SecretPath, how: 'put' | 'patch'): Promise<Reply | Failure> {
  const { request } = caller
  if (how === 'patch' && request.header('content-type')[0]?.split(';')[0]?.trim().toLowerCase() !== 'application/merge-patch+json') return fail('unsupported_media_type', { detail: 'PATCH requires Content-Type of application/merge-patch+json.' })
  const decoded = decodeAs(metadataBody, request.body.length === 0 ? Buffer.from('{}') : request.body, limits.apiBodyBytes)
  if (!decoded.ok) return fail('malformed', { detail: 'The body must hold max_versions, cas_required, delete_version_after or custom_metadata.' })
  const body = decoded.value
  // Of a patch, what is there decides what is said: to nobody whom the policy would not let change it.
  const denied = how === 'put' ? undefined : await whyNot(caller, { kind: 'secret.meta', path, previous: null, seq: 1 })
  if (denied !== undefined) return denied
  const changed = await change(caller, path, async (before) => {
    if (how === 'patch' && before === undefined) return { what: 'failure', failure: fail('secret_not_found') }
    const next = settingsFrom(body, before?.settings ?? defaultSettings)
    const custom = body.custom_metadata === undefined ? undefined : customFrom(body, how === 'patch' ? (before?.custom ?? {}) : {})
    if (!next.ok) return { what: 'failure', failure: next }
    if (custom?.ok === false) return { what: 'failure', failure: custom }
    return { what: 'change', question: { kind: 'secret.meta', settings: next.value, ...(custom === undefined ? {} : { custom: custom.value }) } }
  })
  return changed.ok ? nothing(changed.headers) : changed
}

function settingsFrom({ max_versions, cas_required, delete_version_after }: Body, before: Settings): { readonly ok: true; readonly value: Settings } | Failure {
  const after = delete_version_after === undefined ? before.delete_version_after : secondsOf(delete_version_after)
  const checked = settingsSchema.safeParse({ max_versions: max_versions === undefined ? before.max_versions : max_versions === 0 ? defaultSettings.max_versions : max_versions, cas_required: cas_required ?? before.cas_required, delete_version_after: after })
  return checked.success ? { ok: true, value: checked.data } : fail('malformed', { detail: `max_versions is at most ${limits.secretVersions}; delete_version_after is whole seconds, or 1h2m3s, and at most ten years.` })
}

function customFrom({ custom_metadata }: Body, before: VaultRecord['custom']): { readonly ok: true; readonly value: VaultRecord['custom'] } | Failure {
  const values = Object.entries({ ...before, ...custom_metadata }).filter((entry): entry is [string, string] => entry[1] !== null)
  const checked = customSchema.safeParse(custom_metadata === null ? {} : Object.fromEntries(values))
  return checked.success ? { ok: true, value: checked.data } : fail('malformed', { detail: 'custom_metadata: at most 32 members, names of at most 64 and values of at most 512 printable ASCII characters.' })
}

/** All versions, and all that is known of it. */
export async function removeAll(caller: Caller, path: SecretPath): Promise<Reply | Failure> {
  const changed = await change(caller, path, async (before) => {
    const question = { kind: 'secret.destroy', all: true } as const
    return before === undefined ? { what: 'nothing', question: { ...question, path, previous: null, seq: 1 } } : { what: 'change', question }
  })
  return changed.ok ? nothing(changed.headers) : changed
}
