import { z } from 'zod'
import { taggedHash, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { certifiedGroup } from '@symbolon/protocol/ceremony.ts'
import { idTokenClass } from '@symbolon/protocol/evidence.ts'
import { aaguid, credentialId } from '@symbolon/protocol/webauthn.ts'
import { combine, namespaceId } from '@symbolon/protocol/label.ts'
import { audience, digestText, ed25519Jwk, hostPort, issuerUrl, line, p256Jwk, proofJwk, rosterId, rsaJwk, scopeName, seconds, signerId } from '@symbolon/protocol/fields.ts'
import { canonical, decodeCanonical, type Decoded } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { Purpose } from '@symbolon/protocol/purpose.ts'
import { ceiling } from '@symbolon/protocol/ceiling.ts'
import { problemsOfPeople } from './people.ts'
import { describeLint, lintTrusts } from './trust-lint.ts'

/* The roster: who exists. One versioned document, held by every signer, changed only as a whole. */

const roles = z.array(rosterId).max(32)

/** Software that asks on somebody's behalf: the CLI, the console. A service that asks for itself is its own client. */
export const client = z.strictObject({ id: rosterId, name: line(64) })

/** A machine's row. The last two keys are kept, so that a key can be rotated without a gap. */
export const service = z.strictObject({
  id: rosterId,
  name: line(64),
  roles,
  groups: roles,
  /** Who answers for it; a roster id. Approvals by the owner do not count for its requests. */
  owner: rosterId.optional(),
  keys: z.array(z.strictObject({ id: rosterId, jwk: proofJwk })).min(1).max(2),
})
export type Service = z.infer<typeof service>

/** What a passkey may be used for: to ask (intents), to approve (other people's intents). */
const uses = z.array(z.enum(['sign_in', 'approve'])).min(1).max(2).refine((list) => new Set(list).size === list.length, 'must be without duplicates')

/** A registered passkey (WebAuthn). */
export const passkey = z.strictObject({
  id: credentialId,
  name: line(64),
  key: proofJwk,
  uses,
  aaguid,
  /** Backup eligible (WebAuthn, section 6.1.3): the key may be copied to other devices of its user. */
  synced: z.boolean(),
})
export type Passkey = z.infer<typeof passkey>

/** A code that lets a person in: its key may add one passkey to this row, once, until `exp`. */
export const invitation = z.strictObject({ key: ed25519Jwk, exp: seconds, uses })

export const person = z.strictObject({ id: rosterId, name: line(64), roles, groups: roles, passkeys: z.array(passkey).max(8), invitation: invitation.optional() })
export type Person = z.infer<typeof person>

/** Who decides on the next version: so many distinct ones, the proposer not counted unless there is no other guardian. */
export const guardians = z.strictObject({
  people: z.array(rosterId).min(1).max(64),
  count: z.int().min(1).max(64),
  /** Seconds that a proposed change waits for approvals. */
  window: z.int().min(60).max(limits.approvalWindow),
})

/** Which authenticators may approve. Absent: any. */
export const attestation = z.strictObject({
  /** PEM of the roots that an attestation must end in. */
  roots: z.array(z.string().max(16_384).regex(/^-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\n\r -]+$/)).min(1).max(32),
  aaguids: z.array(aaguid).min(1).max(64),
})

/** Whose ID tokens are evidence, and where their keys come from. Exactly one of `jwks_uri` and `keys`. */
export const issuer = z
  .strictObject({
    id: rosterId,
    issuer: issuerUrl,
    /** Fetched by each signer itself. */
    jwks_uri: issuerUrl.optional(),
    /** Pinned keys, by `kid`. */
    keys: z.array(z.strictObject({ kid: line(128), alg: z.enum(['RS256', 'ES256', 'EdDSA']), jwk: z.discriminatedUnion('kty', [rsaJwk, p256Jwk, ed25519Jwk]) })).min(1).max(16).optional(),
    /** PEM of the only CA to trust for `jwks_uri`; absent: the system's. */
    ca: z.string().max(16_384).regex(/^-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\n\r -]+$/).optional(),
    /** Addresses that may be private or loopback. Absent: public ones only. */
    allowed_addresses: z.array(z.string().regex(/^[0-9a-f.:]+(\/[0-9]{1,3})?$/)).max(16).optional(),
    /** `bound` only, or also `static` or `bearer`, which are outside the claim. */
    class: idTokenClass,
    /** For classes `static` and `bearer`: the audience that such a token must have. */
    bearer_audience: audience.optional(),
    /** What any token made from this issuer's class `static` or `bearer` may at most be. */
    ceiling: ceiling.optional(),
    /** Seconds; an ID token older than this is refused even before its `exp`. */
    max_age: z.int().min(1).max(86_400),
  })
  .refine((row) => (row.jwks_uri === undefined) !== (row.keys === undefined), 'exactly one of jwks_uri and keys')
  .refine((row) => row.class === 'bound' || (row.bearer_audience !== undefined && row.ceiling?.max_ttl !== undefined), 'classes static and bearer need bearer_audience and a ceiling with max_ttl')
