import { createPublicKey } from 'node:crypto'
import type { Suite } from '@symbolon/core/suite.ts'
import { secretKeys, type SecretKeys } from '@symbolon/envelope/keys.ts'
import { replyKeyOf, type ReplyKey } from '@symbolon/envelope/reply.ts'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { Ed25519Jwk } from '@symbolon/protocol/ed25519.ts'
import type { Combine } from '@symbolon/protocol/label.ts'
import type { Deployment } from '@symbolon/front/deployment.ts'
import { keysetOf } from '@symbolon/roster/keyset.ts'
import { SafeError } from '@symbolon/runtime/log.ts'
import type { FacadeApi } from './facade-api.ts'
import type { Turns } from './facade-turns.ts'
import type { ReceiveKey } from './receive-key.ts'

/*
 * What clients of KV v2 are answered with. They cannot combine, so for namespaces that the roster marks `combine: vault` this process does, and sees
 * those values. Whose requests they are, signers judge by the token alone; the intents are built here.
 */
export interface Facade {
  readonly keys: SecretKeys
  readonly replyKey: ReplyKey
  readonly issuer: string
  readonly lineage: Base64url
  /** Of the tokens that it takes. */
  readonly audience: string
  readonly namespaces: ReadonlyMap<string, Combine>
  readonly threshold: number
  /** Public keys of the `token` groups, by `kid`. */
  readonly tokenKeys: ReadonlyMap<string, Ed25519Jwk>
  readonly api: FacadeApi
  readonly turns: Turns
}

/** What is the same for every roster version. */
export interface FacadeParts {
  readonly suite: Suite
  readonly replyKey: ReplyKey
  readonly api: FacadeApi
  readonly turns: Turns
}

/** @throws SafeError for a roster that names no vault, or keys that are none */
export function facadeOf({ roster, lineage }: Pick<Deployment, 'roster' | 'lineage'>, { suite, ...parts }: FacadeParts): Facade {
  const keys = secretKeys({ keyset: keysetOf(roster), lineage, suite })
  if (!keys.ok) throw new SafeError('roster_unsound', `the roster's keys for secrets do not hold: ${keys.error.code}`)
  if (roster.vault === undefined) throw new SafeError('roster_unsound', 'the roster names no vault')
  const tokenKeys = new Map(roster.groups.filter(({ purpose }) => purpose === 'token').map(({ kid, key }) => [kid, { kty: 'OKP', crv: 'Ed25519', x: key } as const]))
  return { ...parts, tokenKeys, keys: keys.value, issuer: roster.deployment.issuer, lineage, audience: roster.vault.audience, namespaces: new Map((roster.namespaces ?? []).map(({ id, combine }) => [id, combine])), threshold: keys.value.newest.threshold }
}

/** The receive key, as HPKE takes it. It cannot be exported from there. */
export async function replyKeyFor({ key }: ReceiveKey): Promise<ReplyKey> {
  const curve = { name: 'ECDH', namedCurve: 'P-256' } as const
  return replyKeyOf({ privateKey: key.toCryptoKey(curve, false, ['deriveBits']), publicKey: createPublicKey(key).toCryptoKey(curve, true, []) })
}
