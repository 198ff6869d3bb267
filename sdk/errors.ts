import { inspect } from 'node:util'
import { faceOf, type ErrorCode } from '@symbolon/protocol/errors.ts'
import type { Problem } from '@symbolon/protocol/json.ts'
import type { Part } from '@symbolon/protocol/mint.ts'
import type { Decision, Reason } from '@symbolon/protocol/reason.ts'
import { printable } from './scrub.ts'

/** What goes wrong on the client's side of the wire. The server's codes are those of `protocol/errors.ts`. */
const clientFaces = {
  unreachable: { kind: 'network', title: 'The server does not answer', remedy: 'Check the address and that it runs (`symbolon status`).' },
  tls_untrusted: { kind: 'trust', title: 'The server’s certificate is not trusted', remedy: 'Give the CA that signed it.' },
  answer_malformed: { kind: 'network', title: 'The answer is not what this client understands', remedy: 'Check that the address is a Symbolon api, and compare versions.' },
  address_invalid: { kind: 'local', title: 'The address is not usable', remedy: 'Give an https URL; plain http is for loopback only.' },
  address_differs: { kind: 'trust', title: 'The address in the project file is not the deployment’s own', remedy: 'If you know the address, give it yourself: --addr or SYMBOLON_ADDR.' },
  pin_mismatch: { kind: 'trust', title: 'The server’s keyset is not the pinned one', remedy: 'Do not use this server. Compare the fingerprint with the one that the ceremony printed.' },
  keyset_signatures: { kind: 'trust', title: 'The keyset is not signed by enough signers', remedy: 'Do not use this server until its operator explains.' },
  keyset_stale: { kind: 'trust', title: 'The signatures on the keyset are too old', remedy: 'Check this machine’s clock; ask the operator whether the signers renew the keyset.' },
  intent_differs: { kind: 'trust', title: 'The server built another intent than was asked for', remedy: 'Do not use this server.' },
  token_unverified: { kind: 'trust', title: 'The token does not verify', remedy: 'Do not use this token.' },
  token_differs: { kind: 'trust', title: 'The token is not the one that was asked for', remedy: 'Do not use this server.' },
  credential_unusable: { kind: 'local', title: 'The credential cannot be used', remedy: 'Check the key file and key id.' },
  credential_missing: { kind: 'login', title: 'There is nothing to sign in with', remedy: 'Give a key, or run where a CI identity is offered.' },
  grant_differs: { kind: 'trust', title: 'The grant is not the one that was asked for', remedy: 'Begin again; compare the words in terminal and console. If it lasts, do not use this server.' },
  grant_timeout: { kind: 'waiting', title: 'Nobody answered the request in the console', remedy: 'Begin again.' },
  grant_denied: { kind: 'declined', title: 'The request was declined in the console', remedy: 'Begin again if that was a mistake.' },
  keyset_rollback: { kind: 'trust', title: 'The server shows an older keyset than this machine has seen', remedy: 'Do not use this server until its operator explains.' },
  roster_differs: { kind: 'trust', title: 'The roster shown is not the one that the signers vouch for', remedy: 'Try again; if it lasts, do not use this server until its operator explains.' },
  keychain_unusable: { kind: 'local', title: 'The OS keychain cannot be used', remedy: 'Unlock it, or set key_store to file (SYMBOLON_KEY_STORE=file).' },
  grant_key_missing: { kind: 'login', title: 'The key of your grant is not here', remedy: 'Sign in again: `symbolon login`.' },
  grant_ended: { kind: 'login', title: 'Your grant has ended', remedy: 'Sign in again: `symbolon login`. To go on without one: `symbolon logout`.' },
  console_unknown: { kind: 'local', title: 'It is not known where the console is', remedy: 'Give --console or SYMBOLON_CONSOLE, or sign in with --device.' },
  id_token_unavailable: { kind: 'network', title: 'The CI platform gives no ID token', remedy: 'Check that the job may ask for one.' },
  vault_unknown: { kind: 'local', title: 'It is not known where the vault is', remedy: 'Give its address, or ask the operator to set vault_url at the api.' },
  record_rolled_back: { kind: 'trust', title: 'The vault shows an older record than this machine has seen', remedy: 'Do not use this vault until its operator explains.' },
  record_forked: { kind: 'trust', title: 'The vault shows another record of the same sequence than this machine has seen', remedy: 'Two records of one sequence need a corrupt signer: tell the operators of the signers.' },
  record_differs: { kind: 'trust', title: 'The record is not the one that was asked for', remedy: 'Do not use this vault until its operator explains.' },
  answer_untrue: { kind: 'trust', title: 'What the vault gives is not what the quorum signed', remedy: 'Do not use this vault until its operator explains.' },
  partials_missing: { kind: 'server', title: 'Too few signers’ parts of the answer open', remedy: 'Try again; if it lasts, the vault or the coordinator alters them on the way.' },
  partials_invalid: { kind: 'server', title: 'Signers gave false parts of the answer', remedy: 'Tell the operators of the signers that are named.' },
  secret_unsound: { kind: 'trust', title: 'What its writer stored does not open as what it says', remedy: 'Ask whoever wrote this version to write it again.' },
  value_invalid: { kind: 'local', title: 'The value is none of its kind', remedy: 'Correct the member named; a value and its names take 1 MiB at most.' },
  value_kind: { kind: 'local', title: 'The secret is of another kind', remedy: 'Only members of a secret of kind string can be patched.' },
  template_invalid: { kind: 'local', title: 'The references of the configuration cannot be resolved', remedy: 'Correct the template; a reference is {{ namespace/path#key }}.' },
  backup_invalid: { kind: 'local', title: 'The backup cannot be used', remedy: 'It was cut or altered, or is of another deployment: take another one.' },
  keyset_unpinned: { kind: 'local', title: 'A secret is closed to a pinned keyset only', remedy: 'Give the fingerprint that the ceremony printed: --pin or SYMBOLON_PIN.' },
  keyset_unsound: { kind: 'trust', title: 'The keyset’s keys for secrets do not fit together', remedy: 'Tell the operators of the signers.' },
  input_invalid: { kind: 'local', title: 'The request cannot be built', remedy: 'Correct the fields named.' },
} as const

