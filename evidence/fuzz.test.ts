import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { ask, document, fetchedKeys, idClaims, idToken, jws, keys, proofBy, tokenBy } from './evidence.testkit.ts'
import { openVerifier } from './verify.ts'

/* Whatever is sent, the answer is a refusal with a code; and no bit of an honest item may be changed. */

const asked = ask()
const ci = ask({ sub: 'ci-deploy' })
const verifier = openVerifier(document())
const answer = (evidence: readonly Evidence[], of = asked) => verifier.verify({ ...of, evidence, issuerKeys: fetchedKeys() })

const segment = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'ABCabc019-_=+/ .\n'), maxLength: 40 }),
  fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)).toString('base64url')),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
)
const compact = fc.array(segment, { minLength: 0, maxLength: 5 }).map((parts) => parts.join('.'))

describe('D-1 fuzz', () => {
  test('J-5 no text makes it throw or say yes', () => {
    fc.assert(
      fc.property(compact, compact, (a, b) => {
        for (const item of [{ kind: 'key', proof: a }, { kind: 'id_token', token: a }, { kind: 'token', token: a, proof: b }] as const) expect(answer([item]).ok).toBe(false)
      }),
      { numRuns: 2000 },
    )
  })

  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  test.each(['', '.', '..', '...', 'a.b', `${'a'.repeat(20_000)}.a.a`, 'e30.e30.', '.e30.AA', `e30.${Buffer.from(nested(5000)).toString('base64url')}.AA`, `${Buffer.from(`{"alg":"RS256","x":${nested(5000)}}`).toString('base64url')}.e30.AA`])('%.40s', (text) => {
    expect(answer([{ kind: 'key', proof: text }])).toMatchObject({ ok: false, reasons: [{ code: 'evidence_malformed' }] })
    expect(answer([{ kind: 'id_token', token: text }])).toMatchObject({ ok: false, reasons: [{ code: 'evidence_malformed' }] })
    expect(answer([{ kind: 'token', token: text, proof: text }])).toMatchObject({ ok: false, reasons: [{ code: 'token_invalid' }] })
  })

  test('signed nonsense in any claim or header is refused or changes nothing, and never throws', () => {
    const names = fc.constantFrom('iss', 'aud', 'sub', 'exp', 'iat', 'nbf', 'events', 'repository_id', 'environment', 'event_name', 'kubernetes.io', 'constructor', 'toString')
    fc.assert(
      fc.property(names, fc.jsonValue(), fc.constantFrom('alg', 'kid', 'typ', 'jku', 'x5c', 'crit', 'b64', 'x'), fc.jsonValue(), (name, value, header, said) => {
        const result = answer([idToken(ci, { claims: { [name]: value } }), ].slice(0, 1), ci)
        if (result.ok) expect(result.value.principal.id).toBe('ci-deploy')
        const headed = answer([idToken(ci, { header: { [header]: said } })], ci)
        if (headed.ok) expect([header, said].join()).toMatch(/^(x,.*|typ,(application\/)?jwt|alg,RS256|kid,k1)$/is)
      }),
      { numRuns: 400 },
    )
  })
})

/** Every way to write the same bytes otherwise, and every changed character. */
const altered = (text: string) =>
  fc.oneof(
    fc.tuple(fc.nat(text.length - 1), fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ .')).map(([at, by]) => text.slice(0, at) + by + text.slice(at + 1)),
    fc.nat(text.length).map((at) => `${text.slice(0, at)} ${text.slice(at)}`),
    fc.nat(text.length).map((at) => `${text.slice(0, at)}=${text.slice(at)}`),
    fc.nat(text.length - 1).map((at) => text.slice(0, at)),
    fc.constantFrom(`${text}.`, `${text}=`, `${text}\n`, ` ${text}`, `${text}.AA`),
  ).filter((changed) => changed !== text)

describe('J-6 J-8 one item, one spelling', () => {
  const honest = { key: proofBy(asked), id_token: idToken(ci), token: tokenBy(asked) }
  test('the honest items are true', () => {
    expect([answer([honest.key]).ok, answer([honest.id_token], ci).ok, answer([honest.token]).ok]).toEqual([true, true, true])
  })

  test.each([['key', 'proof', asked] as const, ['id_token', 'token', ci] as const, ['token', 'token', asked] as const, ['token', 'proof', asked] as const])('property: %s with its %s changed anywhere is refused', (kind, member, of) => {
    const item = { ...honest[kind] } as unknown as Record<string, string>
    fc.assert(
      fc.property(altered(item[member] ?? ''), (text) => {
        expect(answer([{ ...item, [member]: text } as unknown as Evidence], of).ok).toBe(false)
      }),
      { numRuns: 600 },
    )
  })

  test.each<[string, string]>([
    ['sub twice', JSON.stringify(idClaims(ci)).replace('{', '{"sub":"x",')],
    ['aud twice, once in escapes', JSON.stringify(idClaims(ci)).replace('{', String.raw`{"a\u0075d":"x",`)],
    ['__proto__', JSON.stringify(idClaims(ci)).replace('{', '{"__proto__":{"x":1},')],
    ['NaN', JSON.stringify(idClaims(ci)).replace(/"exp":\d+/, '"exp":NaN')],
    ['Infinity', JSON.stringify(idClaims(ci)).replace(/"exp":\d+/, '"exp":Infinity')],
    ['a byte order mark', `\uFEFF${JSON.stringify(idClaims(ci))}`],
    ['a list', `[${JSON.stringify(idClaims(ci))}]`],
  ])('claims with %s, soundly signed, are malformed', (_, text) => {
    expect(answer([{ kind: 'id_token', token: jws({ typ: 'JWT', alg: 'RS256', kid: 'k1' }, text, keys.issuer.privateKey) }], ci)).toMatchObject({ ok: false, reasons: [{ code: 'evidence_malformed' }] })
  })

  test('claims that are not UTF-8, soundly signed, are malformed', () => {
    const bytes = Buffer.concat([Buffer.from('{"sub":"'), Buffer.from([0xff]), Buffer.from('"}')])
    const [head] = jws({ typ: 'JWT', alg: 'RS256', kid: 'k1' }, {}, keys.issuer.privateKey).split('.')
    expect(answer([{ kind: 'id_token', token: `${head}.${bytes.toString('base64url')}.AAAA` }], ci)).toMatchObject({ ok: false, reasons: [{ code: 'evidence_malformed' }] })
  })

  test('J-5 the JSON serialisations are no compact ones', () => {
    const item = honest.id_token
    if (item.kind !== 'id_token') throw new Error('an ID token')
    const [protectedPart, payload, signature] = item.token.split('.')
    for (const json of [{ protected: protectedPart, payload, signature }, { payload, signatures: [{ protected: protectedPart, signature }] }]) {
      expect(answer([{ kind: 'id_token', token: JSON.stringify(json) }], ci)).toMatchObject({ ok: false, reasons: [{ code: 'evidence_malformed' }] })
    }
  })
})
