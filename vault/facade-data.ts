import { z } from 'zod'
import { seal } from '@symbolon/envelope/seal.ts'
import { toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { checkShape, decodeAs, decodeJson, type Json } from '@symbolon/protocol/json.ts'
import { labelOf, type SecretPath } from '@symbolon/protocol/label.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { readable, type RecordVersion, type VaultRecord } from '@symbolon/protocol/record.ts'
import { stringValue, type SecretValue } from '@symbolon/protocol/secret.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import type { Reply } from '@symbolon/front/route.ts'
import type { Caller } from './facade-caller.ts'
import { change, type Changed, type Planned } from './facade-change.ts'
import { openOne, type Opened, type Version } from './facade-open.ts'
import { answerOf, inexact, isMembers, merged, nothing, subkeysOf, timeOf } from './facade-shape.ts'
import { newestOf } from './history.ts'

/* `<mount>/data/<path>` and `<mount>/subkeys/<path>`: values. */

type Members = Readonly<Record<string, Json>>

/** What a version is told with. */
const metadataOf = ({ version, state, at, until, ended }: RecordVersion, { custom }: VaultRecord) => ({
  created_time: timeOf(at),
  custom_metadata: Object.keys(custom).length === 0 ? null : custom,
  deletion_time: state === 'deleted' && ended !== undefined ? timeOf(ended) : until === undefined ? '' : timeOf(until),
  destroyed: state === 'destroyed',
  version,
})

export const readData = (caller: Caller, path: SecretPath): Promise<Reply | Failure> => reading(caller, path, (data) => data)

export async function readSubkeys(caller: Caller, path: SecretPath): Promise<Reply | Failure> {
  const depth = wholeNumber(new URLSearchParams(caller.request.query).get('depth') ?? '0')
  return depth === undefined ? fail('malformed', { detail: 'depth must be a whole number.' }) : reading(caller, path, (data) => subkeysOf(data, depth), 'subkeys')
}

async function reading(caller: Caller, path: SecretPath, show: (data: Members) => Json, as: 'data' | 'subkeys' = 'data'): Promise<Reply | Failure> {
  const version = versionIn(caller.request.query)
  if (version === undefined) return fail('malformed', { detail: 'version must be a whole number.' })
  const opened = await openOne(caller, path, version)
  if (!opened.ok) return opened.code === 'secret_not_found' ? missing(caller, path, { version, as }) : opened
  const { secret: { value, version: row, record }, headers } = opened
  return answerOf(caller.request.requestId, { data: { [as]: show(membersOf(value)), metadata: metadataOf(row, record) }, headers })
}

/** It may be read and cannot be: of a version that is deleted or destroyed, those clients are told when. */
async function missing({ request, vaulting }: Caller, path: SecretPath, { version, as }: { readonly version: Version; readonly as: string }): Promise<Reply | Failure> {
  const held = await newestOf([path], vaulting)
  if (!held.ok) return held
  const record = held.value[0]?.record
  const wanted = version === 'latest' ? record?.current : version
  const row = record?.versions.find((each) => each.version === wanted)
  // Not one that was written a moment ago: it can be read now.
  if (record === undefined || row === undefined || readable(record, row.version, vaulting.clock()) !== undefined) return fail('secret_not_found')
  return answerOf(request.requestId, { status: 404, data: { [as]: null, metadata: metadataOf(row, record) } })
}

/** Values of other kinds show their members, but for the kind. */
function membersOf(value: SecretValue): Members {
  if (value.type === 'string') return value.data
  const { type: _type, ...members } = value
  return members as Members
}

/** 0 means the newest, too. @returns undefined for what is no number */
function versionIn(query: string): Version | undefined {
  const text = new URLSearchParams(query).get('version')
  if (text === null || text === '') return 'latest'
  const number = wholeNumber(text)
  return number === 0 ? 'latest' : number
}
const wholeNumber = (text: string): number | undefined => (/^\d{1,9}$/.test(text) ? Number(text) : undefined)

const writeBody = z.object({ data: stringValue.shape.data, options: z.object({ cas: z.int().min(0).max(1_000_000_000).optional() }).nullish() })
const patchBody = writeBody.extend({ data: z.record(z.string(), z.json()) })

type Read<T> = { readonly ok: true; readonly value: T } | Failure
/** Of what is wrong with a body only places are told: what stands there is the secret. */
function bodyOf<T extends { readonly data: Readonly<Record<string, unknown>> }>(schema: z.ZodType<T>, body: Uint8Array): Read<T> {
  const json = decodeJson(body, limits.secretBodyBytes)
  if (!json.ok) return fail(json.reason === 'too_large' ? 'too_large' : 'malformed', { detail: `The body is not strict JSON: ${json.reason}.` })
  const decoded = checkShape(schema, json.value)
  if (!decoded.ok) return fail('malformed', { detail: isMembers(json.value as Json) && (json.value as Members)['data'] !== undefined ? 'The body must be {"data": {…}, "options": {"cas": n}}; a member’s name has 1 to 256 characters.' : 'no data provided' })
  return inexact(decoded.value.data as Json) ? fail('malformed', { detail: 'A number in the data would not come back as it is: send it as a string.' }) : decoded
}

const noMatch = (failure: Failure, cas: number | undefined): Failure => (failure.code === 'check_and_set_failed' ? { ...failure, detail: cas === undefined ? 'check-and-set parameter required for this call' : 'check-and-set parameter did not match the current version' } : failure)

export async function writeData(caller: Caller, path: SecretPath): Promise<Reply | Failure> {
  const read = bodyOf(writeBody, caller.request.body)
  // The text itself is needed no longer, whatever copies parsing made.
  caller.request.body.fill(0)
  if (!read.ok) return read
  const { data, options } = read.value
  const cas = options?.cas
  return written(await change(caller, path, (_before, next) => versionWith(caller, path, { version: next, data, cas })), caller, cas)
}

/** RFC 7396 on what is there. Nobody's write in between is lost: the new version follows the one that was read. */
export async function patchData(caller: Caller, path: SecretPath): Promise<Reply | Failure> {
  const { request } = caller
  const [type = ''] = request.header('content-type')
  if (type.split(';')[0]?.trim().toLowerCase() !== 'application/merge-patch+json') return fail('unsupported_media_type', { detail: 'PATCH requires Content-Type of application/merge-patch+json.' })
  const read = bodyOf(patchBody, request.body)
  request.body.fill(0)
  if (!read.ok) return read
  const { data: patch, options } = read.value
  const cas = options?.cas
  return written(await change(caller, path, async (before, next) => {
    const opened = await openOne(caller, path, 'latest')
    if (!opened.ok) return { what: 'failure', failure: opened }
    // Somebody wrote in between.
    if (opened.secret.record.current !== before?.current) return { what: 'again' }
    return patched(caller, path, { version: next, opened, patch, cas })
  }), caller, cas)
}

interface Patching {
  readonly version: number
  readonly opened: Opened
  readonly patch: Members
  readonly cas: number | undefined
}

async function patched(caller: Caller, path: SecretPath, { version, opened: { secret }, patch, cas }: Patching): Promise<Planned> {
  if (secret.value.type !== 'string') return { what: 'failure', failure: fail('malformed', { detail: 'Only secrets of kind string are patched.' }) }
  const data = stringValue.shape.data.safeParse(merged(secret.value.data, patch))
  if (!data.success) return { what: 'failure', failure: fail('malformed', { detail: 'What comes out of the patch is no data.' }) }
  return versionWith(caller, path, { version, data: data.data, cas: cas ?? secret.version.version })
}

interface Writing {
  readonly version: number
  readonly data: Members
  readonly cas: number | undefined
}

async function versionWith({ facade: { keys } }: Caller, path: SecretPath, { version, data, cas }: Writing): Promise<Planned> {
  const label = labelOf(path, { combine: 'vault', version, type: 'string' })
  const value = utf8(JSON.stringify({ type: 'string', data }))
  try {
    const sealed = await seal({ value, label, keys })
    if (!sealed.ok) return { what: 'failure', failure: fail(sealed.error.code === 'value_too_large' ? 'too_large' : 'malformed', { detail: 'The data cannot be kept: it is too large or too deep.' }) }
    const { head, body, digest, size } = sealed.value
    return { what: 'change', question: { kind: 'secret.write', version, type: 'string', combine: 'vault', ciphertext: digest, size, ...(cas === undefined ? {} : { cas }) }, brought: { head, body: toBase64url(body) } }
  } finally {
    value.fill(0)
  }
}

function written(changed: Changed | Failure, { request }: Caller, cas: number | undefined): Reply | Failure {
  if (!changed.ok) return noMatch(changed, cas)
  const { record, warnings, headers } = changed
  const row = record?.versions.at(-1)
  if (record === undefined || row === undefined) throw new TypeError('a write makes a version')
  return answerOf(request.requestId, { data: metadataOf(row, record), warnings, headers })
}

/** The newest version, softly. As there: what is not there is deleted already. */
export async function deleteLatest(caller: Caller, path: SecretPath): Promise<Reply | Failure> {
  const changed = await change(caller, path, async (before) => {
    const row = before?.versions.find(({ version }) => version === before.current)
    const question = { kind: 'secret.delete' as const, versions: [row?.version ?? 1] }
    return row?.state === 'live' ? { what: 'change', question } : { what: 'nothing', question: { ...question, path, previous: null, seq: 1 } }
  })
  return changed.ok ? nothing(changed.headers) : changed
}

const versionsBody = z.object({ versions: z.array(z.union([z.int().min(0), z.string().regex(/^\d{1,9}$/).transform(Number)])).min(1).max(1000) })
const acts = { delete: { kind: 'secret.delete', from: ['live'] }, undelete: { kind: 'secret.undelete', from: ['deleted', 'live'] }, destroy: { kind: 'secret.destroy', from: ['live', 'deleted'] } } as const

/** `delete`, `undelete` and `destroy` of versions. Those that there are not, or that are so already, are passed over, as there. */
export async function changeVersions(caller: Caller, path: SecretPath, act: keyof typeof acts): Promise<Reply | Failure> {
  const decoded = decodeAs(versionsBody, caller.request.body, limits.apiBodyBytes)
  if (!decoded.ok) return fail('malformed', { detail: 'No version number provided: the body must be {"versions": [n, …]}.' })
  const { kind, from } = acts[act]
  const changed = await change(caller, path, async (before) => {
    const wanted = (before?.versions ?? []).filter((row) => decoded.value.versions.includes(row.version) && (from as readonly string[]).includes(row.state) && (act !== 'undelete' || row.state === 'deleted' || row.until !== undefined))
    const versions = wanted.map(({ version }) => version)
    return versions.length > 0 ? { what: 'change', question: { kind, versions } } : { what: 'nothing', question: { kind, versions: [1], path, previous: null, seq: 1 } }
  })
  return changed.ok ? nothing(changed.headers) : changed
}
