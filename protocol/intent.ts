import { z } from 'zod'
import { taggedHash, toBase64url, type Brand, type Digest } from './bytes.ts'
import { audience, base64urlOf, digestText, issuerUrl, line, rosterId, scopeName, seconds } from './fields.ts'
import { canonical, decodeCanonical, type Decoded } from './json.ts'
import { ceiling } from './ceiling.ts'
import { combine, secretPath, secretPrefix, secretType } from './label.ts'
import { limits } from './limits.ts'
import { custom, settings, tags, versionNumber } from './record.ts'

/** SHA-256("symbolon/intent/v1" ‖ 0x00 ‖ canonical bytes): the one challenge of the whole system. */
export type IntentDigest = Brand<Digest, 'IntentDigest'>

const strictlyAscending = (list: readonly string[]) => list.every((item, at) => at === 0 || (list[at - 1] ?? '') < item)

/** What every intent carries. */
const common = {
  v: z.literal(1),
  /** 16 random bytes of the client: two equal wishes are two intents. */
  nonce: base64urlOf(16),
  iat: seconds,
  exp: seconds,
  /** This deployment: evidence made for another is worthless here. */
  iss: issuerUrl,
  lineage: digestText,
  /** Roster id that the evidence must yield. */
  sub: rosterId,
  /** Roster id to act as, if policy allows both. */
  as: rosterId.optional(),
}

/** Facts that the requester claims about itself, for policy to weigh; never trusted as identity. */
const context = z.record(z.string().regex(/^[a-z][a-z0-9_]{0,31}$/), line(256)).refine((ctx) => Object.keys(ctx).length <= 16, 'at most 16 members')

export const tokenIntent = z.strictObject({
  ...common,
  kind: z.literal('token'),
  /** Roster id of the requesting software. */
  client: rosterId,
  aud: audience,
  scope: z.array(scopeName).min(1).max(limits.scopes).refine(strictlyAscending, 'must be sorted and without duplicates'),
  /** Lifetime in seconds; absent: the smaller of default and maximum. */
  ttl: z.int().min(1).max(limits.tokenTtl).optional(),
  /** RFC 7638 thumbprint of the key that the token will be bound to (RFC 7800, RFC 9449). */
  cnf: z.strictObject({ jkt: digestText }).optional(),
  ctx: context.optional(),
  reason: line(256).optional(),
  /** Made to be explained: every signer refuses to mint it, so evidence for it is worth nothing else. */
  dry: z.literal(true).optional(),
})

/** Hours of delegation to a key: a passkey signs the digest, then the key may ask by itself (evidence `grant`). */
export const grantIntent = z.strictObject({
  ...common,
  kind: z.literal('grant'),
  /** Roster id of the software that holds the key. */
  client: rosterId,
  /** RFC 7638 thumbprint of the key. */
  key: digestText,
  /** What it may at most ask for. Absent parts: whatever the person may. */
  ceiling: z.strictObject({ aud: ceiling.shape.aud, scope: ceiling.shape.scope, max_ttl: ceiling.shape.max_ttl }),
  /** NumericDate; at most `limits.grantTtl` after `iat`. */
  end: seconds,
})

/** The next roster version. */
export const rosterIntent = z.strictObject({
  ...common,
  kind: z.literal('roster'),
  /** The version to be made. */
  version: z.int().min(2).max(1_000_000),
  /** Digests of the predecessor, or of each accepted one that a split left. */
  from: z.array(digestText).min(1).max(8).refine(strictlyAscending, 'must be sorted and without duplicates'),
  /** Digest of the next document. */
  to: digestText,
})

/** Ends one grant or one token, and with it all that was made from it. `exp` does not bind it: once heard, it holds. */
export const revokeIntent = z.strictObject({
  ...common,
  kind: z.literal('revoke'),
  what: z.enum(['grant', 'token']),
  /** The grant's or token's intent digest (a token's `jti`). */
  id: digestText,
})

/** Stops a row (a person, service, trust) until `iat` + `limits.lockTtl`; time enough to remove it. `exp` does not bind it. */
export const lockIntent = z.strictObject({ ...common, kind: z.literal('lock'), row: rosterId })

/** Reading what only members of the deployment may: judged by the api alone, since nothing is signed. */
export const readIntent = z.strictObject({ ...common, kind: z.literal('read'), what: z.enum(['roster', 'changes']) })

/** Of every intent about secrets. */
const secretCommon = {
  ...common,
  /** Roster id of the requesting software. */
  client: rosterId,
  /** Made to be explained: nothing is opened or signed for it. */
  dry: z.literal(true).optional(),
}

/** Opening versions of secrets, all or none. What each signer gives is sealed to `reply`. */
export const secretReadIntent = z.strictObject({
  ...secretCommon,
  kind: z.literal('secret.read'),
  labels: z.array(z.strictObject({ path: secretPath, version: z.union([versionNumber, z.literal('latest')]) })).min(1).max(limits.labels).refine((list) => new Set(list.map(({ path, version }) => `${version} ${path}`)).size === list.length, 'must be without duplicates'),
  /** SEC 1 uncompressed point of a P-256 key that was made for this reply. */
  reply: base64urlOf(65),
})

