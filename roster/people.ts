import { soundEd25519 } from '@symbolon/protocol/ed25519.ts'
import type { ProofJwk } from '@symbolon/protocol/fields.ts'
import { isP256Key } from '@symbolon/protocol/p256.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import type { Person, RosterDraft } from './roster.ts'

/* Soundness of people, their keys and their guardians, as far as one document shows it. */

/** Names that policies, logs or people give a meaning of their own. `bootstrap` is the principal of the bootstrap key. */
const reserved = new Set(['admin', 'administrator', 'anonymous', 'bootstrap', 'default', 'everyone', 'nobody', 'root', 'system'])

/** @returns every problem, empty for a sound document */
export function problemsOfPeople(document: RosterDraft): string[] {
  return [...problemsOfIds(document), ...problemsOfKeys(document), ...problemsOfGuardians(document), ...problemsOfModels(document)]
}

function problemsOfIds({ people, clients, services, trusts, issuers }: RosterDraft): string[] {
  const ids = [...people, ...clients, ...services, ...trusts, ...issuers].map((row) => row.id)
  return [...new Set(ids.filter((id) => reserved.has(id)))].map((id) => `${id}: is a reserved id`)
}

function problemsOfKeys({ people, services }: RosterDraft): string[] {
  const passkeys = people.flatMap((row) => row.passkeys.map((passkey) => ({ row, passkey })))
  const codes = people.flatMap(({ invitation }) => (invitation === undefined ? [] : [thumbprint(invitation.key)]))
  const keys = [...passkeys.map(({ passkey }) => thumbprint(passkey.key)), ...codes, ...services.flatMap((row) => row.keys.map((key) => thumbprint(key.jwk)))]
  return [
    // WebAuthn names a credential by its id alone: two rows with one id would be one person's key under another's name.
    ...(new Set(passkeys.map(({ passkey }) => passkey.id)).size === passkeys.length ? [] : ['people: a passkey belongs to one person, once']),
    // Whoever holds a code or a service's key must not thereby hold a passkey, nor the other way round.
    ...(new Set(keys).size === keys.length ? [] : ['people, services: keys of passkeys, invitations and services must differ']),
    ...passkeys.filter(({ passkey }) => !isKey(passkey.key)).map(({ row, passkey }) => `people: ${row.id}: the key of passkey ${passkey.name} is none`),
    ...people.filter(({ invitation }) => invitation !== undefined && !isKey(invitation.key)).map((row) => `people: ${row.id}: the key of the invitation is none`),
  ]
}

const isKey = (jwk: ProofJwk): boolean => (jwk.kty === 'OKP' ? soundEd25519(jwk.x) !== undefined : isP256Key(jwk))

function problemsOfGuardians({ guardians, people }: RosterDraft): string[] {
  if (guardians === undefined) return []
  const ids = new Set(people.map((row) => row.id))
  const distinct = new Set(guardians.people)
  return [
    ...(distinct.size === guardians.people.length ? [] : ['guardians: each may be named once']),
    ...[...distinct].filter((id) => !ids.has(id)).map((id) => `guardians: ${id} is not among the people`),
    // The proposer's own word does not count, so a rule that needs all of them could never be satisfied by a guardian's proposal.
    ...(guardians.count <= Math.max(1, distinct.size - 1) ? [] : [`guardians: ${guardians.count} of ${distinct.size} can never approve what one of them proposes`]),
  ]
}

function problemsOfModels({ attestation, people }: RosterDraft): string[] {
  if (attestation === undefined) return []
  const allowed = new Set(attestation.aaguids)
  return people.flatMap((row) => row.passkeys.filter(({ uses, aaguid }) => uses.includes('approve') && !allowed.has(aaguid)).map(({ name }) => `attestation: passkey ${name} of ${row.id} may approve, but is of a model that is not listed`))
}

/** May this person approve? By the document or, better, by the effective roster. */
export const mayApprove = (row: Person): boolean => row.passkeys.some(({ uses }) => uses.includes('approve'))
