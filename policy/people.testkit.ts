import { fromBase64url, sha256, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { Approval } from '@symbolon/protocol/approval.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { encodeIntent, type GrantIntent, type Intent, type LockIntent, type ReadIntent, type RevokeIntent, type RosterIntent } from '@symbolon/protocol/intent.ts'
import { proofSigningInput } from '@symbolon/protocol/proof.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { softPasskey, type BrowserLies, type SoftPasskey } from '@symbolon/evidence/passkey.testkit.ts'
import { noStops, type Stops } from '@symbolon/evidence/stops.ts'
import { lineageOf } from '@symbolon/roster/keyset.ts'
import type { Person, Roster } from '@symbolon/roster/roster.ts'
import { openJudge, type Judge } from './judge.ts'
import { at, digestOf, jwkOf, makeKey, makeWorld, nonce, signJws, type Key, type World, type WorldOptions } from './judge.testkit.ts'

/* The same deployment with people in it: version 2, as its guardians made it. */

const site = { rpId: 'localhost', origin: 'http://localhost:8081' } as const
const first = makeWorld()
const lineage = lineageOf(first.roster)
const owned = (row: string, more: { synced?: boolean } = {}) => softPasskey({ ...site, ...more, owner: { lineage, row } })

/** Ann, Bob and Cat are guardians with hardware keys; Dan is an engineer whose passkey is synced and may not approve. */
export const keys = { ann: owned('ann'), bob: owned('bob'), cat: owned('cat'), dan: owned('dan', { synced: true }) }
export type Name = keyof typeof keys

const rowOf = (id: Name, passkeys: readonly SoftPasskey[] = [keys[id]]): Person => ({ id, name: id, roles: ['engineer'], groups: [], passkeys: passkeys.map((each) => each.row(id === 'dan' ? { uses: ['sign_in'] } : {})) })

export const makePeople = (options: WorldOptions & { readonly people?: readonly Person[] } = {}): World =>
  makeWorld({
    ...options,
    roster: {
      version: 2,
      bootstrap: undefined,
      previous: [toBase64url(new Uint8Array(32))],
      lineage,
      guardians: { people: ['ann', 'bob', 'cat'], count: 2, window: 3600 },
      people: [...(options.people ?? [rowOf('ann'), rowOf('bob'), rowOf('cat'), rowOf('dan')])],
      ...options.roster,
    },
  })

export const judgeOf = ({ roster, bundle }: World, stops: Stops = noStops): Judge => openJudge({ roster, bundle, stops: () => stops, issuerKeys: () => new Map() })

type Asking = RosterIntent | RevokeIntent | LockIntent | ReadIntent
type Own<I> = I extends Asking ? Omit<I, keyof ReturnType<typeof common>> & Partial<ReturnType<typeof common>> : never

const common = ({ roster }: { readonly roster: Roster }) => ({ v: 1 as const, nonce: nonce(), iat: at, exp: at + 300, iss: roster.deployment.issuer, lineage: lineageOf(roster), sub: 'ann' as string })
/** An intent of another kind than `token`; Ann's unless said otherwise. */
export const askOf = (world: World, own: Own<Asking>): Asking => ({ ...common(world), ...own })

export const rosterOf = (world: World, change: Partial<RosterIntent> = {}): Asking => askOf(world, { kind: 'roster', version: world.roster.version + 1, from: [toBase64url(sha256(utf8('from')))], to: toBase64url(sha256(utf8('to'))), ...change })

export const touch = (intent: Intent, by: SoftPasskey = keys.ann, lies: BrowserLies = {}): Evidence => ({ kind: 'passkey', assertion: by.assert(digestOf(intent), lies) })

export interface Granting {
  readonly by?: Name
  readonly ceiling?: GrantIntent['ceiling']
  /** NumericDate. */
  readonly iat?: number
  readonly end?: number
  readonly holder?: Key
}
const holders = makeKey()

/** A grant of a person to a key, and how that key asks. */
export function grantOf(world: World, { by = 'ann', ceiling = {}, iat = at - 3600, end = at + 3600, holder = holders }: Granting = {}) {
  const intent: GrantIntent = { ...common(world), kind: 'grant', sub: by, client: 'cli', key: thumbprint(jwkOf(holder)), ceiling, iat, exp: iat + 300, end }
  const digest = toBase64url(digestOf(intent))
  const assertion = keys[by].assert(digestOf(intent))
  return {
    intent,
    digest,
    evidence(asked: Intent): Evidence {
      const payload = { iss: world.roster.deployment.issuer, intent: toBase64url(digestOf(asked)), kind: asked.kind, iat: asked.iat, of: digest }
      return { kind: 'grant', intent: toBase64url(encodeIntent(intent)), assertion, proof: signJws(proofSigningInput({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', jwk: jwkOf(holder) }, payload), holder) }
    },
  }
}

export const approvalOf = (intent: Intent, by: Name, { decision = 'approve', iat = at, exp = at + 600, lies = {} }: { readonly decision?: Approval['decision']; readonly iat?: number; readonly exp?: number; readonly lies?: BrowserLies } = {}): Approval =>
  keys[by].approve({ intent: toBase64url(digestOf(intent)), approver: by, decision, iat, exp }, lies)

export const ruling = (intent: Intent, evidence: readonly Evidence[], approvals: readonly Approval[] = []) => ({ intent: encodeIntent(intent), evidence, approvals })

/** One bit of base64url text, turned. */
export function flipped(text: string, bit: number): string {
  const bytes = Uint8Array.from(fromBase64url(text) ?? [])
  const place = (bit >> 3) % bytes.length
  bytes[place] = (bytes[place] ?? 0) ^ (1 << (bit & 7))
  return toBase64url(bytes)
}