export type Issuer = z.infer<typeof issuer>

/** One condition on a claim. Immutable ids by `equals`; a pattern is anchored at both ends and its `*` never crosses `/`. */
export const condition = z.strictObject({
  claim: z.string().regex(/^[A-Za-z][A-Za-z0-9_.:-]{0,63}(\/[A-Za-z0-9_.-]{1,64}){0,4}$/, 'must be a claim name, nested ones by / (kubernetes.io/pod/uid)'),
  equals: z.union([line(512), z.int(), z.boolean()]).optional(),
  one_of: z.array(line(512)).min(1).max(64).optional(),
  pattern: line(256).optional(),
})
export type Condition = z.infer<typeof condition>

/** What makes an ID token somebody: every condition must hold. */
export const trust = z.strictObject({ id: rosterId, name: line(64), issuer: rosterId, when: z.array(condition).min(1).max(32), roles, groups: roles, owner: rosterId.optional() })
export type Trust = z.infer<typeof trust>

const signerRow = z.strictObject({
  id: signerId,
  name: line(64),
  /** Of its channel. */
  address: hostPort,
  /** Signs boot keys, keysets and certificates. Lives in the signer's keystore. */
  identity: p256Jwk,
  /** HPKE (RFC 9180) P-256 key, for what is sealed to this signer. */
  hpke: p256Jwk,
})
export type SignerRow = z.infer<typeof signerRow>

/** One group key of one epoch, as the ceremony certified it. Its `kid` is the RFC 7638 thumbprint of the public key. */
export const group = z.strictObject({ ...certifiedGroup.shape, kid: digestText, alg: z.literal('EdDSA') })
export type Group = z.infer<typeof group>

/** A namespace of secrets. `combine: vault` is outside the claim; changing it reaches new versions only. */
export const namespace = z.strictObject({ id: namespaceId, name: line(64), combine })
export type Namespace = z.infer<typeof namespace>

/** The vault process: the key that replies for façades are sealed to, and the audience of the tokens that it takes for them. */
export const vaultRow = z.strictObject({ hpke: p256Jwk, audience })

const ascending = (ids: readonly number[]) => ids.every((id, at) => at === 0 || (ids[at - 1] ?? 0) < id)
const unique = (ids: readonly string[]) => new Set(ids).size === ids.length

/** Version 1 without its group keys: what the ceremony plan carries. */
export const template = z.strictObject({
  v: z.literal(1),
  version: z.literal(1),
  deployment: z.strictObject({ name: line(64), issuer: issuerUrl, rp_id: z.string().regex(/^[a-z0-9.-]{1,253}$/), console_origins: z.array(issuerUrl).min(1).max(8) }),
  /** Sole guardian of version 1; it signs version 2, which drops it. */
  bootstrap: ed25519Jwk,
  /** Empty in version 1. */
  people: z.array(person).max(1024),
  attestation: attestation.optional(),
  /** What a grant may at most be; `max` in seconds. */
  grants: z.strictObject({ max: z.int().min(60).max(limits.grantTtl) }),
  clients: z.array(client).max(64),
  services: z.array(service).max(1024),
  issuers: z.array(issuer).max(64),
  trusts: z.array(trust).max(1024),
  audiences: z.array(audience).min(1).max(64),
  /** The default of `symbolon mint`; one of `audiences`. */
  default_audience: audience,
  /** Whatever policy says, no token has any other. */
  scopes: z.array(scopeName).min(1).max(256),
  /** Seconds. */
  token: z.strictObject({ default_ttl: z.int().min(1).max(limits.tokenTtl), max_ttl: z.int().min(1).max(limits.tokenTtl) }),
  /** Requests a minute and principal, at each signer. */
  rate: z.int().min(1).max(100_000),
  signers: z.array(signerRow).min(3).max(limits.signers),
  /** Absent: no vault. */
  vault: vaultRow.optional(),
  namespaces: z.array(namespace).max(256).optional(),
  policy: digestText,
})
export type RosterTemplate = z.infer<typeof template>

