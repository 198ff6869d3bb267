import { concat, equalBytes, fromBase64url, sha256, type Digest } from '@symbolon/protocol/bytes.ts'
import type { ProofJwk } from '@symbolon/protocol/fields.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import { userHandle, type Assertion } from '@symbolon/protocol/webauthn.ts'
import type { Passkey, Person, Roster } from '@symbolon/roster/roster.ts'
import { flag, has, isForRp, readAuthenticatorData } from './authenticator-data.ts'
import { checkClientData } from './client-data.ts'

/** DER for P-256, 64 bytes for Ed25519 (WebAuthn Level 3, section 6.5.5). */
export type VerifiesAssertion = (key: ProofJwk, bytes: Uint8Array, signature: Uint8Array) => boolean

export interface AssertionWanted {
  readonly challenge: Digest
  /** Roster id of the person that must have touched. */
  readonly person: string
  readonly use: Passkey['uses'][number]
}

export type AssertionResult =
  | { readonly ok: true; readonly person: Person; readonly passkey: Passkey; readonly counter: number }
  | { readonly ok: false; readonly reason: Reason }

export type CheckAssertion = (assertion: Assertion, wanted: AssertionWanted, verifies: VerifiesAssertion) => AssertionResult

/**
 * Is this an assertion (WebAuthn Level 3, section 7.2) by a passkey of that person, for exactly this challenge, on a console of this roster,
 * with the user verified? The counter is reported and never judged: a copied roster would lock its people out, and signers see different subsets.
 */
export function openAssertionCheck(roster: Roster): CheckAssertion {
  const rows = passkeysOf(roster)
  const known = new Set(roster.people.map(({ id }) => id))
  const { rp_id, console_origins } = roster.deployment
  const fail = (...reason: Parameters<typeof reasonOf>) => ({ ok: false, reason: reasonOf(...reason) }) as const

  return (assertion, { challenge, person, use }, verifies) => {
    const row = rows.get(assertion.credential)
    if (row === undefined) return fail('passkey_unknown', 'Nobody in the roster has this passkey.', { rule: 'passkey.credential', fact: known.has(person) ? `${person} has other passkeys` : `there is no person ${person} in version ${roster.version}`, remedy: known.has(person) ? 'Use one of these, or ask a guardian to add this one.' : 'If this is a mistake, a guardian must invite this person again.' })
    if (row.person.id !== person) return fail('subject_mismatch', 'The passkey is not that of the person named.', { rule: 'passkey.credential', fact: person })
    if (!row.passkey.uses.includes(use)) return fail('passkey_use', 'The passkey may not be used for this.', { rule: 'passkey.uses', fact: use })
    const parts = partsOf(assertion)
    if (parts === undefined) return fail('evidence_malformed', 'The assertion is not one.', { rule: 'passkey' })
    const elsewhere = checkClientData(parts.clientData, { type: 'webauthn.get', challenge, origins: console_origins })
    if (elsewhere !== undefined) return { ok: false, reason: elsewhere }
    if (parts.userHandle !== undefined && !isHandleOf(parts.userHandle, row.person, roster)) return fail('assertion_invalid', 'The user handle is not that of this person.', { rule: 'passkey.user_handle' })
    const data = readAuthenticatorData(parts.authenticatorData)
    // Section 6.1: no attested data in an assertion; and no extension was asked for, so there is none to be read.
    if (data === undefined || data.rest.length > 0 || has(data, flag.attestedData | flag.extensions)) return fail('assertion_invalid', 'The authenticator data is not that of an assertion.', { rule: 'passkey.authenticator_data' })
    if (!isForRp(data, rp_id)) return fail('assertion_invalid', 'The assertion is for another RP id.', { rule: 'passkey.rp_id', fact: `the roster’s is ${rp_id}` })
    if (!has(data, flag.userPresent) || !has(data, flag.userVerified)) return fail('user_not_verified', 'The authenticator did not verify its user.', { rule: 'passkey.user_verified' })
    // Section 7.2, step 19: a key that could not be copied yesterday cannot be copied today.
    if (has(data, flag.backupEligible) !== row.passkey.synced) return fail('assertion_invalid', 'The passkey is not of the kind that was registered.', { rule: 'passkey.backup_eligible' })
    if (!verifies(row.passkey.key, concat(parts.authenticatorData, sha256(parts.clientData)), parts.signature)) return fail('assertion_invalid', 'The passkey’s signature does not verify.', { rule: 'passkey.signature' })
    return { ok: true, ...row, counter: data.counter }
  }
}

/** By credential id. One that two rows claim is nobody’s. */
function passkeysOf({ people }: Roster): ReadonlyMap<string, { readonly person: Person; readonly passkey: Passkey }> {
  const all = Map.groupBy(
    people.flatMap((person) => person.passkeys.map((passkey) => ({ person, passkey }))),
    ({ passkey }) => passkey.id,
  )
  return new Map([...all].flatMap(([id, [first, ...more]]) => (first === undefined || more.length > 0 ? [] : [[id, first] as const])))
}

function partsOf({ authenticator_data, client_data, signature, user_handle }: Assertion) {
  const [authenticatorData, clientData, signed, handle] = [authenticator_data, client_data, signature, user_handle ?? ''].map(fromBase64url)
  if (authenticatorData === undefined || clientData === undefined || signed === undefined || handle === undefined) return undefined
  return { authenticatorData, clientData, signature: signed, ...(user_handle === undefined ? {} : { userHandle: handle }) }
}

/** Version 1 has no lineage, and no people either. */
const isHandleOf = (handle: Uint8Array, { id }: Person, { lineage }: Roster): boolean => lineage !== undefined && equalBytes(handle, userHandle({ lineage, row: id }))
