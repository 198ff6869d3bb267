import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { SecretPath } from '@symbolon/protocol/label.ts'

/*
 * What goes wrong when a secret is closed or opened. Nothing in an error was ever inside an envelope: paths, numbers and digests, which
 * whoever carries the envelope sees anyway.
 */

/** The keyset's keys for secrets do not fit together, or are not there. */
export type KeysError = { readonly code: 'keys_missing'; readonly purpose: 'record' | 'vault' } | { readonly code: 'keys_invalid'; readonly group: Base64url; readonly why: string }

export type SealError =
  /** Not a value of its kind, or not one that could be read back. `field`: the first member that is wrong. */
  | { readonly code: 'value_invalid'; readonly field?: string }
  | { readonly code: 'value_too_large'; readonly bytes: number; readonly limit: number }

/** Of what came with one secret, before anything is opened. */
export type RowError =
  /** No quorum of this deployment signed it. */
  | { readonly code: 'record_unsigned'; readonly path: SecretPath }
  /** Signed, but of another secret. */
  | { readonly code: 'record_foreign'; readonly path: SecretPath }
  /** By its record there is no such version, or it is deleted or destroyed. */
  | { readonly code: 'version_unreadable'; readonly path: SecretPath; readonly version: number | 'latest' }
  /** Not the head that the record names. */
  | { readonly code: 'ciphertext_differs'; readonly path: SecretPath }
  /** The head is of another secret, version, kind or mode than its record says. */
  | { readonly code: 'label_differs'; readonly path: SecretPath }
  /** Not the body that the head names. */
  | { readonly code: 'body_differs'; readonly path: SecretPath }
  /** Closed to a key that the keyset does not hold. */
  | { readonly code: 'group_unknown'; readonly path: SecretPath; readonly group: Base64url }
  /** Its proof does not hold for this label: whoever wrote it did not know what it holds. */
  | { readonly code: 'ciphertext_unproven'; readonly path: SecretPath }

export type OpenError =
  | RowError
  /** Not one row for each label, in order, or partials of another epoch. */
  | { readonly code: 'answer_differs'; readonly what: 'paths' | 'epoch' }
  /** Fewer than t signers' answers open with the reply key. */
  | { readonly code: 'partials_missing'; readonly got: number; readonly wanted: number; readonly unreadable: readonly number[] }
  /** So many partials are false that fewer than t are left. `culprits`: signers whose own sealed answer holds a false one. */
  | { readonly code: 'partials_invalid'; readonly path: SecretPath; readonly culprits: readonly number[]; readonly unreadable: readonly number[] }
  /** Every proof holds, and what comes out is not the key that the head names: its writer's fault. */
  | { readonly code: 'data_key_differs'; readonly path: SecretPath }
  /** The data key is right, the body was not closed with it under this label: its writer's fault. */
  | { readonly code: 'body_unauthentic'; readonly path: SecretPath }
  /** What was inside is no value of the kind that the label says: its writer's fault. */
  | { readonly code: 'value_malformed'; readonly path: SecretPath }

/** Who deviated, as far as the failure itself proves it. */
export interface Accused {
  readonly who: 'vault' | 'vault_or_coordinator' | 'signers' | 'writer'
  /** Signers; empty unless they are accused. */
  readonly culprits: readonly number[]
}

/** Every code is named: a new one does not compile until it says who is to blame. */
export function blameOfOpen(error: OpenError): Accused {
  switch (error.code) {
    case 'record_unsigned':
    case 'record_foreign':
    case 'version_unreadable':
    case 'ciphertext_differs':
    case 'body_differs':
    case 'answer_differs':
      return { who: 'vault', culprits: [] }
    // The quorum signed the digest of this very head.
    case 'label_differs':
    case 'group_unknown':
    case 'ciphertext_unproven':
    case 'data_key_differs':
    case 'body_unauthentic':
    case 'value_malformed':
      return { who: 'writer', culprits: [] }
    case 'partials_missing':
      return { who: 'vault_or_coordinator', culprits: [] }
    // HPKE in base mode says that whoever sealed knew the reply key, not who it was: show others the signer's signed reply.
    case 'partials_invalid':
      return { who: 'signers', culprits: error.culprits }
  }
}

/** Signers to be asked last when the same intent is asked again: nothing that helps came under their names. Who put it there is another matter. */
export function spoilersOf(error: OpenError): readonly number[] {
  if (error.code === 'partials_missing') return error.unreadable
  return error.code === 'partials_invalid' ? [...error.culprits, ...error.unreadable] : []
}