/** Version 1 is a function of the plan and the ceremony's certificates; each later one succeeds another, and has guardians instead of a bootstrap key. */
export const roster = z
  .strictObject({
    ...template.shape,
    version: z.int().min(1).max(1_000_000),
    bootstrap: ed25519Jwk.optional(),
    groups: z.array(group).min(1).max(64),
    /** From version 2 on: digests of what it succeeds: one, or each accepted one that a split left. */
    previous: z.array(digestText).min(1).max(8).optional(),
    /** From version 2 on: fingerprint of the first keyset. */
    lineage: digestText.optional(),
    /** From version 2 on. */
    guardians: guardians.optional(),
  })
  .refine((row) => (row.version === 1) === (row.bootstrap !== undefined), 'bootstrap is in version 1 and in no other')
  .refine((row) => [row.previous, row.lineage, row.guardians].every((part) => (part === undefined) === (row.version === 1)), 'previous, lineage and guardians are in every version but the first')
  .refine((row) => row.version > 1 || row.people.length === 0, 'people are in every version but the first')
export type Roster = z.infer<typeof roster>
/** With or without group keys: what an author has, and a plan's template. */
export type RosterDraft = Omit<Roster, 'groups'> & Partial<Pick<Roster, 'groups'>>

/** Consistency that a schema cannot say. @returns every problem, empty for a sound document */
export function problemsOf(document: RosterDraft): string[] {
  const rows = [...document.people, ...document.clients, ...document.services, ...document.trusts]
  const issuerIds = new Set(document.issuers.map((row) => row.id))
  const keyIds = document.services.flatMap((row) => row.keys.map((key) => key.id))
  return [
    ...(ascending(document.signers.map((row) => row.id)) ? [] : ['signers: ids must ascend']),
    ...(unique(document.signers.map((row) => row.name)) ? [] : ['signers: names must differ']),
    ...(unique(document.signers.map((row) => row.identity.x)) ? [] : ['signers: identity keys must differ']),
    ...(unique(rows.map((row) => row.id)) ? [] : ['ids of people, clients, services and trusts must differ']),
    ...(unique(keyIds) ? [] : ['services: key ids must differ']),
    ...(unique(document.services.flatMap((row) => row.keys.map((key) => key.jwk.x))) ? [] : ['services: a key belongs to one row']),
    ...(unique(document.issuers.map((row) => row.id)) && unique(document.issuers.map((row) => row.issuer)) ? [] : ['issuers: ids and URLs must differ']),
    ...document.trusts.filter((row) => !issuerIds.has(row.issuer)).map((row) => `trusts: ${row.id} names an unknown issuer`),
    ...problemsOfPeople(document),
    ...lintTrusts(document).map(describeLint),
    ...(unique((document.namespaces ?? []).map((row) => row.id)) ? [] : ['namespaces: ids must differ']),
    ...(document.vault === undefined && (document.namespaces ?? []).length > 0 ? ['namespaces: there is no vault'] : []),
    ...(document.vault?.audience === document.deployment.issuer ? ['vault: its audience must not be the deployment’s own'] : []),
    ...(document.audiences.includes(document.default_audience) ? [] : ['default_audience: must be one of audiences']),
    ...(document.token.default_ttl <= document.token.max_ttl ? [] : ['token: default_ttl is longer than max_ttl']),
  ]
}

export const encodeRoster = (document: Roster): Uint8Array => canonical(document)
export const rosterBytesLimit = 4 * 1024 * 1024
export const decodeRoster = (bytes: Uint8Array): Decoded<Roster> => decodeCanonical(roster, bytes, rosterBytesLimit)

/** The digest that approvals, certificates and keysets name. */
export const rosterDigest = (document: Roster): Base64url => toBase64url(taggedHash('roster/v1', encodeRoster(document)))

/** The group that signs now: the highest epoch of that purpose. */
export const groupOf = (document: Pick<Roster, 'groups'>, wanted: Purpose): Group | undefined =>
  document.groups.filter((row) => row.purpose === wanted).reduce<Group | undefined>((best, row) => (best === undefined || row.epoch > best.epoch ? row : best), undefined)
