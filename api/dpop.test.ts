import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { ProofJwk } from '@symbolon/protocol/fields.ts'
import { assembleJws } from '@symbolon/protocol/jws.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { memoryProofs } from './api.testkit.ts'
import { checkDpop } from './dpop.ts'

const now = 1_800_000_000
const url = 'http://localhost:8080/oauth/token'
const ed = generateKeyPairSync('ed25519')
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const publicJwk = (key: KeyObject) => key.export({ format: 'jwk' }) as unknown as ProofJwk

type Fields = Record<string, unknown>
const encode = (value: Fields) => toBase64url(utf8(JSON.stringify(value)))
const good = { header: { typ: 'dpop+jwt', alg: 'EdDSA', jwk: publicJwk(ed.publicKey) } as Fields, payload: { jti: 'one', htm: 'POST', htu: url, iat: now } as Fields }

function proof({ header = {}, payload = {} }: { header?: Fields; payload?: Fields } = {}, key: KeyObject = ed.privateKey): string {
  const input = `${encode({ ...good.header, ...header })}.${encode({ ...good.payload, ...payload })}`
  return assembleJws(input, key.asymmetricKeyType === 'ec' ? sign('sha256', utf8(input), { key, dsaEncoding: 'ieee-p1363' }) : sign(null, utf8(input), key))
}

const check = (proofs: readonly string[], store = memoryProofs(), at = now) => checkDpop({ proofs, method: 'POST', url, now: at }, store)

describe('a DPoP proof (RFC 9449, section 4.3)', () => {
  test.each([
    ['EdDSA', 'EdDSA', ed],
    ['Ed25519 (RFC 9864)', 'Ed25519', ed],
    ['ES256', 'ES256', ec],
  ])('by %s gives the thumbprint of its key', async (_name, alg, pair) => {
    expect(await check([proof({ header: { alg, jwk: publicJwk(pair.publicKey) } }, pair.privateKey)])).toEqual({ ok: true, jkt: thumbprint(publicJwk(pair.publicKey)) })
  })

  test('may describe its key further', async () => {
    expect((await check([proof({ header: { jwk: { ...publicJwk(ed.publicKey), use: 'sig', key_ops: ['verify'], alg: 'EdDSA' } } })])).ok).toBe(true)
  })

  test.each([
    ['none', []],
    ['two', [proof(), proof({ payload: { jti: 'two' } })]],
    ['no JWT', ['nonsense']],
    ['another typ', [proof({ header: { typ: 'JWT' } })]],
    ['alg none', [proof({ header: { alg: 'none' } })]],
    ['a symmetric alg', [proof({ header: { alg: 'HS256' } })]],
    ['the alg of another key', [proof({ header: { alg: 'ES256' } })]],
    ['crit', [proof({ header: { crit: ['x'] } })]],
    ['kid beside jwk', [proof({ header: { kid: 'a' } })]],
    ['no key', [proof({ header: { jwk: undefined } })]],
    ['another key', [proof({ header: { jwk: publicJwk(generateKeyPairSync('ed25519').publicKey) } })]],
    ['a private key in the header', [proof({ header: { jwk: ed.privateKey.export({ format: 'jwk' }) } })]],
    ['a point that is not on the curve', [proof({ header: { alg: 'ES256', jwk: { kty: 'EC', crv: 'P-256', x: toBase64url(new Uint8Array(32).fill(1)), y: toBase64url(new Uint8Array(32).fill(1)) } } }, ec.privateKey)]],
    ['another method', [proof({ payload: { htm: 'GET' } })]],
    ['a method in lower case', [proof({ payload: { htm: 'post' } })]],
    ['another path', [proof({ payload: { htu: 'http://localhost:8080/oauth/tokens' } })]],
    ['another host', [proof({ payload: { htu: 'http://127.0.0.1:8080/oauth/token' } })]],
    ['https for http', [proof({ payload: { htu: 'https://localhost:8080/oauth/token' } })]],
    ['credentials in htu', [proof({ payload: { htu: 'http://a@localhost:8080/oauth/token' } })]],
    ['an old iat', [proof({ payload: { iat: now - 61 } })]],
    ['an iat from the future', [proof({ payload: { iat: now + 61 } })]],
    ['an iat that is text', [proof({ payload: { iat: `${now}` } })]],
    ['no jti', [proof({ payload: { jti: undefined } })]],
    ['a huge jti', [proof({ payload: { jti: 'x'.repeat(257) } })]],
  ] as const)('with %s is refused', async (_name, proofs) => {
    expect(await check(proofs)).toMatchObject({ ok: false, code: 'invalid_dpop_proof' })
  })

  test('query and fragment of htu do not count', async () => expect((await check([proof({ payload: { htu: `${url}?a=1#b` } })])).ok).toBe(true))
  test('is good at both edges of its minute', async () => {
    expect((await check([proof({ payload: { iat: now - 60 } })])).ok).toBe(true)
    expect((await check([proof({ payload: { iat: now + 60 } })])).ok).toBe(true)
  })

  test('works once at all nodes together, twenty at a time', async () => {
    const store = memoryProofs()
    const one = proof()
    const answers = await Promise.all(Array.from({ length: 20 }, () => check([one], store)))
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1)
    expect((await check([proof({ payload: { jti: 'other' } })], store)).ok).toBe(true)
  })

  test('that is wrong uses nothing up', async () => {
    const store = memoryProofs()
    const taken: unknown[] = []
    const watched = { take: (id: Uint8Array, until: number) => (taken.push(until), store.take(id, until)) }
    await check([proof({ payload: { htm: 'GET' } })], watched)
    expect(taken).toEqual([])
    await check([proof()], watched)
    expect(taken).toEqual([now + 121])
  })
})
