import type { SecretPath } from '@symbolon/protocol/label.ts'
import type { Json } from '@symbolon/protocol/json.ts'
import { defaultSettings, readable, type RecordAct, type VaultRecord } from '@symbolon/protocol/record.ts'
import type { SecretValue } from '@symbolon/protocol/secret.ts'
import { failed, ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { OpenSecrets, Row, Secrets } from './secrets.ts'

/* A vault in memory, for what the commands make of it. What a real one refuses, test/cli asks of a real one. */

interface Kept {
  readonly records: VaultRecord[]
  readonly values: Map<number, SecretValue>
}

const digest = toBase64url(new Uint8Array(32))

export function memorySecrets() {
  const all = new Map<SecretPath, Kept>()
  const calls: string[] = []
  const at = Math.floor(Date.now() / 1000)
  const newest = (path: SecretPath): VaultRecord | undefined => all.get(path)?.records.at(-1)
  const append = (path: SecretPath, act: RecordAct, change: (before: VaultRecord) => Partial<VaultRecord>) => {
    const before: VaultRecord = newest(path) ?? { v: 1, lineage: digest, path, seq: 0, previous: null, current: 0, versions: [], settings: defaultSettings, custom: {}, tags: [], removed: false, created: at, by: 'ann', at, act, intent: digest }
    const record: VaultRecord = { ...before, act, seq: before.seq + 1, ...change(before) }
    const kept: Kept = all.get(path) ?? { records: [], values: new Map() }
    kept.records.push(record)
    all.set(path, kept)
    calls.push(`${act} ${path}`)
    return ok({ record, pending: false, digest, receipts: [1, 2] })
  }
  const ended = (state: 'live' | 'deleted' | 'destroyed', versions: readonly number[] | undefined) => (before: VaultRecord) => ({ versions: before.versions.map((each) => ((versions ?? [before.current]).includes(each.version) ? { ...each, state } : each)) })

  const absent = async () => failed('not_found', { detail: 'not in this vault of a test' })
  const secrets: Secrets = {
    exportAll: async function* () {
      yield await absent()
    },
    importAll: absent,
    reencrypt: absent,
    read: async (wanted) => {
      calls.push(`read ${wanted.map(({ path }) => path).join(' ')}`)
      const found = wanted.flatMap(({ path, version }) => {
        const record = newest(path)
        const made = record === undefined ? undefined : readable(record, version, at)
        const value = made === undefined ? undefined : all.get(path)?.values.get(made.version)
        return record === undefined || made === undefined || value === undefined ? [] : [{ path, version: made.version, value, record, of: made, group: digest }]
      })
      return found.length === wanted.length ? ok(found) : failed('secret_not_found')
    },
    records: async (paths) => ok(paths.map(newest)),
    write: async (path, value, { cas } = {}) => {
      const current = newest(path)?.current ?? 0
      if (cas !== undefined && cas !== current && !(cas === 0 && newest(path)?.versions.length === 0)) return failed('check_and_set_failed')
      const done = append(path, 'secret.write', (before) => ({ current: current + 1, versions: [...before.versions, { version: current + 1, state: 'live', type: value.type, combine: 'caller', ciphertext: digest, size: 32, at, by: 'ann' }] }))
      all.get(path)?.values.set(current + 1, value)
      return done
    },
    patch: async (path, data, options) => {
      const before = all.get(path)?.values.get(newest(path)?.current ?? 0)
      if (before?.type !== 'string') return failed('secret_not_found')
      const merged = Object.fromEntries(Object.entries({ ...before.data, ...data }).filter(([, value]) => value !== null)) as Record<string, Json>
      return secrets.write(path, { type: 'string', data: merged as Extract<SecretValue, { type: 'string' }>['data'] }, options)
    },
    delete: async (path, versions) => append(path, 'secret.delete', ended('deleted', versions)),
    undelete: async (path, versions) => append(path, 'secret.undelete', ended('live', versions)),
    destroy: async (path, versions) => append(path, 'secret.destroy', ended('destroyed', versions)),
    remove: async (path) => append(path, 'secret.destroy', () => ({ versions: [], removed: true })),
    meta: async (path, { settings, custom, tags }) => append(path, 'secret.meta', (before) => ({ settings: settings ?? before.settings, custom: { ...(custom ?? before.custom) }, tags: [...(tags ?? before.tags)] })),
    list: async function* (prefix, { recursive, search } = {}): AsyncGenerator<Outcome<Row>> {
      const folders = new Set<string>()
      for (const [path, { records }] of [...all].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
        const record = records.at(-1)
        if (record === undefined || !path.startsWith(`${prefix}/`) || (search !== undefined && !path.includes(search) && !record.tags.includes(search))) continue
        const below = path.slice(prefix.length + 1)
        if (recursive === true || !below.includes('/')) yield ok({ path, record })
        else folders.add(`${prefix}/${below.split('/')[0] ?? ''}/`)
      }
      for (const folder of folders) yield ok({ folder })
    },
    resolve: async ({ value }) => ok({ text: value.type === 'config' ? value.template.replace('{{ app/db#password }}', 'rendered') : '', used: [] }),
    explain: async () => ok({ granted: true, reasons: [], roster: 1, policy: digest, request_id: 'r' }),
    history: async function* (path) {
      for (const record of all.get(path)?.records.toReversed() ?? []) yield ok(record)
    },
  }
  const openSecrets: OpenSecrets = (_settings, _io, act) => act(secrets)
  return { secrets, calls, openSecrets }
}
