import { fail, ok, type Result } from '@symbolon/core/errors.ts'
import { DATA_KEY_BYTES, encrypt as wrap } from '@symbolon/core/tdh2.ts'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { ciphertextDigest, dataKeyHash, type CiphertextHead } from '@symbolon/protocol/ciphertext.ts'
import { labelBytes, type Label } from '@symbolon/protocol/label.ts'
import type { SecretValue } from '@symbolon/protocol/secret.ts'
import { encrypt } from '#platform'
import type { SealError } from './errors.ts'
import { bodyDigest, suiteName } from './head.ts'
import type { SecretKeys, VaultGroup } from './keys.ts'
import { checkValue, encodeValue } from './value.ts'

export interface Sealed {
  readonly head: CiphertextHead
  readonly body: Uint8Array
  /** Of the head: what intent and record name. */
  readonly digest: Base64url
  /** Of the body. */
  readonly size: number
}

export interface SealRequest {
  /** A value, or the bytes of one, which the caller wipes. Its `type` must be the label's. */
  readonly value: SecretValue | Uint8Array
  readonly label: Label
  readonly keys: Pick<SecretKeys, 'suite' | 'newest'>
  /** Absent: the newest. */
  readonly group?: VaultGroup
}

/**
 * Closes a value: AES-256-GCM under a fresh data key, that key under the label to the group key. Label, version and kind are bound twice: as
 * additional data of the cipher, and by the proof on the wrapped key.
 */
export async function seal({ value, ...request }: SealRequest): Promise<Result<Sealed, SealError>> {
  if (value instanceof Uint8Array) return close(value, request)
  const encoded = encodeValue(value)
  if (!encoded.ok) return encoded
  try {
    return await close(encoded.value, request)
  } finally {
    encoded.value.fill(0)
  }
}

async function close(plain: Uint8Array, { label, keys: { suite, newest }, group = newest }: Omit<SealRequest, 'value'>): Promise<Result<Sealed, SealError>> {
  const checked = checkValue(plain)
  if (!checked.ok) return checked
  if (checked.value.type !== label.type) return fail({ code: 'value_invalid', field: 'type' })
  using dataKey = suite.memory.take(DATA_KEY_BYTES)
  dataKey.borrow((key) => suite.group.random(key))
  const iv = suite.group.bytes(12)
  suite.group.random(iv)
  const additional = labelBytes(label)
  const body = await encrypt({ key: dataKey, iv, additional }, plain)
  const { u, uBar, e, f, wrapped } = wrap(suite, { key: group.keys.group.key, label: additional, dataKey })
  const head: CiphertextHead = {
    v: 1,
    suite: suiteName,
    group: group.kid,
    epoch: group.epoch,
    label: { ...label },
    u: toBase64url(u),
    u_bar: toBase64url(uBar),
    e: toBase64url(e),
    f: toBase64url(f),
    wrapped: toBase64url(wrapped),
    key_hash: dataKey.borrow(dataKeyHash),
    iv: toBase64url(iv),
    body: bodyDigest(body),
    size: body.length,
  }
  return ok({ head, body, digest: ciphertextDigest(head), size: body.length })
}
