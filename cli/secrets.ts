import type { SecretPath } from '@symbolon/protocol/label.ts'
import type { Settings as SecretSettings, VaultRecord } from '@symbolon/protocol/record.ts'
import type { SecretValue } from '@symbolon/protocol/secret.ts'
import type { Json } from '@symbolon/protocol/json.ts'
import type { ExplainResponse } from '@symbolon/protocol/http.ts'
import type { Outcome } from '@symbolon/sdk/errors.ts'
import type { Io } from './io.ts'
import type { Settings } from './settings.ts'

/* What the commands ask of the vault. The SDK answers it; every record was verified before it comes here. */

export interface Wanted {
  readonly path: SecretPath
  readonly version: number | 'latest'
}

export interface Opened {
  readonly path: SecretPath
  readonly version: number
  readonly value: SecretValue
  readonly record: VaultRecord
}

export interface Changed {
  readonly record: VaultRecord
  /** Fewer than t signers have said that they keep the record. */
  readonly pending: boolean
}

export type Row = { readonly folder: string } | { readonly path: SecretPath; readonly record: VaultRecord }

export interface Beside {
  readonly settings?: SecretSettings | undefined
  readonly custom?: Readonly<Record<string, string>> | undefined
  readonly tags?: readonly string[] | undefined
}

export interface Secrets {
  /** All or none of them, in order. */
  read(wanted: readonly Wanted[]): Promise<Outcome<readonly Opened[]>>
  /** Newest records in order; undefined where there is none that may be listed. */
  records(paths: readonly SecretPath[]): Promise<Outcome<readonly (VaultRecord | undefined)[]>>
  write(path: SecretPath, value: SecretValue, options: { readonly cas?: number | undefined }): Promise<Outcome<Changed>>
  /** Members of a `string`; null takes one out (RFC 7396, on the first level). */
  patch(path: SecretPath, data: Readonly<Record<string, Json>>, options: { readonly cas?: number | undefined }): Promise<Outcome<Changed>>
  /** No versions: the newest. */
  delete(path: SecretPath, versions: readonly number[] | undefined): Promise<Outcome<Changed>>
  undelete(path: SecretPath, versions: readonly number[]): Promise<Outcome<Changed>>
  destroy(path: SecretPath, versions: readonly number[]): Promise<Outcome<Changed>>
  /** All versions, and all that is known of it. */
  remove(path: SecretPath): Promise<Outcome<Changed>>
  meta(path: SecretPath, beside: Beside): Promise<Outcome<Changed>>
  list(prefix: string, options: { readonly recursive?: boolean | undefined; readonly search?: string | undefined }): AsyncIterable<Outcome<Row>>
  /** The text of a config with what it refers to filled in. */
  render(opened: Opened): Promise<Outcome<string>>
  /** Whether policy would allow it; nothing is opened or changed. */
  explain(action: Explained, path: SecretPath): Promise<Outcome<ExplainResponse>>
  /** Newest first. */
  history(path: SecretPath): AsyncIterable<Outcome<VaultRecord>>
}

export const explainedActions = ['read', 'list', 'write', 'meta', 'delete', 'undelete', 'destroy'] as const
export type Explained = (typeof explainedActions)[number]

/** Opens the vault for one command, and closes it behind it. */
export type OpenSecrets = <T>(settings: Settings, io: Io, act: (secrets: Secrets) => Promise<Outcome<T>>) => Promise<Outcome<T>>
