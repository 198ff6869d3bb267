import { describe, expect, test } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { proofSigningInput } from '@symbolon/protocol/proof.ts'
import type { Ruling } from './judge.ts'
import { at, digestOf, intentOf, makeWorld, request, signJws } from './judge.testkit.ts'
import { askOf, judgeOf, makePeople, rosterOf, ruling } from './people.testkit.ts'

const codes = (ruled: Ruling): readonly string[] => (ruled.verdict === 'refused' ? ruled.reasons.map(({ code }) => code) : [ruled.verdict])

describe('the bootstrap code', () => {
  const one = makeWorld()
  const byCode = (intent: Parameters<typeof digestOf>[0]): Evidence => {
    const payload = { iss: one.roster.deployment.issuer, intent: toBase64url(digestOf(intent)), kind: intent.kind, iat: intent.iat }
    return { kind: 'key', proof: signJws(proofSigningInput({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', kid: 'bootstrap' }, payload), one.bootstrap) }
  }
  const by = (own: Parameters<typeof askOf>[1]) => {
    const intent = askOf(one, { ...own, sub: 'bootstrap' })
    return judgeOf(one).rule(ruling(intent, [byCode(intent)]), at)
  }
  const next = { kind: 'roster', version: 2, from: [toBase64url(new Uint8Array(32))], to: toBase64url(new Uint8Array(32)) } as const

  test('makes version 2, without a touch', () => expect(by({ ...next, from: [...next.from] })).toMatchObject({ verdict: 'granted', principal: { id: 'bootstrap', kind: 'bootstrap' }, touch: false, passkeyUses: [] }))
  test('reads', () => expect(by({ kind: 'read', what: 'roster' })).toMatchObject({ verdict: 'granted' }))
  test('I-4 makes no other version, stops nobody, and is worth nothing from version 2 on', () => {
    expect(by({ ...next, from: [...next.from], version: 3 }).verdict).toBe('refused')
    expect(by({ kind: 'lock', row: 'ci' }).verdict).toBe('refused')
    expect(by({ kind: 'revoke', what: 'token', id: toBase64url(new Uint8Array(32)) }).verdict).toBe('refused')
    const later = makePeople()
    const intent = rosterOf(later, { sub: 'bootstrap', version: 3 })
    expect(codes(judgeOf(later).rule(ruling(intent, [byCode(intent)]), at))).toEqual(['key_unknown'])
  })
  test('mints nothing', () => {
    const intent = intentOf(one, { sub: 'bootstrap', client: 'cli' })
    expect(judgeOf(one).judge(request(one, intent, [byCode(intent)]), at).verdict).toBe('refused')
  })
})
