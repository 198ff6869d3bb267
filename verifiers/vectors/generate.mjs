// Writes tokens.json: what every verifier must accept and refuse. `node verifiers/vectors/generate.mjs`. The key is of a fixed
// seed, so the file is the same each time.
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'

const pkcs8 = (seed) => createPrivateKey({ key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]), format: 'der', type: 'pkcs8' })
const keyOf = (name) => pkcs8(createHash('sha256').update(`symbolon verifier vectors ${name}`).digest())
const jwkOf = (key) => {
  const { kty, crv, x } = createPublicKey(key).export({ format: 'jwk' })
  return { kty, crv, x, kid: createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url'), alg: 'EdDSA', use: 'sig' }
}
const [current, next, stranger] = ['current', 'next', 'stranger'].map(keyOf)
const [currentJwk, nextJwk] = [current, next].map(jwkOf)

const b64 = (text) => Buffer.from(text).toString('base64url')
const now = 1_800_000_100
const header = { alg: 'EdDSA', kid: currentJwk.kid, typ: 'at+jwt' }
const claims = { aud: 'https://logs.example', client_id: 'symbolon-cli', exp: 1_800_000_900, iat: 1_800_000_000, iss: 'https://mint.example', jti: 'A'.repeat(43), nbf: 1_800_000_000, scope: 'read:logs', sub: 'svc-deploy', 'urn:symbolon:v1': { origin: { kind: 'key' }, policy: 'A'.repeat(43) } }
const raw = (head, body, key = current) => {
  const input = `${b64(head)}.${b64(body)}`
  return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`
}
const token = (h = {}, c = {}, key = current) => raw(JSON.stringify({ ...header, ...h }), JSON.stringify({ ...claims, ...c }), key)
const without = (object, name) => JSON.stringify(Object.fromEntries(Object.entries(object).filter(([key]) => key !== name)))
const good = token()
const [head, body, signature] = good.split('.')

/** S + L: the same signature in another spelling, which RFC 8032, section 5.1.7 refuses. */
const malleable = () => {
  const L = 2n ** 252n + 27742317777372353535851937790883648493n
  const bytes = Buffer.from(signature, 'base64url')
  let S = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`) + L
  for (let at = 32; at < 64; at++, S >>= 8n) bytes[at] = Number(S & 255n)
  return `${head}.${body}.${bytes.toString('base64url')}`
}

