import { sha256, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { TokenRequest } from '@symbolon/protocol/http.ts'
import type { Part } from '@symbolon/protocol/mint.ts'
import { assembleToken, type TokenClaims } from '@symbolon/protocol/token.ts'
import type { Explained, Judgement } from '@symbolon/policy/judgement.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import { judge, refusalOf, sign, type Call, type Judging, type Signing } from '@symbolon/front/judging.ts'

/** What minting needs of the process; the key is the token group's. */
export interface MintParts extends Judging, Signing {}

export interface MintCall extends Call {
  readonly request: TokenRequest
}

export interface Minted {
  readonly ok: true
  readonly token: string
  readonly claims: TokenClaims
  readonly signers: readonly Part[]
  readonly headers: Readonly<Record<string, string>>
}

/** The one way to a token, for `/v1/tokens` and `/oauth/token` alike. */
export async function mint(call: MintCall, parts: MintParts): Promise<Minted | Failure> {
  const judged = await call.timer.measure('policy', () => judgeToken(call, parts))
  if (judged.verdict !== 'granted') return refusalOf(judged)
  if (judged.grants !== 'token') return fail('intent_malformed', { detail: 'Only intents of kind token are minted; secrets are the vault’s.' })
  const signed = await sign(call, judged, parts)
  if (!signed.ok) return signed
  const token = assembleToken(judged.message, signed.signature)
  call.event.note({ token_hash: tokenHash(token) })
  return { ok: true, token, claims: judged.claims, signers: signed.signers, headers: signed.headers }
}

/** Judges, dry or not; shared with explain, so that both say the same. */
export async function judgeToken(call: Pick<MintCall, 'request' | 'asserted' | 'event'>, parts: Pick<MintParts, 'judges' | 'clock'>, how: 'judge' | 'explain' = 'judge'): Promise<Judgement | Explained> {
  const judged = how === 'judge' ? await judge(call, parts) : await judge(call, parts, 'explain')
  if (judged.verdict !== 'unavailable' && judged.intent?.kind === 'token') call.event.learn({ scope: judged.intent.scope.join(' '), aud: judged.intent.aud })
  return judged
}

/** What the record has of a token. */
const tokenHash = (token: string): string => toBase64url(sha256(utf8(token)))