/** Names and records, never values: judged by the vault alone, since nothing is signed or opened. Either a folder or paths. */
export const secretListIntent = z.strictObject({
  ...secretCommon,
  kind: z.literal('secret.list'),
  prefix: secretPrefix.optional(),
  /** With `prefix`: not only what lies in it, but all below. */
  recursive: z.literal(true).optional(),
  /** The records of these. */
  paths: z.array(secretPath).min(1).max(limits.labels).optional(),
})

/** The next record of a secret: `previous` is the digest of the one that it follows, null where there is none. */
const recordCommon = { ...secretCommon, path: secretPath, previous: digestText.nullable(), seq: z.int().min(1).max(1_000_000_000) }
const versionList = z.array(versionNumber).min(1).max(limits.secretVersions).refine((list) => list.every((item, at) => at === 0 || (list[at - 1] ?? 0) < item), 'must ascend')

/** A new version. */
export const secretWriteIntent = z.strictObject({
  ...recordCommon,
  kind: z.literal('secret.write'),
  version: versionNumber,
  type: secretType,
  combine,
  /** Digest of the ciphertext's head, and the size of its body. */
  ciphertext: digestText,
  size: z.int().min(16).max(limits.secretBodyBytes),
  /** The version that it follows, 0 for none; needed where the secret asks for it. */
  cas: z.int().min(0).max(1_000_000_000).optional(),
})
export const secretDeleteIntent = z.strictObject({ ...recordCommon, kind: z.literal('secret.delete'), versions: versionList })
export const secretUndeleteIntent = z.strictObject({ ...recordCommon, kind: z.literal('secret.undelete'), versions: versionList })
/** Versions for good, or the secret with all that is known of it. */
export const secretDestroyIntent = z.strictObject({ ...recordCommon, kind: z.literal('secret.destroy'), versions: versionList.optional(), all: z.literal(true).optional() })
/** What stands beside the versions. Absent parts stay. */
export const secretMetaIntent = z.strictObject({ ...recordCommon, kind: z.literal('secret.meta'), settings: settings.optional(), custom: custom.optional(), tags: tags.optional() })

export const intent = z.discriminatedUnion('kind', [tokenIntent, grantIntent, rosterIntent, revokeIntent, lockIntent, readIntent, secretReadIntent, secretListIntent, secretWriteIntent, secretDeleteIntent, secretUndeleteIntent, secretDestroyIntent, secretMetaIntent])
export type Intent = z.infer<typeof intent>
export type TokenIntent = z.infer<typeof tokenIntent>
export type GrantIntent = z.infer<typeof grantIntent>
export type RosterIntent = z.infer<typeof rosterIntent>
export type RevokeIntent = z.infer<typeof revokeIntent>
export type LockIntent = z.infer<typeof lockIntent>
export type ReadIntent = z.infer<typeof readIntent>
export type SecretReadIntent = z.infer<typeof secretReadIntent>
export type SecretListIntent = z.infer<typeof secretListIntent>
export type SecretWriteIntent = z.infer<typeof secretWriteIntent>
/** Those that yield a record. */
export type RecordIntent = SecretWriteIntent | z.infer<typeof secretDeleteIntent> | z.infer<typeof secretUndeleteIntent> | z.infer<typeof secretDestroyIntent> | z.infer<typeof secretMetaIntent>
export type SecretIntent = SecretReadIntent | SecretListIntent | RecordIntent
export type IntentKind = Intent['kind']

/** The scope that each of them needs, besides what policy says of the path. */
export const secretScopes: Readonly<Record<SecretIntent['kind'], string>> = {
  'secret.read': 'secret:read',
  'secret.list': 'secret:list',
  'secret.write': 'secret:write',
  'secret.meta': 'secret:write',
  'secret.delete': 'secret:delete',
  'secret.undelete': 'secret:delete',
  'secret.destroy': 'secret:destroy',
}
export const isSecretIntent = (value: Intent): value is SecretIntent => value.kind in secretScopes
export const isRecordIntent = (value: Intent): value is RecordIntent => isSecretIntent(value) && value.kind !== 'secret.read' && value.kind !== 'secret.list'

export const intentKinds = intent.options.map((option) => option.shape.kind.value)

export const encodeIntent = (value: Intent): Uint8Array => canonical(value)

/** Refuses what is not the canonical form (RFC 8785) of a known kind. Times are judged where a clock is. */
export const decodeIntent = (bytes: Uint8Array): Decoded<Intent> => decodeCanonical(intent, bytes, limits.intentBytes)

/** The same, of the kind `token` alone. */
export const decodeTokenIntent = (bytes: Uint8Array): Decoded<TokenIntent> => decodeCanonical(tokenIntent, bytes, limits.intentBytes)

export const intentDigest = (bytes: Uint8Array): IntentDigest => taggedHash('intent/v1', bytes) as IntentDigest

export const boundPrefix = 'symbolon:'
/** The audience that binds an ID token to one intent: what a CI platform is asked for. */
export const boundAudience = (digest: IntentDigest): string => `${boundPrefix}${toBase64url(digest)}`
