import { secretScopes, type SecretIntent, type SecretListIntent, type TokenIntent } from '@symbolon/protocol/intent.ts'
import type { SecretAction } from './secret-rules.ts'

/* An intent as the policy is asked about it. Neither nonce nor lineage, which say nothing; nor `dry`: nobody can tell who asks from who means it. */

type TokenQuestion = Omit<TokenIntent, 'v' | 'nonce' | 'iss' | 'lineage' | 'as' | 'dry'>

export interface SecretQuestion extends Pick<SecretIntent, 'kind' | 'iat' | 'exp' | 'sub' | 'client'> {
  /** The deployment itself. */
  readonly aud: string
  /** The one that the kind needs. */
  readonly scope: readonly [string]
  readonly action: SecretAction
  /** Every secret that it is about. */
  readonly paths?: readonly string[]
  /** Instead: a folder that is listed. */
  readonly prefix?: string
}

export type Question = TokenQuestion | SecretQuestion

const actions = { 'secret.read': 'read', 'secret.list': 'list', 'secret.write': 'write', 'secret.meta': 'write', 'secret.delete': 'delete', 'secret.undelete': 'delete', 'secret.destroy': 'destroy' } as const satisfies Readonly<Record<SecretIntent['kind'], SecretAction>>

export const questionOf = (intent: TokenIntent | SecretIntent): Question => (intent.kind === 'token' ? tokenQuestionOf(intent) : { ...commonOf(intent), action: actions[intent.kind], ...pathsOf(intent) })

/** About rows of a listing: paths, instead of the folder that they are in; and the scope of what would be done with them. */
export const rowsQuestionOf = (intent: SecretListIntent, paths: readonly string[], action: SecretAction): SecretQuestion => ({ ...commonOf(intent), scope: [secretScopes[`secret.${action}`]], action, paths })

function tokenQuestionOf(intent: TokenIntent): TokenQuestion {
  const { v: _v, nonce: _nonce, iss: _iss, lineage: _lineage, as: _as, dry: _dry, ...question } = intent
  return question
}

const commonOf = ({ kind, iat, exp, sub, client, iss }: SecretIntent): Omit<SecretQuestion, 'action'> => ({ kind, iat, exp, sub, client, aud: iss, scope: [secretScopes[kind]] })

function pathsOf(intent: SecretIntent): Pick<SecretQuestion, 'paths' | 'prefix'> {
  if (intent.kind === 'secret.read') return { paths: [...new Set(intent.labels.map(({ path }) => path))] }
  if (intent.kind !== 'secret.list') return { paths: [intent.path] }
  return { ...(intent.paths === undefined ? {} : { paths: intent.paths }), ...(intent.prefix === undefined ? {} : { prefix: intent.prefix }) }
}
