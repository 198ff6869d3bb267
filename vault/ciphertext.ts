import { bytesOf, equalBytes, sha256, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { ciphertextDigest, ciphertextHead, type CiphertextHead } from '@symbolon/protocol/ciphertext.ts'
import type { SecretWriteIntent } from '@symbolon/protocol/intent.ts'
import { canonical, decodeAs } from '@symbolon/protocol/json.ts'
import { labelBytes, labelOf } from '@symbolon/protocol/label.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { decodeElement } from '@symbolon/core/group.ts'
import { heapMemory } from '@symbolon/core/secret.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import { verifyCiphertext } from '@symbolon/core/tdh2.ts'
import type { Group } from '@symbolon/roster/roster.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import type { Ciphertext, StoredCiphertext } from './store.ts'

/* Is a ciphertext the one that is named? Nothing here is secret: the proof speaks of points that everybody may see. */

/** What a write brings along. */
export interface Brought {
  readonly head?: CiphertextHead | undefined
  readonly body?: Base64url | undefined
}

const invalid = (detail: string): Failure => fail('ciphertext_invalid', { detail })

/** Everything that could make the new version unreadable is found here, before anybody signs. */
export function checkBrought({ head, body }: Brought, intent: SecretWriteIntent, vault: Group): { readonly ok: true; readonly value: Ciphertext } | Failure {
  if (head === undefined || body === undefined) return fail('malformed', { detail: 'A write brings head and body of its ciphertext.' })
  const { path, combine, version, type } = intent
  if (ciphertextDigest(head) !== intent.ciphertext) return invalid('The head is not the one that the intent names.')
  if (head.group !== vault.kid || head.epoch !== vault.epoch) return invalid('It is encrypted to another key than the vault key of this roster.')
  if (!equalBytes(canonical(head.label), canonical(labelOf(path, { combine, version, type })))) return invalid('Its label is not that of the intent.')
  const ciphertext = { digest: intent.ciphertext, version, head, body: bytesOf(body) }
  if (head.size !== intent.size || !isWhole(ciphertext)) return invalid('The body is not the one that the head names.')
  return isProven(head, bytesOf(vault.key)) ? { ok: true, value: ciphertext } : invalid('Its proof does not hold for this label and key.')
}

/** Is the body the head's, and the head the record's? */
export const isWhole = ({ digest, head, body }: Pick<Ciphertext, 'digest' | 'head' | 'body'>): boolean =>
  head.size === body.length && toBase64url(sha256(body)) === head.body && ciphertextDigest(head) === digest

/** @returns undefined for a row that was altered */
export function openStored({ digest, version, head: bytes, body }: StoredCiphertext): Ciphertext | undefined {
  const head = decodeAs<CiphertextHead>(ciphertextHead, bytes, limits.apiBodyBytes)
  const ciphertext = head.ok ? { digest, version, head: head.value, body } : undefined
  return ciphertext !== undefined && isWhole(ciphertext) ? ciphertext : undefined
}

/** Everything that is computed with it is public, so the heap will do. */
const suite = sodiumSuite(heapMemory)

/** TDH2's proof that the writer knew what it encrypted, and for which label. A signer will ask for it; better now than when somebody reads. */
export function isProven({ label, u, u_bar, e, f, wrapped }: CiphertextHead, groupKey: Uint8Array): boolean {
  const key = decodeElement(suite.group, groupKey)
  return key !== undefined && verifyCiphertext(suite, key, labelBytes(label), { u: bytesOf(u), uBar: bytesOf(u_bar), e: bytesOf(e), f: bytesOf(f), wrapped: bytesOf(wrapped) }).ok
}
