import { secretKeys, verifyRecord, type SecretKeys } from '@symbolon/envelope/keys.ts'
import type { Combine } from '@symbolon/protocol/label.ts'
import type { OpenedRecord, SignedRecord } from '@symbolon/protocol/record.ts'
import type { Namespace } from '@symbolon/roster/roster.ts'
import { poster, type Post } from '../api.ts'
import type { Deployment } from '../deployment.ts'
import { failed, ok, type Result } from '../result.ts'
import type { Session } from '../session.ts'
import type { Trouble } from '../trouble.ts'
import { openMemory, type Memory } from './memory.ts'
import { absent, keysTrouble, notTrusted, unreachable } from './trouble.ts'

/* The vault as pages see it: a carrier, like the api. What holds is what the signers signed and what this browser opens itself. */

export interface Vault {
  readonly deployment: Deployment
  readonly session: Session
  readonly keys: SecretKeys
  /** Of the keyset, which the signers vouch for. */
  readonly namespaces: readonly Namespace[]
  readonly memory: Memory
  readonly post: Post
}

/** Validates the keyset's keys for secrets: once, not for each request. */
export function openVault(deployment: Deployment, session: Session, storage: Pick<Storage, 'getItem' | 'setItem'> = localStorage): Result<Vault, Trouble> {
  const { vault, keyset, lineage } = deployment
  if (vault === undefined || keyset.vault === undefined) return failed(absent)
  const keys = secretKeys({ keyset, lineage })
  if (!keys.ok) return failed(keysTrouble(keys.error))
  return ok({ deployment, session, keys: keys.value, namespaces: keyset.namespaces ?? [], memory: openMemory(lineage, storage), post: poster(vault, unreachable) })
}

/** @returns undefined for a namespace that the roster does not have */
export const combineOf = (path: string, { namespaces }: Pick<Vault, 'namespaces'>): Combine | undefined => namespaces.find(({ id }) => id === path.split('/', 1)[0])?.combine

/**
 * Is this the newest record of the secret, as far as this browser can know? It then remembers it.
 * @param path the secret that was asked for
 */
export function believeRecord(signed: SignedRecord, path: string, { keys, memory }: Pick<Vault, 'keys' | 'memory'>): Result<OpenedRecord, Trouble> {
  const opened = verifyRecord(signed, keys)
  if (opened === undefined) return failed(notTrusted.record_unsigned)
  if (opened.record.path !== path) return failed(notTrusted.record_foreign)
  return notOlder(opened, memory)
}

/** The same of a record that was verified already. */
export function notOlder(opened: OpenedRecord, memory: Memory): Result<OpenedRecord, Trouble> {
  const seen = memory.seen(opened.record.path)
  if (seen !== undefined && opened.record.seq < seen.seq) return failed(notTrusted.record_rolled_back)
  if (seen !== undefined && opened.record.seq === seen.seq && opened.digest !== seen.digest) return failed(notTrusted.record_forked)
  memory.remember(opened)
  return ok(opened)
}
