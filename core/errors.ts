/** An expected failure is a value. */
export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E }

export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value })
export const fail = <E>(error: E): { readonly ok: false; readonly error: E } => ({ ok: false, error })

/** Key material that does not fit together, found when it is loaded. */
export type KeyError =
  | { readonly code: 'bad_threshold'; readonly threshold: number; readonly members: number }
  | { readonly code: 'bad_id'; readonly id: number }
  | { readonly code: 'duplicate_id'; readonly id: number }
  | { readonly code: 'bad_group_key' }
  | { readonly code: 'bad_verifying_share'; readonly id: number }
  /** The verifying shares do not lie on one polynomial of degree t−1 through the group key. */
  | { readonly code: 'inconsistent_group' }
  | { readonly code: 'unknown_member'; readonly id: number }
  | { readonly code: 'bad_share' }
  /** The share is not the one that its verifying share belongs to. */
  | { readonly code: 'share_mismatch'; readonly id: number }

/** A list of commitments that no honest coordinator sends (SEC-03, SEC-04). */
export type ListError =
  | { readonly code: 'list_size'; readonly wanted: number; readonly got: number }
  | { readonly code: 'list_unknown_id'; readonly id: number }
  | { readonly code: 'list_duplicate_id'; readonly id: number }
  /** Ids must rise numerically. */
  | { readonly code: 'list_unsorted'; readonly id: number }

/** Why a signer gives no share. */
export type SignError =
  | ListError
  | { readonly code: 'nonces_spent' }
  | { readonly code: 'own_commitment_missing'; readonly id: number }
  | { readonly code: 'own_commitment_altered'; readonly id: number }
  /** Points that are no elements (SEC-01), by whose entry they stood in. */
  | { readonly code: 'commitment_invalid'; readonly ids: readonly number[] }
  | { readonly code: 'identity_commitment' }

/** Why no signature comes out. */
export type AggregateError =
  | ListError
  /** The replies are not one for each entry of the list. */
  | { readonly code: 'replies_mismatch' }
  | { readonly code: 'commitment_invalid'; readonly ids: readonly number[] }
  | { readonly code: 'identity_commitment' }
  /** Shares that are no canonical scalar, or do not verify against commitment and verifying share. */
  | { readonly code: 'share_invalid'; readonly ids: readonly number[] }
  /** Every share verifies, their sum does not. */
  | { readonly code: 'signature_invalid' }

/**
 * Why a key ceremony ends. `missing`, `unknown`, `duplicate` and `reflected` speak of the set of packages; the rest of what one
 * dealer sent.
 */
export type DkgError =
  | { readonly code: 'wrong_round'; readonly expected: string; readonly got: string }
  /** SEC-13: the round is over, and these inputs are not the ones it was done with. */
  | { readonly code: 'round_repeated' }
  | { readonly code: 'package_missing'; readonly ids: readonly number[] }
  | { readonly code: 'package_unknown'; readonly ids: readonly number[] }
  | { readonly code: 'package_duplicate'; readonly ids: readonly number[] }
  /** SEC-14: our own package, or a copy of it under another name. */
  | { readonly code: 'package_reflected'; readonly ids: readonly number[] }
  | { readonly code: 'digest_malformed'; readonly ids: readonly number[] }
  /** SEC-12: what was revealed is not what was committed to. */
  | { readonly code: 'reveal_differs'; readonly ids: readonly number[] }
  | { readonly code: 'commitment_length'; readonly ids: readonly number[] }
  | { readonly code: 'commitment_malformed'; readonly ids: readonly number[] }
  | { readonly code: 'possession_unproven'; readonly ids: readonly number[] }
  | { readonly code: 'dealt_share_invalid'; readonly ids: readonly number[] }
  /** The sum is degenerate: the zero key, or a zero share. No honest run meets it. */
  | { readonly code: 'degenerate_key' }

/** Why a ciphertext is not worked on. */
export type CiphertextError =
  /** Not 32 bytes, not canonical, not of prime order, the identity, or zero. */
  | { readonly code: 'ciphertext_malformed'; readonly field: 'u' | 'uBar' | 'proof' | 'wrapped' }
  /** The proof does not hold for this key, this label and these fields. */
  | { readonly code: 'ciphertext_unproven' }

