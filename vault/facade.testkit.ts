import { randomBytes, sign } from 'node:crypto'
import { partial } from '@symbolon/core/tdh2.ts'
import { check } from '@symbolon/core/tdh2.testkit.ts'
import { sealTo } from '@symbolon/envelope/envelope.testkit.ts'
import { bytesOf, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { ciphertextDigest } from '@symbolon/protocol/ciphertext.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { decodeIntent, intentDigest } from '@symbolon/protocol/intent.ts'
import { labelBytes } from '@symbolon/protocol/label.ts'
import { openedInfo, type OpenWish } from '@symbolon/protocol/open.ts'
import { assembleToken, tokenSigningInput, type TokenClaims } from '@symbolon/protocol/token.ts'
import { now, send, type HttpAnswer, type Sending } from '@symbolon/front/front.testkit.ts'
import { groupOf } from '@symbolon/roster/roster.ts'
import type { FacadeApi } from './facade-api.ts'
import { makeVaultWorld, startVault, type Faked, type VaultWorld } from './vault.testkit.ts'

/* The façade over real HTTP, with real tokens, records, ciphertexts and partials. */

export const audience = 'http://localhost:8080/secrets'
export const everything = 'secret:delete secret:destroy secret:list secret:read secret:write'

/** A token that such clients carry, made by the whole `token` key. */
export function facadeToken(world: VaultWorld, changes: Partial<TokenClaims> = {}): string {
  const iat = now()
  const group = groupOf(world.roster, 'token')
  if (group === undefined) throw new Error('no token group')
  const claims: TokenClaims = { iss: world.roster.deployment.issuer, sub: 'ci', aud: audience, client_id: 'ci', scope: everything, iat, nbf: iat, exp: iat + 900, jti: toBase64url(randomBytes(32)), 'urn:symbolon:v1': { policy: world.roster.policy, origin: { kind: 'key' } }, ...changes }
  const input = tokenSigningInput(group.kid, claims)
  return assembleToken(input, sign(null, utf8(input), world.group.key))
}

/** Each signer opens what it is asked to, with its own share. */
function withShares(world: VaultWorld): VaultWorld {
  const { dealt } = world
  world.signers.seal = async (signer: number, { intent, heads }: OpenWish, reply) => {
    const partials = heads.map((head) => {
      const checked = check(dealt, labelBytes(head.label), { u: bytesOf(head.u), uBar: bytesOf(head.u_bar), e: bytesOf(head.e), f: bytesOf(head.f), wrapped: bytesOf(head.wrapped) })
      const member = dealt.members.find(({ id }) => id === signer)
      if (member === undefined) throw new Error('no such signer')
      const made = partial(dealt.suite, member, checked)
      if (!made.ok) throw new Error('no partial')
      return { point: toBase64url(made.value.point), e: toBase64url(made.value.e), f: toBase64url(made.value.f) }
    })
    const [head] = heads
    if (head === undefined || !decodeIntent(bytesOf(intent)).ok) throw new Error('nothing to open')
    const info = openedInfo({ intent: toBase64url(intentDigest(bytesOf(intent))), group: head.group, epoch: head.epoch, signer, ciphertexts: heads.map(ciphertextDigest) })
    return sealTo(reply, info, canonical({ v: 1, partials }))
  }
  return world
}

export async function startFacade(faked: Faked & { readonly api?: FacadeApi } = {}) {
  const world = withShares(faked.world ?? makeVaultWorld({ roles: ['engineer', 'sre'] }))
  const vault = await startVault({ readiness: async () => ({ ready: true, failing: [] }), ...faked, world })
  const token = facadeToken(world)
  const ask = (method: string, path: string, body?: unknown, headers: Sending['headers'] = {}): Promise<HttpAnswer> =>
    send(vault.url, { method, path: `/v1/${path}`, headers: { 'x-vault-token': token, 'x-vault-request': 'true', ...headers }, ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }) })
  const put = (path: string, data: unknown, options?: unknown) => ask('POST', `secret/data/${path}`, { data, ...(options === undefined ? {} : { options }) })
  const get = (path: string, query = '') => ask('GET', `secret/data/${path}${query}`)
  return { ...vault, token, ask, put, get }
}
export type TestFacade = Awaited<ReturnType<typeof startFacade>>
