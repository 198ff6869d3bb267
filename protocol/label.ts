import { z } from 'zod'
import { tagged, taggedHash, toBase64url, utf8, type Base64url, type Brand } from './bytes.ts'
import { rosterId } from './fields.ts'
import { canonical } from './json.ts'
import { limits } from './limits.ts'

/*
 * Where a secret lies. A path is `namespace/project/scope/environment/name`, ASCII, compared byte for byte, never decoded or folded: a
 * second spelling is another path. With fewer segments the name is the last one and the fields before it fill from the left; with more,
 * the name is all that is left. So every path has one set of fields, and every set one path.
 */

const segment = /^[A-Za-z0-9_][A-Za-z0-9._@+=-]{0,63}$/
/** First segments that KV v2 clients use for something else. */
const reserved = new Set(['sys', 'auth', 'identity', 'cubbyhole', 'v1'])

/** A namespace is a row of the roster, and the mount of a KV v2 client. */
export const namespaceId = rosterId.refine((text) => segment.test(text) && !reserved.has(text), `must be a segment of a path and none of ${[...reserved].join(', ')}`)

export type SecretPath = Brand<string, 'SecretPath'>
const isPath = (text: string): boolean => {
  const [namespace = '', ...rest] = text.split('/')
  return text.length <= limits.pathLength && namespaceId.safeParse(namespace).success && rest.length >= 1 && rest.length < limits.pathSegments && rest.every((part) => segment.test(part))
}
export const secretPath = z.custom<SecretPath>((value) => typeof value === 'string' && isPath(value), 'must be a path such as app/payments/prod/db: a namespace of the roster and a name, 2 to 16 segments of A-Z a-z 0-9 _ . @ + = -').meta({ type: 'string', maxLength: limits.pathLength })

/** What a listing begins with: a namespace, or folders in it. No slash at the end. */
export const secretPrefix = z.string().max(limits.pathLength).refine((text) => namespaceId.safeParse(text).success || isPath(text), 'must be a namespace, or a folder in one')

/** Why a checked path is none, or undefined. For people who typed it. */
export const parsePath = (text: string): SecretPath | undefined => (isPath(text) ? (text as SecretPath) : undefined)

export interface PathFields {
  readonly namespace: string
  readonly project: string
  readonly scope: string
  readonly environment: string
  readonly name: string
}

export function fieldsOf(path: SecretPath): PathFields {
  const [namespace = '', ...rest] = path.split('/')
  const [project = '', scope = '', environment = ''] = rest.slice(0, Math.min(3, rest.length - 1))
  return { namespace, project, scope, environment, name: rest.slice(Math.min(3, rest.length - 1)).join('/') }
}

export const pathOf = ({ namespace, project, scope, environment, name }: PathFields): string => [namespace, ...[project, scope, environment].filter((part) => part !== ''), name].join('/')

/** Who puts the partial decryptions together: the caller alone, or the vault process, for clients that cannot. The second is outside the claim. */
export const combine = z.enum(['caller', 'vault'])
export type Combine = z.infer<typeof combine>

export const secretTypes = ['string', 'config', 'ssh-key', 'key-pair', 'certificate', 'file'] as const
export const secretType = z.enum(secretTypes)
export type SecretType = z.infer<typeof secretType>

/** What a ciphertext is bound to: it opens as this version of this secret and as nothing else. */
export interface Label extends PathFields {
  readonly combine: Combine
  readonly version: number
  readonly type: SecretType
}

export const labelOf = (path: SecretPath, { combine, version, type }: Pick<Label, 'combine' | 'version' | 'type'>): Label => ({ ...fieldsOf(path), combine, version, type })

/** What the threshold encryption binds, and the additional data of the cipher. */
export const labelBytes = (label: Label): Uint8Array => tagged('label/v1', canonical(label))

/** What a signer files a secret's records under. */
export const pathDigest = (path: string): Base64url => toBase64url(taggedHash('path/v1', utf8(path)))