/** Why a signer gives no partial. */
export type PartialError =
  /** It was checked for another group key than the member's. */
  { readonly code: 'ciphertext_foreign' }

/** Why no data key comes out of partials. */
export type CombineError =
  | { readonly code: 'ciphertext_foreign' }
  | { readonly code: 'partials_size'; readonly wanted: number; readonly got: number }
  | { readonly code: 'partial_unknown'; readonly ids: readonly number[] }
  | { readonly code: 'partial_duplicate'; readonly ids: readonly number[] }
  | { readonly code: 'partial_epoch'; readonly ids: readonly number[] }
  /** No element, or no proof that could be one (SEC-01, SEC-02, TST-41). */
  | { readonly code: 'partial_malformed'; readonly ids: readonly number[] }
  | { readonly code: 'partial_unproven'; readonly ids: readonly number[] }
  /** They add up to the identity, which no honest set does. */
  | { readonly code: 'partials_cancel' }

/**
 * What a failure proves to whoever computed it over messages it received itself:
 * - `participant`: the named ones sent what no honest participant sends;
 * - `participant_or_coordinator`: the message came through the coordinator, and only signed copies tell the two apart;
 * - `coordinator`: the sender of the list;
 * - `investigate`: somebody deviated, or the key material is inconsistent; nobody can be named;
 * - `nobody`: a mistake of our own.
 */
export type Proves = 'participant' | 'participant_or_coordinator' | 'coordinator' | 'investigate' | 'nobody'

export interface Blame {
  readonly proves: Proves
  /** Empty unless participants are accused. */
  readonly culprits: readonly number[]
}

const accuse = (proves: Proves, culprits: readonly number[] = []): Blame => ({ proves, culprits })

/** Whom a signer may accuse. Every code is named: a new one does not compile until it says who is to blame. */
export function blameOfSign(error: SignError): Blame {
  switch (error.code) {
    case 'list_size':
    case 'list_unknown_id':
    case 'list_duplicate_id':
    case 'list_unsorted':
    case 'own_commitment_missing':
    case 'own_commitment_altered':
      return accuse('coordinator')
    case 'commitment_invalid':
      return accuse('participant_or_coordinator', error.ids)
    case 'identity_commitment':
      return accuse('investigate')
    case 'nonces_spent':
      return accuse('nobody')
  }
}

/** Whom the coordinator may accuse; it made the list itself and took each reply from the sender's own channel. */
export function blameOfAggregate(error: AggregateError): Blame {
  switch (error.code) {
    case 'list_size':
    case 'list_unknown_id':
    case 'list_duplicate_id':
    case 'list_unsorted':
    case 'replies_mismatch':
      return accuse('nobody')
    case 'commitment_invalid':
    case 'share_invalid':
      return accuse('participant', error.ids)
    case 'identity_commitment':
    case 'signature_invalid':
      return accuse('investigate')
  }
}

/** Whom a member of a ceremony may accuse, if each package came over its dealer's own channel. */
export function blameOfDkg(error: DkgError): Blame {
  switch (error.code) {
    case 'wrong_round':
    case 'round_repeated':
      return accuse('nobody')
    case 'package_missing':
    case 'package_unknown':
    case 'package_duplicate':
      return accuse('investigate')
    case 'package_reflected':
    case 'digest_malformed':
    case 'reveal_differs':
    case 'commitment_length':
    case 'commitment_malformed':
    case 'possession_unproven':
    case 'dealt_share_invalid':
      return accuse('participant', error.ids)
    case 'degenerate_key':
      return accuse('investigate')
  }
}

/**
 * Whom a reader may accuse, if each partial came sealed by its signer. A proof names no more than the signer whose answer it is:
 * show others the signed reply.
 */
export function blameOfCombine(error: CombineError): Blame {
  switch (error.code) {
    case 'ciphertext_foreign':
    case 'partials_size':
      return accuse('nobody')
    case 'partial_unknown':
    case 'partial_duplicate':
    case 'partial_epoch':
      return accuse('coordinator')
    case 'partial_malformed':
    case 'partial_unproven':
      return accuse('participant', error.ids)
    case 'partials_cancel':
      return accuse('investigate')
  }
}
