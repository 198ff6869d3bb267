import { generateKeyPairSync } from 'node:crypto'
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { sealedDigest } from '@symbolon/protocol/sealed.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import type { Prepared } from '@symbolon/sdk/client.ts'
import { publicJwk, signProof, tokenCredential, type Credential } from '@symbolon/sdk/credential.ts'
import { ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { sealedCredential } from '@symbolon/sdk/sealing.ts'
import { bearerAudience, startCiWorld, type CiWorld } from '../api/world.testkit.ts'

/* A job whose platform gives it one ID token for all its requests, on a whole deployment. */

let world: CiWorld
beforeAll(async () => {
  world = await startCiWorld()
})
afterAll(() => world?.stop())

/** What the job's machine remembers. */
let state: string
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'symbolon-state-'))
})
afterEach(() => rm(state, { recursive: true, force: true }))

const jobToken = () => world.issuers.runner.mint({ audience: bearerAudience })
const job = (args: readonly string[], more: Record<string, string>) => world.stack.cli(args, { SYMBOLON_HOME: '', SYMBOLON_ADDR: world.addr, SYMBOLON_PIN: world.pin, SYMBOLON_SUBJECT: 'job-runner', XDG_STATE_HOME: state, ...more })
const mint = (token: string, more: Record<string, string> = {}, scope = 'read:logs') => job(['mint', '--scope', scope, '-o', 'jwt'], { SYMBOLON_ID_TOKEN: token, ...more })

const freshKey = () => generateKeyPairSync('ed25519').privateKey
const wish = { sub: 'job-runner', scope: ['read:logs'] }
const sealedBy = (key: ReturnType<typeof freshKey>, token: string): Credential => sealedCredential({ description: 'a job', fetch: async () => ok(token), key, deployment: world.client.deployment })
const codeOf = (outcome: Outcome<unknown>) => (outcome.ok ? 'ok' : outcome.error.code)
const evidenceOf = async (credential: Credential, { built }: Prepared): Promise<Extract<Evidence, { kind: 'sealed_id_token' }>> => {
  const made = await credential.evidence(built, Math.floor(Date.now() / 1000))
  const [item] = made.ok ? made.value : []
  if (item?.kind !== 'sealed_id_token') throw new Error('no sealed evidence')
  return item
}

describe('the command line in such a job', () => {
  test('mints as often as it likes with one token, under the ceiling of its row', async () => {
    const token = await jobToken()
    for (const _ of ['first', 'second']) {
      const { code, stdout, stderr } = await mint(token)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      const claims = decodeJwt(stdout.trim())
      expect(claims).toMatchObject({ sub: 'job-runner', scope: 'read:logs', 'urn:symbolon:v1': { origin: { kind: 'id_token', class: 'static', ceiling: { scope: ['read:logs'], max_ttl: 300 } } } })
      expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(300)
    }
    expect(await readdir(join(state, 'symbolon/id-token-keys'))).toHaveLength(1)
  })

  test('mints with a projected token, which a kubelet leaves in a file', async () => {
    const path = join(state, 'token')
    await writeFile(path, await jobToken())
    await chmod(path, 0o644)
    expect(await job(['mint', '--scope', 'read:logs', '-o', 'jwt'], { SYMBOLON_ID_TOKEN_FILE: path })).toMatchObject({ code: 0, stderr: '' })
  })

  test('I-6 gets nothing beyond the ceiling, and nothing at all in clear', async () => {
    expect((await mint(await jobToken(), {}, 'write:staging')).code).toBe(3)
    expect((await mint(await jobToken(), { SYMBOLON_ID_TOKEN_CLASS: 'bearer' })).stderr).toContain('id_token_class')
  })

  test('I-6 whoever stole the token and has another key comes too late', async () => {
    const token = await jobToken()
    expect((await mint(token)).code).toBe(0)
    expect(await mint(token, { XDG_STATE_HOME: join(state, 'thief') })).toMatchObject({ code: 7, stderr: expect.stringContaining('evidence_spent') })
    expect((await mint(token)).code).toBe(0)
  })
})

describe('I-6 whoever owns the api', () => {
  test('opens what was sealed for one intent under no other, and takes nothing from its owner by trying', async () => {
    const [token, owner, thief] = [await jobToken(), freshKey(), freshKey()]
    const asked = await world.client.prepare(wish)
    if (!asked.ok) throw asked.error
    const { sealed } = await evidenceOf(sealedBy(owner, token), asked.value)
    const replay: Credential = {
      description: 'a thief',
      evidence: async (built, now) => {
        const proof = signProof({ key: thief, built, now, of: sealedDigest(sealed) })
        return proof.ok ? ok([{ kind: 'sealed_id_token', sealed, proof: proof.value }]) : proof
      },
    }
    expect(codeOf(await world.client.mint(wish, replay))).toBe('sealed_unreadable')
    expect(codeOf(await world.client.mintPrepared(asked.value, sealedBy(owner, token)))).toBe('ok')
  })

  test('cannot put another proof beside the ciphertexts of an intent that it saw served', async () => {
    const [token, owner, thief] = [await jobToken(), freshKey(), freshKey()]
    const asked = await world.client.prepare(wish)
    if (!asked.ok) throw asked.error
    const item = await evidenceOf(sealedBy(owner, token), asked.value)
    const shown: Credential = { description: 'the job', evidence: async () => ok([item]) }
    expect(codeOf(await world.client.mintPrepared(asked.value, shown))).toBe('ok')
    const swapped: Credential = {
      description: 'a thief',
      evidence: async (built, now) => {
        const proof = signProof({ key: thief, built, now, of: sealedDigest(item.sealed) })
        return proof.ok ? ok([{ ...item, proof: proof.value }]) : proof
      },
    }
    expect(codeOf(await world.client.mintPrepared(asked.value, swapped))).toBe('intent_bound_otherwise')
  })

  test('a token that was made from it passes the ceiling on', async () => {
    const key = freshKey()
    const jwk = publicJwk(key)
    if (!jwk.ok) throw jwk.error
    const keyset = await world.client.deployment()
    if (!keyset.ok) throw keyset.error
    const made = await world.client.mint({ ...wish, aud: keyset.value.keyset.issuer, jkt: thumbprint(jwk.value) }, sealedBy(freshKey(), await jobToken()))
    if (!made.ok) throw made.error
    const credential = tokenCredential({ token: made.value.token, key })
    expect(codeOf(await world.client.mint({ ...wish, scope: ['write:staging'] }, credential))).toMatch(/scope|ceiling/)
    const again = await world.client.mint(wish, credential)
    if (!again.ok) throw again.error
    expect(again.value.claims['urn:symbolon:v1'].origin).toMatchObject({ ceiling: { scope: ['read:logs'] } })
    expect(again.value.claims.exp).toBeLessThanOrEqual(made.value.claims.exp)
  })
})
