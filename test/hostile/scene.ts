import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { expect } from 'vitest'
import type { SoftPasskey, BrowserLies } from '@symbolon/evidence/passkey.testkit.ts'
import { noStops } from '@symbolon/evidence/stops.ts'
import { openJudge, type GrantedToken, type Judge } from '@symbolon/policy/judge.ts'
import { acceptBytes, acceptReply, adoptReply, type Accept, type AcceptCertificate, type AcceptReply, type AcceptRequest, type AdoptReply, type Book, type Change, type Entry, type Slot } from '@symbolon/protocol/book.ts'
import { fromBase64url, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { ed25519Jwk } from '@symbolon/protocol/fields.ts'
import { decodeIntent, encodeIntent, type Intent, type LockIntent, type RevokeIntent, type RosterIntent, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { assembleJws } from '@symbolon/protocol/jws.ts'
import { proofSigningInput } from '@symbolon/protocol/proof.ts'
import { signerReport, type SignerReport } from '@symbolon/protocol/sign.ts'
import { parseToken } from '@symbolon/protocol/token.ts'
import { decodeRoster, type Roster } from '@symbolon/roster/roster.ts'
import { publicJwk } from '@symbolon/sdk/credential.ts'
import { builtOf, must, openTown, type Delegated, type Somebody, type Town } from '../people.testkit.ts'
import { startStack, type Stack } from '../stack.ts'
import { openAttacker, owned, type Attacker, type Loot } from './attacker.ts'

/* One deployment with people in it, and the attacker who owns all of it but two signers. */

export const now = (): number => Math.floor(Date.now() / 1000)
export const someKey = () => generateKeyPairSync('ed25519').privateKey
export const otherDigest = () => toBase64url(randomBytes(32))

export interface Scene {
  readonly stack: Stack
  readonly town: Town
  readonly attacker: Attacker
  /** What an intent carries for its deployment and time. */
  common(): { readonly v: 1; readonly nonce: TokenIntent['nonce']; readonly iat: number; readonly exp: number; readonly iss: string; readonly lineage: TokenIntent['lineage'] }
  token(sub: string, change?: Partial<TokenIntent>): TokenIntent
  /** What the honest judgement of this would sign, by the roster in force: the attacker owns the api, so it knows. */
  granted(intent: TokenIntent, evidence: readonly Evidence[]): Promise<GrantedToken>
  /** Every honest signer says exactly this to a token that is asked for so, and no token comes of it. `bytes`: what it is to sign. */
  expectRefused(intent: TokenIntent, evidence: readonly Evidence[], code: string, bytes?: string): Promise<void>
  /** Every honest signer signs. @returns the token */
  expectMinted(intent: TokenIntent, evidence: readonly Evidence[]): Promise<string>
  accept(victim: number, request: AcceptRequest): Promise<AcceptReply>
  adopt(victim: number, part: Partial<Book>): Promise<AdoptReply>
  /** An honest signer's word on this; it must give it. */
  wordOf(victim: number, request: AcceptRequest): Promise<Accept>
  /** The word of the signer that the attacker owns, on whatever it likes. */
  ownWord(slot: Slot, subject: AcceptCertificate['subject'], iat?: number): Promise<Accept>
  /** What a signer says of itself. */
  report(signer: number): Promise<SignerReport>
  /** Waits until every signer, and the api, stands at this version. */
  settled(version: number, who: Somebody): Promise<void>
  /** Every honest signer refuses this stop, for exactly this. */
  expectNotStopped(intent: RevokeIntent | LockIntent, evidence: readonly Evidence[], code: string): Promise<void>
  /** Every honest signer refuses to accept this, for exactly these, in any order. */
  expectNotAccepted(request: AcceptRequest, ...codes: readonly string[]): Promise<void>
  /** Every honest signer counts so many approvals of this change: `1 of 2`. */
  expectShort(change: Change, counted: string): Promise<void>
  close(): Promise<void>
}

export async function openScene(env: Readonly<Record<string, string>> = {}): Promise<Scene> {
  const stack = await startStack({ env })
  if (stack.first.code !== 0) throw new Error(stack.first.stderr)
  const town = await openTown(stack)
  const attacker = await openAttacker(stack.home.path)
  let judging: { readonly roster: Roster; readonly judge: Judge } | undefined
  const judge = async (): Promise<Judge> => {
    const { effective: roster } = await attacker.learn()
    if (judging?.roster !== roster) judging = { roster, judge: openJudge({ roster, bundle: attacker.bundle, stops: () => noStops, issuerKeys: () => new Map() }) }
    return judging.judge
  }
  const common = () => ({ v: 1, nonce: toBase64url(randomBytes(16)), iat: now(), exp: now() + 300, iss: attacker.roster.deployment.issuer, lineage: town.lineage }) as const
  const granted = async (intent: TokenIntent, evidence: readonly Evidence[]): Promise<GrantedToken> => {
    const judgement = (await judge()).judge({ intent: encodeIntent(intent), evidence, approvals: [], asserted: {} }, now())
    if ((judgement.verdict !== 'granted' || judgement.grants !== 'token')) throw new Error(`the control is refused: ${JSON.stringify(judgement)}`)
    return judgement
  }
  const scene: Scene = {
    stack,
    town,
    attacker,
    common,
    token: (sub, change = {}) => ({ ...common(), kind: 'token', sub, client: 'symbolon-cli', aud: attacker.roster.default_audience, scope: ['read:logs'], ...change }),
    granted,
    async expectRefused(intent, evidence, code, bytes = 'e30.e30') {
      await attacker.learn()
      for (const victim of attacker.victims) {
        const loot = await attacker.attempt(victim, { intent: encodeIntent(intent), evidence, bytes })
        expect({ victim, code: codeOf(loot), token: loot.token }).toEqual({ victim, code, token: undefined })
      }
    },
    async expectMinted(intent, evidence) {
      const { message, claims } = await granted(intent, evidence)
      const tokens: string[] = []
      for (const victim of attacker.victims) {
        const loot = await attacker.attempt(victim, { intent: encodeIntent(intent), evidence, bytes: message })
        expect({ victim, code: codeOf(loot) }).toEqual({ victim, code: 'signed' })
        expect(parseToken(loot.token ?? '')?.claims).toEqual(claims)
        tokens.push(loot.token ?? '')
      }
      return tokens[0] ?? ''
    },
    accept: async (victim, request) => replyOf(acceptReply, await attacker.send('coordinator', victim, '/v1/accept', request)),
    adopt: async (victim, part) => replyOf(adoptReply, await attacker.send('coordinator', victim, '/v1/adopt', { v: 1, versions: [], entries: [], stops: [], ...part })),
    async wordOf(victim, request) {
      const reply = await scene.accept(victim, request)
      if (reply.result !== 'accepted') throw new Error(`signer ${victim}: ${JSON.stringify(reply)}`)
      return reply.accept
    },
    async ownWord(slot, subject, iat = now()) {
      return { signer: owned, iat, signature: toBase64url(await attacker.certify(acceptBytes({ lineage: town.lineage, slot, subject, iat }))) }
    },
    report: async (signer) => replyOf(signerReport, await attacker.send('coordinator', signer, '/v1/status', undefined)),
    async settled(version, who) {
      const soon = { timeout: 40_000, interval: 250 }
      for (const signer of [owned, ...attacker.victims]) await expect.poll(async () => (await scene.report(signer)).roster, soon).toBe(version)
      await expect.poll(async () => (await town.roster(who)).document.version, soon).toBe(version)
      await attacker.learn()
    },
    async expectNotStopped(intent, evidence, code) {
      for (const victim of attacker.victims) {
        const reply = await scene.adopt(victim, { stops: [{ intent: toBase64url(encodeIntent(intent)), evidence: [...evidence] }] })
        expect({ victim, codes: codesOf(reply) }).toEqual({ victim, codes: [code] })
      }
    },
    async expectNotAccepted(request, ...codes) {
      for (const victim of attacker.victims) expect({ victim, codes: codesOf(await scene.accept(victim, request)) }).toEqual({ victim, codes: [...codes].sort() })
    },
    async expectShort(change, counted) {
      for (const victim of attacker.victims) {
        const reply = await scene.accept(victim, { v: 1, what: 'change', change })
        expect({ victim, reasons: reply.result === 'refused' ? reply.reasons.map(({ code, fact }) => [code, fact]) : reply }).toEqual({ victim, reasons: [['approval_required', counted]] })
      }
    },
    async close() {
      await town.close()
      await attacker.close()
      await stack.stop()
    },
  }
  return scene
}

/** Each code once, sorted; what is no refusal is its own word. */
export const codesOf = (reply: AcceptReply | AdoptReply): string[] => {
  if (reply.result === 'refused') return [...new Set(reply.reasons.map(({ code }) => code))].sort()
  return [reply.result === 'not_now' ? reply.code : reply.result]
}

export const codeOf = ({ answer }: Pick<Loot, 'answer'>): string => {
  switch (answer.result) {
    case 'signed':
      return 'signed'
    case 'refused':
      return answer.refusal.reasons[0]?.code ?? 'no reason'
    case 'not_now':
      return answer.code
  }
}

function replyOf<T>(schema: Parameters<typeof decodeAs<T>>[0], answer: Awaited<ReturnType<Attacker['send']>>): T {
  if (!answer.ok) throw new Error(`${answer.reason} ${answer.detail}`)
  const decoded = decodeAs(schema, answer.body, 8_000_000)
  if (answer.status !== 200 || !decoded.ok) throw new Error(`status ${answer.status}: ${answer.body.toString()}`)
  return decoded.value
}

export const asked = (change: Change): AcceptRequest => ({ v: 1, what: 'change', change })
export const entered = (entry: Entry): AcceptRequest => ({ v: 1, what: 'entry', entry })

export function documentOf({ document }: Pick<Change, 'document'>): Roster {
  const decoded = decodeRoster(fromBase64url(document) ?? new Uint8Array())
  if (!decoded.ok) throw new Error(decoded.reason)
  return decoded.value
}

export function intentIn({ intent }: Pick<Change, 'intent'>): RosterIntent {
  const decoded = decodeIntent(fromBase64url(intent) ?? new Uint8Array())
  if (!decoded.ok || decoded.value.kind !== 'roster') throw new Error('not an intent of kind roster')
  return decoded.value
}

/** A touch for this very intent. */
export const touch = (intent: Intent, passkey: SoftPasskey, lies: BrowserLies = {}): Evidence[] => [{ kind: 'passkey', assertion: passkey.assert(builtOf(intent).digest, lies) }]

/** A registered key's proof for this very intent. */
export function proofOfKey(intent: Intent, { kid, key }: { readonly kid: string; readonly key: Delegated['key'] }): Evidence[] {
  const input = proofSigningInput({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', kid }, { iss: intent.iss, intent: builtOf(intent).digestText, kind: intent.kind, iat: intent.iat })
  return [{ kind: 'key', proof: assembleJws(input, sign(null, utf8(input), key)) }]
}

/** A grant with a proof by its key for this intent, or with any part of that exchanged. */
export function byGrant(intent: Intent, { grant, key, digest }: Pick<Delegated, 'grant' | 'key' | 'digest'>, change: Partial<Parameters<typeof proofSigningInput>[1]> = {}): Evidence[] {
  return [{ kind: 'grant', ...grant, proof: proofBy(key, intent, { of: digest, ...change }) }]
}

export function proofBy(key: Delegated['key'], intent: Intent, change: Partial<Parameters<typeof proofSigningInput>[1]>): string {
  const jwk = ed25519Jwk.parse(must(publicJwk(key)))
  const input = proofSigningInput({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', jwk }, { iss: intent.iss, intent: builtOf(intent).digestText, kind: intent.kind, iat: intent.iat, ...change })
  return assembleJws(input, sign(null, utf8(input), key))
}