const cases = [
  ['good', 'a token as Symbolon mints it', good, 'ok'],
  ['by-a-person', 'a person touched a passkey for it (RFC 8176)', token({}, { sub: 'ann', auth_time: 1_800_000_000, acr: 'urn:symbolon:acr:touch', amr: ['hwk', 'user'], 'urn:symbolon:v1': { origin: { kind: 'passkey' }, policy: 'A'.repeat(43) } }), 'ok'],
  ['by-a-grant', 'a person’s grant asked for it; it names the grant and its ceiling', token({}, { sub: 'ann', auth_time: 1_799_990_000, acr: 'urn:symbolon:acr:grant', amr: ['swk', 'user'], 'urn:symbolon:v1': { origin: { ceiling: { aud: ['https://logs.example'], end: 1_800_000_900 }, grant: 'B'.repeat(42) + 'A', kind: 'grant' }, policy: 'A'.repeat(43) } }), 'ok'],
  ['next-key', 'signed by the second key of the set', token({ kid: nextJwk.kid }, {}, next), 'ok'],
  ['last-second', 'one second before its end', token({}, { exp: now + 1 }), 'ok'],
  ['at-exp', 'at its end it is over (RFC 7519, section 4.1.4)', token({}, { exp: now }), 'expired'],
  ['expired', 'long over', token({}, { exp: now - 1000 }), 'expired'],
  ['at-nbf', 'valid from this second on', token({}, { nbf: now, iat: now }), 'ok'],
  ['before-nbf', 'one second early', token({}, { nbf: now + 1 }), 'not_yet_valid'],
  ['other-issuer', 'another deployment', token({}, { iss: 'https://other.example' }), 'issuer'],
  ['issuer-slash', 'issuers are compared byte for byte', token({}, { iss: 'https://mint.example/' }), 'issuer'],
  ['other-audience', 'made for somebody else', token({}, { aud: 'https://other.example' }), 'audience'],
  ['audience-list', 'one audience, as a string', token({}, { aud: ['https://logs.example'] }), 'malformed'],
  ['audience-empty-list', 'an empty list never means all', token({}, { aud: [] }), 'malformed'],
  ['alg-none', 'no signature', `${b64(JSON.stringify({ ...header, alg: 'none' }))}.${body}.`, 'malformed'],
  ['alg-none-signed', 'a signature that claims to be none', token({ alg: 'none' }), 'alg'],
  ['alg-hs256', 'a symmetric algorithm', token({ alg: 'HS256' }), 'alg'],
  ['alg-ed25519', 'one alg per kid', token({ alg: 'Ed25519' }), 'alg'],
  ['alg-missing', 'no alg', raw(without(header, 'alg'), JSON.stringify(claims)), 'alg'],
  ['typ-jwt', 'an ID token', token({ typ: 'JWT' }), 'typ'],
  ['typ-missing', 'no typ', raw(without(header, 'typ'), JSON.stringify(claims)), 'typ'],
  ['kid-unknown', 'a key that is not in the set', token({ kid: jwkOf(stranger).kid }, {}, stranger), 'kid_unknown'],
  ['kid-missing', 'no kid', raw(without(header, 'kid'), JSON.stringify(claims)), 'kid_unknown'],
  ['stranger', 'another key under a known kid', token({}, {}, stranger), 'signature'],
  ['jwk-header', 'a key in the header is not believed', token({ jwk: jwkOf(stranger) }, {}, stranger), 'malformed'],
  ['jku-header', 'nor is one from elsewhere', token({ jku: 'https://evil.example/jwks' }), 'malformed'],
  ['crit', 'an extension that must be understood', token({ crit: ['exp'] }), 'malformed'],
  ['altered-claim', 'one claim changed after signing', `${head}.${b64(JSON.stringify({ ...claims, scope: 'write:prod' }))}.${signature}`, 'signature'],
  ['altered-signature', 'one bit of R flipped', `${head}.${body}.${Buffer.from(signature, 'base64url').map((byte, at) => (at === 0 ? byte ^ 1 : byte)).toString('base64url')}`, 'signature'],
  ['malleable', 'S + L in place of S', malleable(), 'signature'],
  ['short-signature', '63 bytes', `${head}.${body}.${Buffer.from(signature, 'base64url').subarray(0, 63).toString('base64url')}`, 'signature'],
  ['exp-missing', 'a token that never ends', raw(JSON.stringify(header), without(claims, 'exp')), 'malformed'],
  ['exp-string', 'a number as a string', token({}, { exp: '1800000900' }), 'malformed'],
  ['exp-fraction', 'not a whole number', token({}, { exp: 1800000900.5 }), 'malformed'],
  ['sub-missing', 'about nobody', raw(JSON.stringify(header), without(claims, 'sub')), 'malformed'],
  ['duplicate-sub', 'sub twice', raw(JSON.stringify(header), JSON.stringify(claims).replace('"sub"', '"sub":"svc-root","sub"')), 'malformed'],
  ['duplicate-escaped', 'sub twice, once with an escape', raw(JSON.stringify(header), JSON.stringify(claims).replace('"sub"', '"s\\u0075b":"svc-root","sub"')), 'malformed'],
  ['name-case', 'Sub is not sub', raw(JSON.stringify(header), JSON.stringify(claims).replace('"sub"', '"Sub"')), 'malformed'],
  ['padding', 'padded base64url', `${good}==`, 'malformed'],
  ['trailing-bits', 'non-zero trailing bits', `${head}.${body}.${signature.slice(0, -1)}${String.fromCharCode(signature.charCodeAt(85) + 1)}`, 'malformed'],
  ['white-space', 'a newline at the end', `${good}\n`, 'malformed'],
  ['two-parts', 'no signature', `${head}.${body}`, 'malformed'],
  ['four-parts', 'a part too many', `${good}.AA`, 'malformed'],
  ['json-array', 'claims that are no object', raw(JSON.stringify(header), '[]'), 'malformed'],
  ['trailing-json', 'bytes after the object', raw(JSON.stringify(header), `${JSON.stringify(claims)}{}`), 'malformed'],
  ['large', 'beyond 16 KiB', token({}, { reason: 'x'.repeat(20_000) }), 'malformed'],
].map(([id, comment, text, result]) => ({ id, comment, token: text, result }))

const story = 'Tokens that every verifier must accept (result ok) or refuse (result says why), at the time, issuer and audience given.'
writeFileSync(new URL('tokens.json', import.meta.url), `${JSON.stringify({ story, issuer: claims.iss, audience: claims.aud, now, jwks: { keys: [currentJwk, nextJwk] }, cases }, null, 1)}\n`)
