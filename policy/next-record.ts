import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { RecordIntent, SecretWriteIntent } from '@symbolon/protocol/intent.ts'
import type { Combine } from '@symbolon/protocol/label.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import { defaultSettings, encodeRecord, recordDigest, type OpenedRecord, type RecordVersion, type VaultRecord } from '@symbolon/protocol/record.ts'
import type { Reasons } from './judgement.ts'

/*
 * Which record follows another: a function of intent, predecessor and roster alone, so that every signer comes to the same bytes. Versions,
 * deletion and metadata are KV v2's, so that its clients find what they expect: to delete what is deleted already, or destroyed, changes nothing
 * and is no error. Where KV v2 passes over versions that do not exist, and over destroyed ones that cannot come back, this refuses.
 */

export interface Ground {
  /** Of the path, verified; undefined where there is none. */
  readonly predecessor: OpenedRecord | undefined
  /** Of the intent. */
  readonly digest: Base64url
  readonly lineage: Base64url
  readonly namespaces: ReadonlyMap<string, Combine>
}

export type Next = { readonly ok: true; readonly record: VaultRecord; readonly bytes: Uint8Array; readonly digest: Base64url } | { readonly ok: false; readonly reasons: Reasons }

type State = Pick<VaultRecord, 'current' | 'versions' | 'settings' | 'custom' | 'tags' | 'removed' | 'created'>
type Changed = { readonly ok: true; readonly state: State } | { readonly ok: false; readonly reason: Reason }

export function nextRecord(intent: RecordIntent, { predecessor, digest, lineage, namespaces }: Ground): Next {
  const { path, seq, previous, kind, sub, iat } = intent
  const combine = namespaces.get(path.split('/')[0] ?? '')
  if (combine === undefined) return refused(reasonOf('namespace_unknown', 'The roster has no such namespace.', { rule: 'roster.namespaces', fact: path, remedy: 'Use a namespace of the roster.' }))
  const elsewhere = doesNotFollow(intent, predecessor)
  if (elsewhere !== undefined) return refused(elsewhere)
  const changed = changedBy(intent, predecessor?.record, combine)
  if (!changed.ok) return refused(changed.reason)

  const record: VaultRecord = { v: 1, lineage, path, seq, previous, ...changed.state, by: sub, at: iat, act: kind, intent: digest }
  const bytes = encodeRecord(record)
  if (bytes.length > limits.recordBytes) return refused(unsound('The record would be too large.', 'record.size', `${bytes.length} bytes; at most ${limits.recordBytes}`, 'Keep fewer versions, or less beside them.'))
  return { ok: true, record, bytes, digest: recordDigest(bytes) }
}

const refused = (reason: Reason): Next => ({ ok: false, reasons: [reason] })
const unsound = (message: string, rule: string, fact: string, remedy = 'Read the secret’s record again.'): Reason => reasonOf('record_unsound', message, { rule, fact, remedy })
const no = (...words: Parameters<typeof unsound>): Changed => ({ ok: false, reason: unsound(...words) })

/** So many numbers one record may leave out: those that others began and never finished. With no bound, a writer's one record with the last number there is would be the last. */
const mostSkipped = 100_000

/** Check-and-set, of the whole record: whoever changes a secret has seen the state that they change. */
function doesNotFollow({ previous, seq }: RecordIntent, predecessor: OpenedRecord | undefined): Reason | undefined {
  if (previous !== (predecessor?.digest ?? null)) return reasonOf('check_and_set_failed', 'The secret’s record is another than the one that this follows.', { rule: 'intent.previous', fact: predecessor === undefined ? 'there is no record' : `record ${predecessor.digest}`, remedy: 'Read the record again and repeat the change on top of it.' })
  if (predecessor !== undefined && seq <= predecessor.record.seq) return unsound('A record’s sequence number is above that of the one before.', 'intent.seq', `${seq}, after ${predecessor.record.seq}`, `Let seq be ${predecessor.record.seq + 1}.`)
  const before = predecessor?.record.seq ?? 0
  return seq > before + mostSkipped ? unsound('A record’s sequence number is not far above that of the one before.', 'intent.seq', `${seq}, after ${before}; at most ${before + mostSkipped}`, `Let seq be ${before + 1}.`) : undefined
}

/**
 * Of a secret that begins, or begins anew. Its versions go on counting: a label names path and version, so under a number that was given before,
 * whoever may write could name the ciphertext of then, and what was destroyed would open again.
 */
