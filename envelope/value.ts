import { fail, ok, type Result } from '@symbolon/core/errors.ts'
import { utf8 } from '@symbolon/protocol/bytes.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { secretValue, secretValueBytes, type SecretValue } from '@symbolon/protocol/secret.ts'
import type { SealError } from './errors.ts'

/* A value and its bytes. What cannot be read back is never closed. */

/** The caller wipes what it is given. */
export function encodeValue(value: SecretValue): Result<Uint8Array, SealError> {
  const bytes = utf8(JSON.stringify(value))
  const checked = checkValue(bytes)
  if (checked.ok) return ok(bytes)
  bytes.fill(0)
  return checked
}

/** Bytes that were made elsewhere. */
export function checkValue(bytes: Uint8Array): Result<SecretValue, SealError> {
  if (bytes.length > secretValueBytes) return fail({ code: 'value_too_large', bytes: bytes.length, limit: secretValueBytes })
  const decoded = decodeAs(secretValue, bytes, secretValueBytes)
  if (decoded.ok) return ok(decoded.value)
  const field = decoded.problems.map(({ pointer }) => pointer.split('/')[1] ?? '').find((name) => shown.has(name))
  return fail({ code: 'value_invalid', ...(field === undefined ? {} : { field }) })
}

/** Members that the schemas know. Any other name may be part of the secret. */
const shown = new Set<string>(secretValue.options.flatMap((option) => Object.keys(option.shape)))

/** What was inside, as strictly: undefined for anything that `encodeValue` would not have made room for. */
export function decodeValue(bytes: Uint8Array): SecretValue | undefined {
  const checked = checkValue(bytes)
  return checked.ok ? checked.value : undefined
}
