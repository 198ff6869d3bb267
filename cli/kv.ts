import type { SecretPath } from '@symbolon/protocol/label.ts'
import type { Json } from '@symbolon/protocol/json.ts'
import type { VaultRecord } from '@symbolon/protocol/record.ts'
import type { SecretValue } from '@symbolon/protocol/secret.ts'
import { failed, ok, type Outcome, type SymbolonError } from '@symbolon/sdk/errors.ts'
import { exitCodeOf, failureLines, LocalFailure } from './failure.ts'
import { slowly, type Io } from './io.ts'
import { changedView, dryView, historyView, openedView, recordView, rowsView } from './kv-view.ts'
import { mask } from './mask.ts'
import { membersShown, textForm } from './secret-value.ts'
import { minimumMasked } from './masking.ts'
import type { Beside, Changed, Opened, Row, Secrets } from './secrets.ts'
import type { View } from './view.ts'

/* What `symbolon kv` does, once the vault is open. */

export async function kvGet(secrets: Secrets, path: SecretPath, { version, render }: { readonly version: number | undefined; readonly render: boolean }, io: Io): Promise<Outcome<View>> {
  const read = await slowly(io, 'waiting for the signers', secrets.read([{ path, version: version ?? 'latest' }]))
  if (!read.ok) return read
  const [opened] = read.value
  if (opened === undefined) return failed('secret_not_found')
  const shown = render ? await filledIn(secrets, opened) : ok(opened)
  if (!shown.ok) return shown
  await maskAll([shown.value], io)
  return ok(openedView(shown.value))
}

/** A config with what it refers to; anything else as it is. */
export async function filledIn(secrets: Secrets, opened: Opened): Promise<Outcome<Opened>> {
  if (opened.value.type !== 'config') return ok(opened)
  const resolved = await secrets.resolve(opened)
  return resolved.ok ? ok({ ...opened, value: { ...opened.value, template: resolved.value.text } }) : resolved
}

/** In a CI job, whatever is shown or run here would stand in its log. */
export async function maskAll(opened: readonly Opened[], io: Io): Promise<void> {
  const values = opened.flatMap(({ value }) => Object.values(membersShown(value)).map(textForm))
  for (const value of new Set(values.filter((text) => text.length >= minimumMasked))) await mask(value, io)
}

export interface Writing {
  readonly cas?: number | undefined
  readonly beside: Beside
  readonly dry: boolean
}

export async function kvPut(secrets: Secrets, path: SecretPath, value: SecretValue, { cas, beside, dry }: Writing, io: Io): Promise<Outcome<View>> {
  if (dry) return planned(secrets, path, { would: 'secret.write', type: value.type, keys: Object.keys(membersShown(value)) })
  return finished(secrets, await slowly(io, 'waiting for the signers', secrets.write(path, value, { cas })), { path, beside }, io)
}

export async function kvPatch(secrets: Secrets, path: SecretPath, data: Readonly<Record<string, Json>>, { cas, beside, dry }: Writing, io: Io): Promise<Outcome<View>> {
  if (Object.keys(data).length === 0) throw new LocalFailure('Nothing is to be changed', 'no key and value are given', 'Write key=value, or --remove key.')
  if (dry) return planned(secrets, path, { would: 'secret.write', keys: Object.keys(data) })
  return finished(secrets, await slowly(io, 'waiting for the signers', secrets.patch(path, data, { cas })), { path, beside }, io)
}

/** Tags and notes are another change, judged on its own. */
async function finished(secrets: Secrets, changed: Outcome<Changed>, { path, beside }: { readonly path: SecretPath; readonly beside: Beside }, io: Io): Promise<Outcome<View>> {
  if (!changed.ok) return changed
  const withMeta = Object.values(beside).some((part) => part !== undefined) ? await secrets.meta(path, beside) : changed
  if (!withMeta.ok) {
    io.err.write(`The value is stored as version ${changed.value.record.current}; its tags and notes are not.\n`)
    return withMeta
  }
  return ok(changedView(withMeta.value))
}

async function planned(secrets: Secrets, path: SecretPath, what: Readonly<Record<string, Json>>): Promise<Outcome<View>> {
  const found = await secrets.records([path])
  if (!found.ok) return found
  const current = found.value[0]?.current ?? 0
  return ok(dryView({ ...what, path, current_version: current, ...(what['would'] === 'secret.write' ? { next_version: current + 1 } : {}) }))
}

export type Ending = 'delete' | 'undelete' | 'destroy'

