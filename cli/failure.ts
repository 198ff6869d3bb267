import type { Reason } from '@symbolon/protocol/reason.ts'
import { SymbolonError, type FailureKind } from '@symbolon/sdk/errors.ts'

/** What scripts can tell apart. */
export const exitCodes = { ok: 0, local: 1, server: 2, denied: 3, login: 4, approvalPending: 5, approvalRefused: 6, conflict: 7, interrupted: 130 } as const

const codeOfKind: Record<FailureKind, number> = { denied: exitCodes.denied, login: exitCodes.login, local: exitCodes.local, request: exitCodes.local, network: exitCodes.server, trust: exitCodes.server, server: exitCodes.server, conflict: exitCodes.conflict, waiting: exitCodes.approvalPending, declined: exitCodes.approvalRefused }

/** A mistake in how the command was used, or something on this machine: one line what, one why, one what to do. */
export class LocalFailure extends Error {
  readonly what: string
  readonly why: string
  readonly fix: string

  constructor(what: string, why: string, fix: string) {
    super(what)
    this.name = 'LocalFailure'
    this.what = what
    this.why = why
    this.fix = fix
  }
}

export type CommandFailure = SymbolonError | LocalFailure

export const exitCodeOf = (failure: CommandFailure): number => (failure instanceof LocalFailure ? exitCodes.local : codeOfKind[failure.kind])

const maxReasons = 5

/** For stderr. Nothing here was not scrubbed by the SDK. */
export function failureLines(failure: CommandFailure): readonly string[] {
  if (failure instanceof LocalFailure) return block(failure.what, [[failure.why, failure.fix]])
  const { title, code, remedy, details } = failure
  const reference = details.requestId === undefined ? code : `${code}, request ${details.requestId}`
  const reasons = (details.reasons ?? []).slice(0, maxReasons)
  if (reasons.length > 0) return block(`${title} (${reference})`, reasons.map((reason) => [otherThan(title, whyOf(reason)), reason.remedy ?? remedy]))
  const problems = (details.problems ?? []).map(({ pointer, message }) => `${pointer || '/'} ${message}`).join('; ')
  // What was found out here says all that there is in its first line.
  const nothing = (details.status === undefined && details.requestId === undefined) || details.detail === remedy ? '' : 'the server says no more'
  // A server that knows nothing more repeats the remedy.
  const detail = details.detail === remedy ? undefined : details.detail
  return block(`${title} (${reference})`, [[[detail, problems].filter((part) => part !== undefined && part !== '').join(': ') || nothing, retryOf(details.retryAfter) ?? remedy]])
}

/** The sentence, then the rule that decided and the fact that it found. */
export const whyOf = ({ message, rule, fact }: Reason): string => [message.replace(/\.$/, ''), rule === undefined ? '' : `rule ${rule}`, fact === undefined ? '' : `fact ${fact}`].filter((part) => part !== '').join('; ')

const otherThan = (title: string, why: string): string => (why === title ? '' : why)

const system: Readonly<Record<string, string>> = { ENOENT: 'there is no such file or folder', EACCES: 'you may not', EISDIR: 'it is a folder', ENOTDIR: 'a part of its path is no folder', ENOSPC: 'the disk is full', EROFS: 'the disk cannot be written' }

/** What the system's code means, and the code. */
export const systemWhy = (code: unknown): string => (Object.hasOwn(system, String(code)) ? `${system[String(code)]} (${String(code)})` : String(code))

const retryOf = (seconds: number | undefined): string | undefined => (seconds === undefined ? undefined : `Try again in ${seconds} s; \`symbolon status\` shows which signers are down.`)

const block = (what: string, pairs: readonly (readonly [string, string])[]): readonly string[] => [`symbolon: ${what}`, ...pairs.flatMap(([why, fix]) => [...(why === '' ? [] : [`  why: ${why}`]), `  do:  ${fix}`])]
