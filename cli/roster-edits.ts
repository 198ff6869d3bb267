import { createPublicKey, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { ed25519Of } from '@symbolon/protocol/ed25519.ts'
import { proofJwk } from '@symbolon/protocol/fields.ts'
import { checkShape } from '@symbolon/protocol/json.ts'
import { linkUrl } from '@symbolon/protocol/link.ts'
import { readBundle } from '@symbolon/policy/bundle.ts'
import { encodePolicyData } from '@symbolon/policy/data.ts'
import { addService, invite, removePerson, removeService, setGuardians, setIssuer, setPolicy, setRoles, setTrust } from '@symbolon/roster/edit.ts'
import { issuer, trust, type Roster, type Service } from '@symbolon/roster/roster.ts'
import type { RosterRead } from '@symbolon/sdk/people.ts'
import { readFile, readText } from './key-file.ts'
import { LocalFailure } from './failure.ts'
import { readRow } from './roster-diff.ts'
import type { Made } from './roster-propose.ts'

/* What `roster propose` can change. */

export interface InviteFlags {
  readonly name: string
  readonly roles: readonly string[]
  readonly groups: readonly string[]
  /** May their passkey approve? */
  readonly approver: boolean
  /** Seconds that the link is good for. */
  readonly lifetime: number
  /** Seconds. */
  readonly now: number
}

/** The invitation's key is made here; its seed is in the link alone. */
export function inviteMade(id: string, { name, roles, groups, approver, lifetime, now }: InviteFlags, { lineage }: RosterRead, console: string | undefined): Made {
  if (console === undefined) throw new LocalFailure('It is not known where the console is', 'an invitation is a link to it', 'Give --console or SYMBOLON_CONSOLE.')
  const seed = randomBytes(32)
  const exp = now + lifetime
  try {
    const edit = invite({ id, name, roles: [...roles], groups: [...groups] }, { key: ed25519Of(seed), exp, uses: approver ? ['sign_in', 'approve'] : ['sign_in'] })
    return { edits: [edit], link: linkUrl(console, { v: 1, kind: 'invitation', seed: toBase64url(seed), lineage, row: id, name, exp }) }
  } finally {
    seed.fill(0)
  }
}

/** A guardian's removal may ask for another count: so many must still be there, and one more. */
export function removeMade(id: string, count: string | undefined, { document }: RosterRead): Made {
  if (document.services.some((row) => row.id === id)) return { edits: [removeService(id)] }
  if (count === undefined) return { edits: [removePerson(id)] }
  if (!/^[1-9][0-9]?$/.test(count)) throw new LocalFailure('--count is no number', `${JSON.stringify(count.slice(0, 20))} is not from 1 to 99`, 'Give how many guardians must approve.')
  return { edits: [removePerson(id), (draft) => (draft.guardians === undefined ? { problem: 'there are no guardians' } : setGuardians({ ...draft.guardians, count: Number(count) })(draft))] }
}

export function rolesMade(id: string, { add, remove }: { readonly add: readonly string[]; readonly remove: readonly string[] }, { document }: RosterRead): Made {
  const now = rolesOf(id, document)
  const absent = remove.find((role) => !now.includes(role))
  if (absent !== undefined) throw new LocalFailure(`${id} does not have the role ${absent}`, `it has ${now.join(', ') || 'none'}`, 'See `symbolon roster show`.')
  return { edits: [setRoles(id, [...new Set([...now, ...add])].filter((role) => !remove.includes(role)))] }
}

function rolesOf(id: string, { people, services, trusts }: Roster): readonly string[] {
  const row = [...people, ...services, ...trusts].find((each) => each.id === id)
  if (row === undefined) throw new LocalFailure(`${id} is not in the roster`, 'no person, service or trust has this id', 'See `symbolon roster show`.')
  return row.roles
}

export interface ServiceFlags {
  readonly name: string
  readonly roles: readonly string[]
  readonly owner?: string | undefined
  readonly keyFile: string
  readonly keyId: string
}

/** The public half of the service's key, from a PEM or JWK file. */
export function serviceMade(id: string, { name, roles, owner, keyFile, keyId }: ServiceFlags): Made {
  const row: Service = { id, name, roles: [...roles], groups: [], ...(owner === undefined ? {} : { owner }), keys: [{ id: keyId, jwk: publicKeyIn(keyFile) }] }
  return { edits: [addService(row)] }
}

function publicKeyIn(path: string): Service['keys'][number]['jwk'] {
  const text = readText(path)
  if (text.includes('PRIVATE KEY')) throw new LocalFailure(`${path} holds a private key`, 'only its public half belongs into the roster', 'openssl pkey -in key.pem -pubout -out key.pub')
  const checked = checkShape(proofJwk, text.trimStart().startsWith('{') ? readRow(path, proofJwk) : jwkOfPem(path, text))
  if (checked.ok) return checked.value
  throw new LocalFailure(`${path} is no public key`, 'it is neither an Ed25519 nor a P-256 key', 'Make one with `openssl genpkey -algorithm ed25519`, and give its public half.')
}

function jwkOfPem(path: string, text: string): unknown {
  try {
    return createPublicKey(text).export({ format: 'jwk' })
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw new LocalFailure(`${path} is no public key`, 'it is neither PEM nor a JWK', 'openssl pkey -in key.pem -pubout -out key.pub')
    throw error
  }
}

export const issuerMade = (path: string): Made => ({ edits: [setIssuer(readRow(path, issuer))] })
export const trustMade = (path: string): Made => ({ edits: [setTrust(readRow(path, trust))] })

export function policyMade(folder: string): Made {
  const read = readBundle({ wasm: readFile(join(folder, 'policy.wasm')), data: readFile(join(folder, 'data.json')) })
  if (!read.ok) throw new LocalFailure(`${folder} holds no policy bundle`, read.problems.map(({ pointer, message }) => `${pointer} ${message}`.trim()).join('; '), 'Build one: it is policy.wasm and data.json.')
  const { wasm, data, digest } = read.bundle
  return { edits: [setPolicy(digest)], bundle: { wasm: toBase64url(wasm), data: toBase64url(encodePolicyData(data)) } }
}
