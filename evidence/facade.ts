import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { isSecretIntent, type Intent, type SecretIntent } from '@symbolon/protocol/intent.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { pointOfJwk } from '@symbolon/protocol/p256.ts'
import type { TokenClaims } from '@symbolon/protocol/token.ts'
import { refuse, type EvidenceInput, type EvidenceResult } from './established.ts'
import { openTokenCheck, standingOf, stoppedBy, type TokenGround } from './live-token.ts'

type FacadeJudge = (item: { readonly token: string }, input: EvidenceInput) => EvidenceResult

/**
 * Evidence `facade`: a live token without a key, made for the vault process. Whoever sees it can use it, so it lives for minutes, and is good only
 * for secrets that the vault process combines, in replies to its own key. Of each version that is read, policy/weigh-reading.ts asks that too.
 */
export function openFacadeJudge(ground: TokenGround): FacadeJudge {
  const { roster, stopped } = ground
  const check = openTokenCheck(ground)
  const { vault } = roster
  const point = vault === undefined ? undefined : pointOfJwk(vault.hpke)
  const reply = point === undefined ? undefined : toBase64url(point)
  const combined = new Set((roster.namespaces ?? []).filter(({ combine }) => combine === 'vault').map(({ id }) => id))

  return (item, { intent }) => {
    if (vault === undefined || reply === undefined) return notHere('This deployment has no façade.', 'roster.vault')
    const live = check(item.token, { audience: vault.audience, at: intent.iat, also: (claims) => unlike(claims) ?? beyond(intent, { claims, reply, combined }) })
    if (!live.ok) return live
    const refusal = stoppedBy(live.claims, stopped, intent.iat)
    if (refusal !== undefined) return { ok: false, reasons: [refusal] }
    const standing = standingOf(live.claims, 'facade', roster, intent.iat)
    return standing.ok ? within(standing.value, vault.audience) : standing
  }
}

const notHere = (message: string, rule: string, fact?: string) => refuse('facade_not_allowed', message, { rule, ...(fact === undefined ? {} : { fact }) })

/** Is it a token for such clients at all? Policy sees to it when one is minted; a token from before is judged by its claims. */
function unlike({ cnf, iat, exp }: TokenClaims): EvidenceResult | undefined {
  if (cnf !== undefined) return notHere('A token that is bound to a key is evidence only with a proof by it.', 'facade.cnf')
  if (exp - iat > limits.facadeTtl) return notHere(`Such a token lives for at most ${limits.facadeTtl} s.`, 'facade.ttl', `${exp - iat} s`)
  return undefined
}

interface Bounds {
  readonly claims: TokenClaims
  /** The vault's roster key, as an intent names one. */
  readonly reply: string
  /** Ids of the namespaces whose secrets the vault process combines. */
  readonly combined: ReadonlySet<string>
}

/** All that the intent alone shows. */
function beyond(intent: Intent, { claims, reply, combined }: Bounds): EvidenceResult | undefined {
  if (intent.kind === 'revoke') return intent.what === 'token' && intent.id === claims.jti ? undefined : notHere('A façade token revokes itself and nothing else.', 'intent.id', intent.id)
  if (!isSecretIntent(intent)) return notHere('A façade token asks for secrets, and for nothing else.', 'intent.kind', intent.kind)
  if (intent.client !== claims.client_id) return notHere('The token was made for other software.', 'intent.client', intent.client)
  if (intent.kind === 'secret.read' && intent.reply !== reply) return notHere('What a façade token opens is sealed to the vault process alone.', 'intent.reply')
  const foreign = namespacesOf(intent).find((id) => !combined.has(id))
  return foreign === undefined ? undefined : notHere('The vault process combines no secrets of this namespace.', `namespace:${foreign}`)
}

const namespacesOf = (intent: SecretIntent): readonly string[] => placesOf(intent).map((path) => path.split('/')[0] ?? '')

function placesOf(intent: SecretIntent): readonly string[] {
  if (intent.kind === 'secret.read') return intent.labels.map(({ path }) => path)
  return intent.kind === 'secret.list' ? [...(intent.prefix === undefined ? [] : [intent.prefix]), ...(intent.paths ?? [])] : [intent.path]
}

/** Its audience is the façade's and is used up by this: what reached that far at the mint must reach it still. */
function within(value: Extract<ReturnType<typeof standingOf>, { ok: true }>['value'], audience: string): EvidenceResult {
  const { aud, ...ceiling } = value.ceiling
  if (aud !== undefined && !aud.includes(audience)) return refuse('ceiling_exceeded', 'The evidence behind the token no longer reaches this audience.', { rule: 'evidence.ceiling.aud', fact: audience })
  return { ok: true, value: { ...value, ceiling, origin: { ...value.origin, ceiling } } }
}
