import { describe, expect, test } from 'vitest'
import type { IssuerKeys } from '@symbolon/evidence/established.ts'
import { noStops } from '@symbolon/evidence/stops.ts'
import { at, idTokenEvidence, intentOf, makeWorld, request } from './judge.testkit.ts'
import { askOf, keys, makePeople, ruling, touch } from './people.testkit.ts'
import { open } from './worker.ts'

/** What crosses to a worker thread and back, crosses here. */
const cross = <T>(value: T): T => structuredClone(value)

describe('the judge in a worker thread', () => {
  test('answers a batch in order, each request by itself', () => {
    const world = makeWorld()
    const worker = open(cross({ roster: world.roster, bundle: world.bundle, stops: noStops }))
    const [first, second] = [intentOf(world), intentOf(world, { scope: ['write:prod'] })]
    const judgements = cross(worker.handle(cross({ judge: [request(world, first), request(world, second), { ...request(world, first), intent: new Uint8Array() }], clock: at }))).judged
    expect(judgements.map((judgement) => judgement.verdict)).toEqual(['granted', 'refused', 'refused'])
    expect(judgements[0]).toMatchObject({ intent: { nonce: first.nonce } })
  })

  test('judges with the newest issuer keys, and refuses what is none', () => {
    const world = makeWorld({ issuerRow: { keys: undefined, jwks_uri: 'https://forge.example/jwks' } })
    const worker = open(cross({ roster: world.roster, bundle: world.bundle, stops: noStops }))
    const intent = intentOf(world, { sub: 'deploy' })
    const batch = { judge: [request(world, intent, [idTokenEvidence(world, intent)])], clock: at }
    expect(worker.handle(batch).judged[0]).toMatchObject({ verdict: 'unavailable', missing: { issuer: 'forge', kid: 'f1' } })
    const keys: IssuerKeys = new Map([['forge', { keys: new Map([['f1', { alg: 'EdDSA', jwk: { kty: 'OKP', crv: 'Ed25519', x: world.issuer.x } }]]), absent: new Set() }]])
    worker.update(cross({ issuerKeys: keys }))
    expect(worker.handle(batch).judged[0]).toMatchObject({ verdict: 'granted' })
    expect(() => worker.update({ issuerKeys: {} } as never)).toThrow(TypeError)
  })

  test('rules and explains beside, and takes newer stops', () => {
    const people = makePeople()
    const worker = open(cross({ roster: people.roster, bundle: people.bundle, stops: noStops }))
    const [token, dry, lock] = [intentOf(people, { sub: 'dan' }), intentOf(people, { sub: 'dan', dry: true }), askOf(people, { kind: 'lock', row: 'dan' })]
    const ask = (clock: number, whenever = false) => {
      const prove = (intent: typeof token | typeof lock, by = keys.dan) => request(people, intent, [touch(intent, by)])
      const { judged, explained, ruled } = cross(worker.handle(cross({ judge: [prove(token)], explain: [prove(dry), prove(token)], rule: [{ ...ruling(lock, [touch(lock)]), whenever }], clock })))
      return [judged, explained, ruled].map((answers) => answers.map((answer) => (answer.verdict === 'refused' ? answer.reasons[0].code : answer.verdict)))
    }
    expect(ask(at)).toEqual([['granted'], ['granted', 'intent_dry'], ['granted']])
    worker.update(cross({ stops: { revoked: [], locked: [{ row: 'dan', until: at + 1 }] } }))
    expect(ask(at)).toEqual([['locked'], ['locked', 'intent_dry'], ['granted']])
    worker.update(cross({ stops: noStops }))
    expect(ask(at + 300)).toEqual([['intent_expired'], ['intent_expired', 'intent_expired'], ['intent_expired']])
    expect(ask(at + 300, true)[2]).toEqual(['granted'])
    expect(worker.handle({ clock: at })).toEqual({ judged: [], explained: [], listed: [], ruled: [] })
    for (const bad of [{}, { stops: {} }, { stops: { revoked: [] } }, new Map()]) expect(() => worker.update(bad as never)).toThrow(TypeError)
  })

  test('P-4 does not open with another bundle than the roster names', () => {
    const world = makeWorld()
    expect(() => open({ roster: { ...world.roster, policy: world.roster.groups[0]?.kid ?? world.roster.policy }, bundle: world.bundle, stops: noStops })).toThrow(/the roster names the policy/)
  })
})
