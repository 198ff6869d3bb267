import type { Ciphertext } from '@symbolon/core/tdh2.ts'
import { bytesOf, equalBytes, sha256, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { CiphertextHead } from '@symbolon/protocol/ciphertext.ts'
import { labelBytes, labelOf, type Label, type SecretPath } from '@symbolon/protocol/label.ts'
import type { RecordVersion } from '@symbolon/protocol/record.ts'

/* A ciphertext's head, as core and as its record see it. */

export const suiteName = 'TDH2-edwards25519-SHA512+AES-256-GCM'

/** The head's five fields that core checks. */
export const tdh2Of = ({ u, u_bar, e, f, wrapped }: CiphertextHead): Ciphertext => ({ u: bytesOf(u), uBar: bytesOf(u_bar), e: bytesOf(e), f: bytesOf(f), wrapped: bytesOf(wrapped) })

/** By its record, this is what the version's ciphertext must be bound to. */
export const labelOfVersion = (path: SecretPath, { combine, version, type }: RecordVersion): Label => labelOf(path, { combine, version, type })

export const sameLabel = (head: CiphertextHead, label: Label): boolean => equalBytes(labelBytes(head.label), labelBytes(label))

export const bodyDigest = (body: Uint8Array): Base64url => toBase64url(sha256(body))
export const isBodyOf = (body: Uint8Array, head: CiphertextHead): boolean => body.length === head.size && bodyDigest(body) === head.body
