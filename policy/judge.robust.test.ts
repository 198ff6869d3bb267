import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { encodeIntent, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { refusalStatement } from '@symbolon/protocol/sign.ts'
import { noStops } from '@symbolon/evidence/stops.ts'
import { openJudge, type Judgement } from './judge.ts'
import { at, bundleWith, defaultData, idTokenEvidence, intentOf, keyEvidence, makeWorld, request, type World } from './judge.testkit.ts'

const open = (world: World) => openJudge({ ...world, stops: () => noStops, issuerKeys: () => new Map() })
const here = makeWorld()

/** Any refusal must fit into what a signer signs. */
function expectSayable(judgement: Judgement) {
  expect(judgement.verdict).toBe('refused')
  if (judgement.verdict !== 'refused') return
  const digest = here.roster.policy
  const statement = { v: 1, signer: 1, boot: 'AAAAAAAAAAAAAAAAAAAAAA' as Base64url, request: digest, shown: digest, iat: at, reasons: judgement.reasons }
  expect(refusalStatement.safeParse(statement).error?.issues ?? []).toEqual([])
}

describe('D-1 whatever comes in, a judgement comes out', () => {
  const judge = open(here)

  test('bytes of any kind', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 5000 }), fc.json().map((text) => Buffer.from(text))), (intent) => {
        expectSayable(judge.judge({ ...request(here, intentOf(here)), intent }, at))
      }),
    )
  })

  test('an intent with one byte changed', () => {
    const intent = intentOf(here)
    const good = encodeIntent(intent)
    const { evidence } = request(here, intent)
    fc.assert(
      fc.property(fc.nat({ max: good.length - 1 }), fc.integer({ min: 1, max: 255 }), (place, change) => {
        const bytes = Uint8Array.from(good)
        bytes[place] = (bytes[place] ?? 0) ^ change
        expectSayable(judge.judge({ intent: bytes, evidence, approvals: [], asserted: {} }, at))
      }),
      { numRuns: 500 },
    )
  })

  test('evidence of any text, and true evidence with one character changed', () => {
    const intent = intentOf(here, { sub: 'deploy' })
    const bytes = encodeIntent(intent)
    const texts = [keyEvidence(here, intent), idTokenEvidence(here, intent)].map((item) => ('proof' in item ? item.proof : 'token' in item ? item.token : ''))
    const changed = fc.tuple(fc.constantFrom(...texts), fc.nat(), fc.constantFrom('A', '_', '.', '=', 'é')).map(([text, place, letter]) => text.slice(0, place % text.length) + letter + text.slice((place % text.length) + 1))
    const item = fc.oneof(fc.string({ maxLength: 200 }), changed).filter((text) => !texts.includes(text))
    const evidence = fc.tuple(fc.constantFrom('key', 'id_token', 'token'), item, item).map(([kind, one, other]): Evidence => (kind === 'key' ? { kind, proof: one } : kind === 'id_token' ? { kind, token: one } : { kind: 'token', token: one, proof: other }))
    fc.assert(fc.property(evidence, (item) => expectSayable(judge.judge({ intent: bytes, evidence: [item], approvals: [], asserted: {} }, at))), { numRuns: 500 })
  })
})

describe('a refusal fits into what a signer signs', () => {
  const many = <T>(make: (number: number) => T) => Array.from({ length: 32 }, (_, number) => make(number))
  const long = (number: number) => `${'x'.repeat(90)}:${String(number).padStart(3, '0')}`
  const roleName = (number: number) => `${'r'.repeat(60)}${String(number).padStart(3, '0')}`

  const audience = `https://${'a'.repeat(240)}.example`
  const scopes = many(long)
  const role = { allow_scopes: scopes, max_ttl_seconds: 60, audiences: [audience] }
  const data = { roles: { ...Object.fromEntries(many((number) => [roleName(number), role])), ...defaultData.roles } }
  const crowded = (deny: object) => {
    const bundle = bundleWith({ ...data, deny })
    const base = makeWorld({ bundle })
    const [service] = base.roster.services
    if (service === undefined) throw new Error('no service')
    const crowd: World = { ...base, roster: { ...base.roster, scopes, audiences: [audience, 'https://api.example'], services: [{ ...service, roles: many(roleName), groups: many(roleName) }] } }
    return open(crowd).judge(request(crowd, intentOf(crowd, { scope: scopes })), at)
  }

  test('where each of the most roles is narrowed, for each of the most and longest scopes', () => {
    const judgement = crowded({})
    expectSayable(judgement)
    expect(judgement).toMatchObject({ reasons: many(() => ({ code: 'scope_not_allowed', rule: 'symbolon.scope' })) })
  })

  test('where everything is on the emergency list', () => {
    const judgement = crowded({ principals: ['ci', 'ann'], roles: many(roleName), groups: many(roleName), clients: ['cli'], scopes, audiences: ['https://api.example'] })
    expectSayable(judgement)
    if (judgement.verdict === 'refused') expect(judgement.reasons.filter((reason) => reason.rule === 'symbolon.deny')).toHaveLength(7)
  })

  test('where the intent names the longest issuer there can be', () => {
    const iss = `http://localhost:8080/${'x'.repeat(490)}`
    expectSayable(open(here).judge(request(here, intentOf(here, { iss } as Partial<TokenIntent>)), at))
  })
})