const fresh = (at: number, current = 0): State => ({ current, versions: [], settings: defaultSettings, custom: {}, tags: [], removed: false, created: at })

const stateOf = (before: VaultRecord | undefined, at: number): State => {
  if (before === undefined || before.removed) return fresh(at, before?.current)
  const { current, versions, settings, custom, tags, removed, created } = before
  return { current, versions, settings, custom, tags, removed, created }
}

function changedBy(intent: RecordIntent, before: VaultRecord | undefined, combine: Combine): Changed {
  const { iat } = intent
  const state = stateOf(before, iat)
  switch (intent.kind) {
    case 'secret.write':
      return written(intent, state, combine)
    case 'secret.delete':
      return each(state, intent.versions, (row) => ({ ok: true, row: isReadable(row, iat) ? ended(row, 'deleted', iat) : row }))
    case 'secret.undelete':
      return each(state, intent.versions, (row) => (row.state === 'destroyed' ? { ok: false, reason: unsound('A destroyed version cannot come back.', 'record.versions', `version ${row.version}`, 'Write it anew.') } : { ok: true, row: revived(row) }))
    case 'secret.destroy':
      if ((intent.all === undefined) === (intent.versions === undefined)) return no('Either versions are destroyed, or all.', 'intent.versions', 'both or neither', 'Name versions, or all.')
      if (intent.versions !== undefined) return each(state, intent.versions, (row) => ({ ok: true, row: row.state === 'destroyed' ? row : ended(row, 'destroyed', iat) }))
      return before === undefined || before.removed ? no('There is nothing to remove.', 'record.removed', before === undefined ? 'no record' : 'removed already') : { ok: true, state: { ...fresh(before.created, before.current), removed: true } }
    case 'secret.meta': {
      const { settings = state.settings, custom = state.custom, tags = state.tags } = intent
      // Fewer versions are kept from the next write on, and a new time of deletion is that of new versions: as in KV v2.
      return { ok: true, state: { ...state, settings, custom, tags } }
    }
  }
}

function written({ version, cas, type, combine, ciphertext, size, iat, sub }: SecretWriteIntent, state: State, namespace: Combine): Changed {
  const { current, settings, versions } = state
  // As in KV v2, 0 follows what has no version, though numbers were given before.
  if (cas === undefined ? settings.cas_required : cas !== current && !(cas === 0 && versions.length === 0)) return { ok: false, reason: reasonOf('check_and_set_failed', cas === undefined ? 'This secret asks which version a write follows.' : 'The newest version is another than the one that this follows.', { rule: 'intent.cas', fact: `${cas ?? 'not given'}; the newest is ${current}`, remedy: `Let cas be ${current}, once you have read that version.` }) }
  if (version !== current + 1) return no('A new version has the next number.', 'intent.version', `${version}; the newest is ${current}`, `Let version be ${current + 1}.`)
  if (combine !== namespace) return no('A new version is combined as its namespace says.', 'intent.combine', `${combine}; the namespace’s is ${namespace}`, `Encrypt it for combine ${namespace}.`)
  const { delete_version_after: life, max_versions: most } = settings
  const row: RecordVersion = { version, state: 'live', type, combine, ciphertext, size, at: iat, by: sub, ...(life === 0 ? {} : { until: iat + life }) }
  return { ok: true, state: { ...state, current: version, versions: [...versions, row].slice(-most) } }
}

type Turned = { readonly ok: true; readonly row: RecordVersion } | { readonly ok: false; readonly reason: Reason }

/** All of the versions named, or none. */
function each(state: State, wanted: readonly number[], turn: (row: RecordVersion) => Turned): Changed {
  const unknown = wanted.find((version) => !state.versions.some((row) => row.version === version))
  if (unknown !== undefined) return no('The secret has no such version.', 'record.versions', `version ${unknown}`)
  const versions: RecordVersion[] = []
  for (const row of state.versions) {
    const turned: Turned = wanted.includes(row.version) ? turn(row) : { ok: true, row }
    if (!turned.ok) return turned
    versions.push(turned.row)
  }
  return { ok: true, state: { ...state, versions } }
}

const isReadable = ({ state, until }: RecordVersion, at: number): boolean => state === 'live' && (until === undefined || at < until)

const ended = ({ until: _, ...row }: RecordVersion, state: 'deleted' | 'destroyed', at: number): RecordVersion => ({ ...row, state, ended: at })

/** Also from a time of deletion that has passed, or would come. */
const revived = ({ until: _until, ended: _ended, ...row }: RecordVersion): RecordVersion => ({ ...row, state: 'live' })
