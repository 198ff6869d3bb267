// Checks a Symbolon token with nothing but Node. Use as a module, or:
//   node verify.mjs --jwks FILE --issuer URL --audience AUD [--now SECONDS] < token
import { createPublicKey, verify as verifySignature } from 'node:crypto'
import { readFileSync } from 'node:fs'

const maxBytes = 16_384
const headerNames = new Set(['alg', 'kid', 'typ'])

class Refused extends Error {
  constructor(code) {
    super(code)
    this.code = code
  }
}
const refuse = (code) => {
  throw new Refused(code)
}

function decode(segment) {
  if (!/^[A-Za-z0-9_-]+$/.test(segment)) refuse('malformed')
  const bytes = Buffer.from(segment, 'base64url')
  return bytes.toString('base64url') === segment ? bytes : refuse('malformed')
}

/** JSON.parse keeps the last of two equal names, so names are counted as they are read and compared with what is left. */
function objectOf(bytes) {
  let text
  let value
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    value = JSON.parse(text)
  } catch {
    return refuse('malformed')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse('malformed')
  const written = (text.match(/"(?:[^"\\]|\\.)*"\s*:/g) ?? []).length
  const strings = (text.match(/"(?:[^"\\]|\\.)*"/g) ?? []).length
  if (strings === 0 || written !== names(value)) refuse('malformed')
  return value
}
const names = (value) => (typeof value !== 'object' || value === null ? 0 : Array.isArray(value) ? value.reduce((sum, item) => sum + names(item), 0) : Object.entries(value).reduce((sum, [, item]) => sum + 1 + names(item), 0))

const seconds = (value) => (Number.isSafeInteger(value) && value >= 0 ? value : refuse('malformed'))
const string = (value) => (typeof value === 'string' && value !== '' ? value : refuse('malformed'))

/**
 * @param {string} token compact JWS
 * @param {{ jwks: { keys: object[] }, issuer: string, audience: string, now?: number }} expected `now` in seconds
 * @returns the claims
 * @throws Error with `code`: malformed, alg, typ, kid_unknown, signature, issuer, audience, expired, not_yet_valid
 */
export function verify(token, { jwks, issuer, audience, now = Math.floor(Date.now() / 1000) }) {
  if (token.length > maxBytes) refuse('malformed')
  const parts = token.split('.')
  if (parts.length !== 3) refuse('malformed')
  const [header, claims] = parts.slice(0, 2).map((part) => objectOf(decode(part)))
  const signature = decode(parts[2])
  if (Object.keys(header).some((name) => !headerNames.has(name))) refuse('malformed')
  if (header.alg !== 'EdDSA') refuse('alg')
  if (header.typ !== 'at+jwt') refuse('typ')
  const jwk = jwks.keys.find((key) => key.kid === header.kid && key.kty === 'OKP' && key.crv === 'Ed25519') ?? refuse('kid_unknown')
  const key = createPublicKey({ key: { kty: jwk.kty, crv: jwk.crv, x: jwk.x }, format: 'jwk' })
  if (signature.length !== 64 || !verifySignature(null, Buffer.from(`${parts[0]}.${parts[1]}`), key, signature)) refuse('signature')
  for (const name of ['iss', 'sub', 'aud', 'client_id', 'jti', 'scope']) string(claims[name])
  for (const name of ['iat', 'nbf', 'exp']) seconds(claims[name])
  if (claims.iss !== issuer) refuse('issuer')
  if (claims.aud !== audience) refuse('audience')
  if (now >= claims.exp) refuse('expired')
  if (now < claims.nbf) refuse('not_yet_valid')
  return claims
}

function main() {
  const option = (name) => process.argv[process.argv.indexOf(`--${name}`) + 1]
  const given = (name) => process.argv.includes(`--${name}`)
  const expected = { jwks: JSON.parse(readFileSync(option('jwks'), 'utf8')), issuer: option('issuer'), audience: option('audience'), ...(given('now') ? { now: Number(option('now')) } : {}) }
  try {
    process.stdout.write(`${JSON.stringify(verify(readFileSync(0, 'utf8').replace(/\n$/, ''), expected))}\n`)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    process.stderr.write(`refused: ${error.code}\n`)
    process.exitCode = 1
  }
}
if (process.argv[1] === import.meta.filename) main()
