import { generateKeyPairSync } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { parseToken, type TokenClaims } from '@symbolon/protocol/token.ts'
import { publicJwk, tokenCredential, type Credential } from '@symbolon/sdk/credential.ts'
import { LocalFailure } from './failure.ts'
import type { Io } from './io.ts'
import { keyIn } from './key-file.ts'
import type { Settings } from './settings.ts'
import { createPrivateFile } from './state.ts'

/* Tokens that are bound to a key on this machine (`mint --bind FILE`), and asking by one: SYMBOLON_TOKEN with SYMBOLON_TOKEN_KEY. */

/** The thumbprint of the key in that file, which is made where there is none. */
export function boundTo(path: string): Base64url {
  if (!existsSync(path)) createPrivateFile(path, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
  const jwk = publicJwk(keyIn(path))
  if (!jwk.ok) throw new LocalFailure(`${path} holds no key that a token can be bound to`, 'it is neither Ed25519 nor P-256', 'Name a file that is not there yet, and a key is made in it.')
  return thumbprint(jwk.value)
}

/** A token without a key is evidence of nothing, so both must be there. */
export const isTokenGiven = ({ token_key }: Settings, io: Io): boolean => Boolean(io.env['SYMBOLON_TOKEN']) && token_key !== undefined

/** Who a bound token is, and its proof. @throws LocalFailure where token or key is missing or is none */
export function givenToken({ token_key }: Settings, io: Io): { readonly claims: TokenClaims; readonly credential: Credential } {
  const token = io.env['SYMBOLON_TOKEN']
  if (!token || token_key === undefined) throw new LocalFailure('There is no token to ask by', 'SYMBOLON_TOKEN holds the token, SYMBOLON_TOKEN_KEY names the file of the key that it is bound to', 'Mint one: symbolon mint --scope secret:read --audience <the issuer> --bind token.key -o jwt')
  const parsed = parseToken(token)
  if (parsed === undefined) throw new LocalFailure('SYMBOLON_TOKEN is no token of Symbolon', 'it cannot be read', 'Mint one: symbolon mint -o jwt')
  if (parsed.claims.cnf === undefined) throw new LocalFailure('The token is bound to no key', 'whoever sees it could use it, so it is evidence of nothing', 'Mint it with --bind FILE.')
  return { claims: parsed.claims, credential: tokenCredential({ token, key: keyIn(token_key.value) }) }
}
