import { setTimeout as pause } from 'node:timers/promises'
import type { Wanted } from '@symbolon/envelope/row.ts'
import { explainResponse, type ExplainResponse } from '@symbolon/protocol/http.ts'
import type { Json } from '@symbolon/protocol/json.ts'
import type { SecretPath } from '@symbolon/protocol/label.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { VaultRecord } from '@symbolon/protocol/record.ts'
import type { SecretValue } from '@symbolon/protocol/secret.ts'
import type { Client } from './client.ts'
import { failed, ok, type Outcome } from './errors.ts'
import type { RecordMemory } from './record-memory.ts'
import { openTransport, type TransportOptions } from './transport.ts'
import { vaultCalls, type Asker, type Question, type VaultCalls } from './vault-calls.ts'
import { resolveConfig, type Resolved } from './template.ts'
import { exportSecrets, importSecrets, type Restored } from './vault-backup.ts'
import { historyOf, listSecrets, type ListedRow, type ListOptions } from './vault-list.ts'
import { readSecrets, type Opened } from './vault-read.ts'
import { reencrypt, type Reencrypted, type ReencryptOptions } from './vault-reencrypt.ts'
import { awaitReceipts, change, merged, recordsOf, writeSecret, type Beside, type Changed, type WriteOptions } from './vault-write.ts'

/* A vault, as a client sees it: it is asked, and never believed. Every value is closed and opened here. */

export interface VaultOptions extends Omit<TransportOptions, 'addr'> {
  /** Whose keyset is believed. */
  readonly client: Pick<Client, 'deployment' | 'status'>
  /** Base URL of the vault; absent: what the api's status names. Believed by nobody, so it may come from there. */
  readonly addr?: string | undefined
  readonly asker: Asker
  /** What was seen of each secret; absent: older records are noticed by signers alone. */
  readonly memory?: RecordMemory | undefined
  /** Seconds since 1970; the machine's clock unless given. */
  readonly clock?: (() => number) | undefined
  /** For tests. */
  readonly sleep?: ((ms: number) => Promise<void>) | undefined
}

export interface Vault {
  readonly addr: string
  /** All or none, in order. */
  read(wanted: readonly Wanted[]): Promise<Outcome<readonly Opened[]>>
  /** Newest records in order; undefined where there is none that may be listed. */
  records(paths: readonly SecretPath[]): Promise<Outcome<readonly (VaultRecord | undefined)[]>>
  write(path: SecretPath, value: SecretValue, options?: WriteOptions & Beside): Promise<Outcome<Changed>>
  /** Members of a `string`; null takes one out (RFC 7396, on the first level). Another's change in between is never lost. */
  patch(path: SecretPath, data: Readonly<Record<string, Json>>, options?: WriteOptions): Promise<Outcome<Changed>>
  /** No versions: the newest. */
  delete(path: SecretPath, versions?: readonly number[]): Promise<Outcome<Changed>>
  undelete(path: SecretPath, versions: readonly number[]): Promise<Outcome<Changed>>
  destroy(path: SecretPath, versions: readonly number[]): Promise<Outcome<Changed>>
  /** All versions, and all that is known of it. */
  remove(path: SecretPath): Promise<Outcome<Changed>>
  meta(path: SecretPath, beside: Beside): Promise<Outcome<Changed>>
  /** Rows that verify; in the place of one that does not stands a failure. */
  list(prefix: string, options?: ListOptions): AsyncIterable<Outcome<ListedRow>>
  /** Newest first. */
  history(path: SecretPath): AsyncIterable<Outcome<VaultRecord>>
  /** Asks again for receipts of a change that was pending. */
  receipts(changed: Changed): Promise<Outcome<Changed>>
  /** What would be said to this; nothing is opened or changed. */
  explain(question: Question): Promise<Outcome<ExplainResponse>>
  /** A `config` with everything put in that it names. */
  resolve(config: Opened): Promise<Outcome<Resolved>>
  /** A backup, line by line: ciphertexts and records. `prefixes` absent: every namespace. */
  exportAll(options?: Parameters<typeof exportSecrets>[1]): AsyncIterable<Outcome<string>>
  /** Restores a backup. `dry`: it is only verified. */
  importAll(lines: AsyncIterable<string>, options?: Parameters<typeof importSecrets>[2]): Promise<Outcome<Restored>>
  /** After a rotation of the `vault` key. */
  reencrypt(options: ReencryptOptions): Promise<Outcome<Reencrypted>>
  close(): Promise<void>
}