export async function kvEnd(secrets: Secrets, ending: Ending, { path, versions, dry }: { readonly path: SecretPath; readonly versions: readonly number[] | undefined; readonly dry: boolean }, io: Io): Promise<Outcome<View>> {
  if (dry) return planned(secrets, path, { would: `secret.${ending}`, versions: versions === undefined ? 'the newest' : [...versions] })
  const act = () => {
    if (ending === 'delete') return secrets.delete(path, versions)
    // Neither is undone by doing it again: the version is named.
    if (versions === undefined) throw new LocalFailure('No version is named', `${ending} changes exactly what is named`, `Give --versions, for example --versions 2. The versions are in \`symbolon kv metadata get ${path}\`.`)
    return ending === 'undelete' ? secrets.undelete(path, versions) : secrets.destroy(path, versions)
  }
  const changed = await slowly(io, 'waiting for the signers', act())
  return changed.ok ? ok(changedView(changed.value)) : changed
}

export async function metaGet(secrets: Secrets, path: SecretPath): Promise<Outcome<View>> {
  const record = await newest(secrets, path)
  return record.ok ? ok(recordView(record.value)) : record
}

async function newest(secrets: Secrets, path: SecretPath): Promise<Outcome<VaultRecord>> {
  const found = await secrets.records([path])
  if (!found.ok) return found
  const [record] = found.value
  return record === undefined ? failed('secret_not_found') : ok(record)
}

export interface MetaChange {
  readonly maxVersions?: number | undefined
  readonly casRequired?: boolean | undefined
  readonly deleteVersionAfter?: number | undefined
  readonly custom?: Readonly<Record<string, string>> | undefined
  readonly tags?: readonly string[] | undefined
}

export async function metaPut(secrets: Secrets, path: SecretPath, change: MetaChange, dry: boolean): Promise<Outcome<View>> {
  const record = await newest(secrets, path)
  if (!record.ok) return record
  const { settings: now } = record.value
  const { maxVersions, casRequired, deleteVersionAfter, custom, tags } = change
  const changesSettings = maxVersions !== undefined || casRequired !== undefined || deleteVersionAfter !== undefined
  const settings = changesSettings ? { max_versions: maxVersions ?? now.max_versions, cas_required: casRequired ?? now.cas_required, delete_version_after: deleteVersionAfter ?? now.delete_version_after } : undefined
  if (settings === undefined && custom === undefined && tags === undefined) throw new LocalFailure('Nothing is to be changed', 'neither a setting nor a tag nor a note is given', 'Give --max-versions, --cas-required, --delete-after, --tag or --custom.')
  if (dry) return ok(dryView({ would: 'secret.meta', path, settings, custom_metadata: custom === undefined ? undefined : { ...custom }, tags: tags === undefined ? undefined : [...tags] }))
  const changed = await secrets.meta(path, { settings, custom, tags })
  return changed.ok ? ok(recordView(changed.value.record)) : changed
}

export async function metaDelete(secrets: Secrets, path: SecretPath, dry: boolean): Promise<Outcome<View>> {
  if (dry) return planned(secrets, path, { would: 'secret.destroy', versions: 'all, and all that is known of it' })
  const changed = await secrets.remove(path)
  return changed.ok ? ok(changedView(changed.value)) : changed
}

export interface Listing {
  readonly recursive?: boolean
  readonly search?: string
}

/** A row that does not verify is named and left out; the others are shown, and the exit code says that there was one. */
export async function kvList(secrets: Secrets, prefixes: readonly string[], options: Listing, io: Io): Promise<Outcome<View> | { readonly ok: true; readonly value: View; readonly exit: number }> {
  const { rows, failures } = await slowly(io, 'asking the vault', listed(secrets, prefixes, options))
  const [failure] = failures
  // Where nothing is shown, the first one is the command's own.
  const alone = failure !== undefined && rows.length === 0
  for (const each of alone ? failures.slice(1) : failures) io.err.write(`${failureLines(each).join('\n')}\n`)
  if (alone) return { ok: false, error: failure }
  const [prefix = '', ...more] = prefixes
  const view = rowsView(more.length === 0 ? prefix : '', rows)
  return failure === undefined ? ok(view) : { ok: true, value: view, exit: exitCodeOf(failure) }
}

async function listed(secrets: Secrets, prefixes: readonly string[], options: Listing) {
  const rows: Row[] = []
  const failures: SymbolonError[] = []
  for (const prefix of prefixes) {
    for await (const row of secrets.list(prefix, options)) {
      if (row.ok) rows.push(row.value)
      else failures.push(row.error)
    }
  }
  return { rows, failures }
}

export async function kvHistory(secrets: Secrets, path: SecretPath): Promise<Outcome<View>> {
  const records = await collected(secrets.history(path))
  if (!records.ok) return records
  return records.value.length === 0 ? failed('secret_not_found') : ok(historyView(path, records.value))
}

export async function collected<T>(items: AsyncIterable<Outcome<T>>): Promise<Outcome<readonly T[]>> {
  const found: T[] = []
  for await (const item of items) {
    if (!item.ok) return item
    found.push(item.value)
  }
  return ok(found)
}
