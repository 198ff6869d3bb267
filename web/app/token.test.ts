import { expect, test } from 'vitest'
import { toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { ed25519Of, signEd25519 } from '@symbolon/protocol/ed25519.ts'
import { assembleToken, tokenSigningInput, type TokenClaims } from '@symbolon/protocol/token.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import type { Deployment } from './deployment.ts'
import { build } from './intents.ts'
import { judgeToken } from './token.ts'

const lineage = toBase64url(new Uint8Array(32).fill(9))
const issuer = 'http://localhost:1'
const key = (fill: number) => {
  const seed = new Uint8Array(32).fill(fill)
  const jwk = ed25519Of(seed)
  return { seed, jwk, kid: thumbprint(jwk) }
}
const [group, vault, stranger] = [key(1), key(2), key(3)]
const row = ({ jwk, kid }: typeof group, purpose: string) => ({ purpose, key: jwk.x, kid })
const deployment = { keyset: { groups: [row(group, 'token'), row(vault, 'vault')] } } as unknown as Pick<Deployment, 'keyset'>
const asked = build({ kind: 'token', sub: 'ann', client: 'symbolon-console', aud: 'https://api.example', scope: ['read:logs'] }, { issuer, lineage })

const claims: TokenClaims = { iss: issuer, sub: 'ann', aud: 'https://api.example', client_id: 'symbolon-console', scope: 'read:logs', iat: asked.intent.iat, nbf: asked.intent.iat, exp: asked.intent.iat + 900, jti: asked.digestText, 'urn:symbolon:v1': { policy: lineage, origin: { kind: 'passkey' } } }
function signed(change: Partial<TokenClaims> = {}, by = group, kid = by.kid): string {
  const input = tokenSigningInput(kid, { ...claims, ...change })
  return assembleToken(input, signEd25519(by.seed, utf8(input)))
}

test('the token that was asked for', () => expect(judgeToken(signed(), asked, deployment)).toEqual({ ok: true, value: { claims } }))

test.each([
  ['of another key', signed({}, stranger)],
  ['of another key under this one’s name', signed({}, stranger, group.kid)],
  ['of a key for another purpose', signed({}, vault)],
  ['for somebody else', signed({ sub: 'bob' })],
  ['for another audience', signed({ aud: 'https://other.example' })],
  ['with another scope', signed({ scope: 'write:logs' })],
  ['for another request', signed({ jti: lineage })],
  ['of another issuer', signed({ iss: 'http://localhost:2' })],
  ['for other software', signed({ client_id: 'symbolon-cli' })],
  ['that is none', 'x.y.z'],
])('a token %s is not shown as one', (_case, text) => expect(judgeToken(text, asked, deployment)).toMatchObject({ ok: false, error: { code: 'token_untrusted' } }))