export async function openVault({ client, addr, asker, memory, clock = nowInSeconds, sleep = wait, ...connection }: VaultOptions): Promise<Outcome<Vault>> {
  const where = addr === undefined ? await addressOf(client) : ok(addr)
  if (!where.ok) return where
  const transport = openTransport({ ...connection, addr: where.value })
  if (!transport.ok) return transport
  const calls = vaultCalls({ transport: transport.value, asker, memory, deployment: client.deployment, clock, sleep })
  return ok({ ...vaultOf(calls), addr: transport.value.addr, close: () => transport.value.close() })
}

const nowInSeconds = (): number => Math.floor(Date.now() / 1000)
const wait = async (ms: number): Promise<void> => void (await pause(ms))

async function addressOf(client: Pick<Client, 'status'>): Promise<Outcome<string>> {
  const status = await client.status()
  if (!status.ok) return status
  return status.value.vault_addr === undefined ? failed('vault_unknown') : ok(status.value.vault_addr)
}

/** Everything of a vault but the connection. */
export function vaultOf(calls: VaultCalls): Omit<Vault, 'addr' | 'close'> {
  const meta = (path: SecretPath, { settings, custom, tags }: Beside) =>
    change(path, async () => ok({ question: { kind: 'secret.meta', settings, custom: custom === undefined ? undefined : { ...custom }, tags: tags === undefined ? undefined : [...tags] } }), calls)
  return {
    read: (wanted) => readSecrets(wanted, calls),
    records: (paths) => newest(paths, calls),
    write: async (path, value, { cas, ...beside } = {}) => {
      const written = await writeSecret(path, value, { cas }, calls)
      return written.ok && Object.values(beside).some((part) => part !== undefined) ? meta(path, beside) : written
    },
    patch: (path, data, { cas } = {}) => patch(path, data, cas, calls),
    delete: (path, versions) => change(path, async (before) => (before === undefined || before.versions.length === 0 ? failed('secret_not_found') : ok({ question: { kind: 'secret.delete', versions: ascending(versions ?? [before.current]) } })), calls),
    undelete: (path, versions) => change(path, async () => ok({ question: { kind: 'secret.undelete', versions: ascending(versions) } }), calls),
    destroy: (path, versions) => change(path, async () => ok({ question: { kind: 'secret.destroy', versions: ascending(versions) } }), calls),
    remove: (path) => change(path, async (before) => (before === undefined || before.removed ? failed('secret_not_found') : ok({ question: { kind: 'secret.destroy', all: true } })), calls),
    meta,
    list: (prefix, options = {}) => listSecrets(prefix, options, calls),
    history: (path) => historyOf(path, calls),
    resolve: (config) => resolveConfig(config, (paths) => readSecrets(paths.map((path) => ({ path, version: 'latest' })), calls)),
    exportAll: (options) => exportSecrets(calls, options),
    importAll: (lines, options) => importSecrets(lines, calls, options),
    reencrypt: (options) => reencrypt(options, calls),
    receipts: ({ record, digest }) => awaitReceipts(record.path, { record, digest }, calls),
    explain: async (question) => {
      const asking = await calls.ask({ ...question, dry: true } as Question)
      return asking.ok ? calls.post('/v1/secrets/explain', asking.value.body, explainResponse) : asking
    },
  }
}

const ascending = (versions: readonly number[]): number[] => [...new Set(versions)].sort((a, b) => a - b)

async function newest(paths: readonly SecretPath[], calls: VaultCalls): Promise<Outcome<readonly (VaultRecord | undefined)[]>> {
  const all: (VaultRecord | undefined)[] = []
  for (let at = 0; at < paths.length; at += limits.labels) {
    const found = await recordsOf(paths.slice(at, at + limits.labels), calls)
    if (!found.ok) return found
    all.push(...found.value.map((known) => known?.record))
  }
  return ok(all)
}

/** Read, merged and written on top of exactly what was read; where another write came first, all three again. */
async function patch(path: SecretPath, data: Readonly<Record<string, Json>>, cas: number | undefined, calls: VaultCalls): Promise<Outcome<Changed>> {
  for (let attempt = 1; ; attempt++) {
    const found = await readSecrets([{ path, version: 'latest' }], calls)
    if (!found.ok) return found
    const [opened] = found.value
    if (opened === undefined) return failed('secret_not_found')
    if (opened.value.type !== 'string') return failed('value_kind', { detail: `${path} is of kind ${opened.value.type}` })
    if (cas !== undefined && cas !== opened.version) return failed('check_and_set_failed', { detail: `${path}: the newest version is ${opened.version}` })
    const written = await writeSecret(path, { type: 'string', data: merged(opened.value.data, data) }, { cas: opened.version }, calls)
    if (written.ok || written.error.code !== 'check_and_set_failed' || cas !== undefined || attempt >= 4) return written
  }
}
