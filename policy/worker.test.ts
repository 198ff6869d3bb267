import { describe, expect, test } from 'vitest'
import type { IssuerKeys } from '@symbolon/evidence/established.ts'
import { noStops } from '@symbolon/evidence/stops.ts'
import { at, idTokenEvidence, intentOf, makeWorld, request } from './judge.testkit.ts'
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

  test('P-4 does not open with another bundle than the roster names', () => {
    const world = makeWorld()
    expect(() => open({ roster: { ...world.roster, policy: world.roster.groups[0]?.kid ?? world.roster.policy }, bundle: world.bundle, stops: noStops })).toThrow(/the roster names the policy/)
  })
})
