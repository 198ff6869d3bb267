import { generateKeyPairSync } from 'node:crypto'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { encodeIntent, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { nearMisses, type NearMiss } from '@symbolon/evidence/near-miss.ts'
import { noStops } from '@symbolon/evidence/stops.ts'
import { matches, type Claims } from '@symbolon/evidence/trust.ts'
import { lineageOf } from '@symbolon/roster/keyset.ts'
import type { Roster, RosterDraft } from '@symbolon/roster/roster.ts'
import { lintTrusts, soundTrusts, type LintProblem } from '@symbolon/roster/trust-lint.ts'
import type { Bundle } from './bundle.ts'
import { explanationOf, type Explanation } from './explain.ts'
import { openJudge } from './judge.ts'
import { grantEvidence, idTokenEvidence, keyEvidence, passkeyEvidence, propKid, propPasskey, type Prop } from './rehearse-evidence.ts'

/* A rehearsal: what the real judge would say, for the author of a roster or policy, who has neither keys nor signatures. The roster
   is copied, the keys that matter are replaced by a throwaway one, and evidence is made with it; then judge() judges. */

/** Who asks: an ID token by its claims, a service or person of the roster, or somebody with these roles. */
export type Asker =
  | { readonly kind: 'claims'; readonly claims: Claims; readonly sub?: string }
  | { readonly kind: 'service'; readonly id: string }
  /** `touch`: with a passkey, touched for this very request; else by a grant, without a ceiling of its own. */
  | { readonly kind: 'person'; readonly id: string; readonly touch: boolean }
  | { readonly kind: 'roles'; readonly roles: readonly string[]; readonly groups?: readonly string[] }

export type Wish = Pick<TokenIntent, 'scope'> & Partial<Pick<TokenIntent, 'aud' | 'ttl' | 'client' | 'ctx' | 'reason'>>

export interface RehearsalOptions {
  /** With or without group keys: a plan's template serves as well. */
  readonly roster: RosterDraft
  /** May be another than the roster names: the one that its author is writing. */
  readonly bundle: Bundle
  readonly asker: Asker
  readonly wish: Wish
  /** NumericDate; the issue time. The claims' own times and audience are replaced by ones that fit. */
  readonly now: number
}

export interface Rehearsal {
  readonly explanation: Explanation
  /** Ids of the trusts that take these claims, if claims were given. */
  readonly matching: readonly string[]
  /** The issuer's other trusts, nearest first, each with every condition that did not hold. */
  readonly misses: readonly NearMiss[]
  /** A trust with a flaw matches nobody. */
  readonly flaws: readonly LintProblem[]
}

export function rehearse({ roster, bundle, asker, wish, now }: RehearsalOptions): Rehearsal {
  const stage = stageOf(roster, bundle, asker)
  const { matching, misses } = trustsFor(stage.roster, asker)
  const sub = asker.kind === 'claims' ? (asker.sub ?? (matching.length === 1 ? matching[0] : undefined) ?? nobody) : asker.kind === 'roles' ? nobody : asker.id
  const intent: TokenIntent = {
    v: 1,
    kind: 'token',
    nonce: toBase64url(new Uint8Array(16)),
    iat: now,
    exp: now + limits.intentWindow,
    iss: roster.deployment.issuer,
    lineage: lineageOf(stage.roster),
    sub,
    aud: roster.default_audience,
    ...wish,
    client: wish.client ?? sub,
    scope: [...new Set(wish.scope)].sort(),
  }
  const judgement = openJudge({ roster: stage.roster, bundle, stops: () => noStops, issuerKeys: () => new Map() }).judge({ intent: encodeIntent(intent), evidence: [evidenceOf(asker, intent, stage)], approvals: [], asserted: {} }, now)
  // Every key is pinned on this stage, so none can be missing.
  if (judgement.verdict === 'unavailable') throw new Error(`a rehearsal that needs ${judgement.code}`)
  return { explanation: explanationOf(judgement), matching, misses, flaws: lintTrusts(roster) }
}

/** Stands for whoever has no row, or no single one. */
const nobody = 'nobody'

interface Stage {
  readonly roster: Roster
  readonly prop: Prop
}

function stageOf(roster: RosterDraft, bundle: Bundle, asker: Asker): Stage {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: publicKey.export({ format: 'jwk' }).x as Base64url } as const
  const prop = { jwk, key: privateKey }
  const keys = [{ id: propKid, jwk }]
  const added = asker.kind === 'roles' ? [{ id: nobody, name: nobody, roles: [...asker.roles], groups: [...(asker.groups ?? [])], keys }] : []
  const played = asker.kind === 'service' ? roster.services.map((row) => (row.id === asker.id ? { ...row, keys } : row)) : roster.services.filter((row) => row.id !== nobody)
  return {
    prop,
    roster: {
      ...roster,
      policy: bundle.digest,
      people: roster.people.map((row) => (asker.kind === 'person' && row.id === asker.id ? { ...row, passkeys: [propPasskey(prop)] } : row)),
      services: [...played, ...added],
      issuers: roster.issuers.map(({ jwks_uri: _, ...row }) => ({ ...row, keys: [{ kid: propKid, alg: 'EdDSA', jwk }] })),
      // The token group, too: what is built here can never be mistaken for what the deployment signs.
      groups: [{ purpose: 'token', epoch: 1, t: 2, n: 3, key: jwk.x, kid: thumbprint(jwk), alg: 'EdDSA', shares: [] }],
    },
  }
}

function trustsFor(roster: Roster, asker: Asker): Pick<Rehearsal, 'matching' | 'misses'> {
  if (asker.kind !== 'claims') return { matching: [], misses: [] }
  const issuer = roster.issuers.find((row) => row.issuer === asker.claims['iss'])
  const trusts = soundTrusts(roster).filter((row) => row.issuer === issuer?.id)
  return { matching: trusts.filter((row) => matches(row, asker.claims)).map((row) => row.id), misses: nearMisses(trusts, asker.claims) }
}

function evidenceOf(asker: Asker, intent: TokenIntent, { roster, prop }: Stage): Evidence {
  if (asker.kind === 'claims') return idTokenEvidence(intent, asker.claims, roster, prop)
  if (asker.kind === 'person') return asker.touch ? passkeyEvidence(intent, roster, prop) : grantEvidence(intent, roster, prop)
  return keyEvidence(intent, prop)
}