export type ClientCode = keyof typeof clientFaces
/** `denied`: the policy says no. `login`: sign in (again). `local`: this machine. `trust`: the server is not to be believed. `server`: it cannot now. `waiting`: nobody decided in time. `declined`: a person said no. */
export type FailureKind = 'denied' | 'login' | 'local' | 'network' | 'trust' | 'server' | 'conflict' | 'request' | 'waiting' | 'declined'

export interface Details {
  readonly detail?: string | undefined
  readonly status?: number | undefined
  readonly requestId?: string | undefined
  readonly retryAfter?: number | undefined
  readonly reasons?: readonly Reason[] | undefined
  readonly decision?: Decision | undefined
  readonly problems?: readonly Problem[] | undefined
  readonly signers?: readonly Part[] | undefined
  /** Signers that a failure proves false. */
  readonly culprits?: readonly number[] | undefined
}

/**
 * Every expected failure of the SDK. Holds an allow-listed set of fields and never a token, proof, key or server text that was
 * not scrubbed; inspection and JSON show exactly those fields, and no cause hangs below.
 */
export class SymbolonError extends Error {
  readonly code: ErrorCode | ClientCode
  readonly kind: FailureKind
  readonly title: string
  readonly remedy: string
  readonly details: Details

  constructor(code: ErrorCode | ClientCode, details: Details = {}) {
    const face = isClientCode(code) ? clientFaces[code] : faceOf(code)
    const scrubbed = scrubDetails(details)
    super(scrubbed.detail === undefined ? face.title : `${face.title}: ${scrubbed.detail}`)
    this.name = 'SymbolonError'
    this.code = code
    this.kind = isClientCode(code) ? clientFaces[code].kind : kindOf(code, details.reasons)
    this.title = face.title
    this.remedy = face.remedy
    this.details = scrubbed
  }

  toJSON(): Record<string, unknown> {
    const { code, kind, title, remedy, details } = this
    return { code, kind, title, remedy, ...details }
  }

  [inspect.custom](): string {
    return `SymbolonError ${inspect(this.toJSON(), { depth: 6 })}`
  }
}

export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: SymbolonError }
export const ok = <T>(value: T): Outcome<T> => ({ ok: true, value })
export const failed = (code: ErrorCode | ClientCode, details?: Details): { readonly ok: false; readonly error: SymbolonError } => ({ ok: false, error: new SymbolonError(code, details) })

const isClientCode = (code: string): code is ClientCode => Object.hasOwn(clientFaces, code)

// What a person does next differs: sign in, ask for something else, start over, wait.
function kindOf(code: ErrorCode, reasons: readonly Reason[] | undefined): FailureKind {
  const face = faceOf(code)
  if (face.status === 409) return 'conflict'
  if (code === 'expired_token' || code === 'authorization_pending') return 'waiting'
  if (needsLogin(code)) return 'login'
  if (face.status === 403) return (reasons ?? []).some((reason) => needsLogin(reason.code)) ? 'login' : 'denied'
  return face.family === 'not_now' || face.status === 500 ? 'server' : 'request'
}

/** Known and not enough: another touch mends these. */
const touchCodes: readonly ErrorCode[] = ['grant_expired', 'revoked', 'touch_required', 'user_not_verified']
const needsLogin = (code: ErrorCode): boolean => faceOf(code).status === 401 || touchCodes.includes(code)

const scrubAll = <T>(value: T): T => JSON.parse(JSON.stringify(value), (_name, item: unknown) => (typeof item === 'string' ? printable(item) : item)) as T

function scrubDetails({ detail, status, requestId, retryAfter, reasons, decision, problems, signers, culprits }: Details): Details {
  const fields = { detail, status, requestId, retryAfter, reasons, decision, problems, signers, culprits }
  return scrubAll(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Details)
}
