import type { GrantRequest } from '@symbolon/protocol/grant.ts'
import type { SymbolonError } from '@symbolon/sdk/errors.ts'
import type { OpenedGrant } from '@symbolon/sdk/grant.ts'
import { timeText } from './view.ts'

/* How a grant is shown. */

export const grantData = ({ intent, digest }: OpenedGrant, now: number) => ({ id: digest, person: intent.sub, client: intent.client, ceiling: intent.ceiling, expires_at: timeText(intent.end), expires_in: Math.max(0, intent.end - now) })

export const grantRows = ({ intent, digest }: OpenedGrant, now: number): string[][] => [...ceilingRows(intent.ceiling), ['ends', `${timeText(intent.end)} (${leftText(intent.end - now)})`], ['grant', digest]]

export const ceilingRows = ({ aud, scope, max_ttl }: GrantRequest['ceiling']): string[][] => [
  ['scopes', scope === undefined ? 'whatever you may' : scope.join(', ')],
  ['audiences', aud === undefined ? 'whatever you may' : aud.join(', ')],
  ...(max_ttl === undefined ? [] : [['longest token', leftText(max_ttl)]]),
]

/** Was it refused because the person who signed in granted less than is asked for? */
export const isBeyond = ({ code, details }: SymbolonError): boolean => code === 'ceiling_exceeded' || (details.reasons ?? []).some((reason) => reason.code === 'ceiling_exceeded')

/** What to type for a grant that reaches as far as these scopes. */
export function widerLogin({ intent: { ceiling } }: OpenedGrant, scope: readonly string[]): string {
  const scopes = ceiling.scope === undefined ? [] : ['--scope', [...new Set([...ceiling.scope, ...scope])].toSorted().join(',')]
  return `You signed in for less than this; a grant that reaches further: ${['symbolon login', ...scopes].join(' ')}`
}

/** `7 h 59 min`, `4 min`, `12 s`. */
export function leftText(seconds: number): string {
  if (seconds <= 0) return 'ended'
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60)]
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`
  return minutes > 0 ? `${minutes} min` : `${seconds} s`
}
