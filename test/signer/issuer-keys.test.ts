import { request } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { encodeIntent, intentDigest, type TokenIntent } from '@symbolon/protocol/intent.ts'
import type { SignItem } from '@symbolon/protocol/sign.ts'
import { parseJwks } from '@symbolon/evidence/jwks.ts'
import { startIssuer, type RunningIssuer } from '../issuers/start.ts'
import { Stage, askSigner, commitmentsOf, outcomes, type Running } from './signer.testkit.ts'

let issuer: RunningIssuer
let stage: Stage
beforeAll(async () => {
  issuer = await startIssuer({ platform: 'github', claims: { repository_id: '42' } })
  stage = await Stage.open({ issuerRow: { ...issuer.row('forge'), keys: undefined } })
})
afterAll(async () => {
  await stage.close()
  await issuer.stop()
})

/** What the api and the coordinator would know: the keys as the issuer publishes them now. */
async function learn(): Promise<void> {
  const response = await request(issuer.row('forge').jwks_uri ?? '')
  const parsed = parseJwks(new Uint8Array(await response.body.arrayBuffer()))
  if (!parsed.ok) throw new Error(parsed.reason)
  stage.issuerKeys = new Map([['forge', { keys: parsed.keys, absent: new Set() }]])
}

const asking = (): TokenIntent => stage.intent({ sub: 'deploy' })
const tokenFor = (intent: TokenIntent, more: { unlisted?: boolean } = {}) => issuer.mint({ audience: `symbolon:${toBase64url(intentDigest(encodeIntent(intent)))}`, ...more })

async function itemFor(signer: Running, intent: TokenIntent, token: string): Promise<SignItem> {
  const [one, two] = (await commitmentsOf(signer, 2)).commitments
  if (one === undefined || two === undefined) throw new Error('no commitments')
  return stage.item(intent, [{ id: 1, commitment: one }, { id: 2, commitment: two }], [{ kind: 'id_token', token }])
}

test('S-3 a signer fetches an issuer’s keys itself, keeps them over a restart, and without them it vetoes nothing', async () => {
  await learn()
  const config = stage.signer(1).config('signer-1')
  const signer = await stage.start(config)
  const granted = asking()
  expect(outcomes(await askSigner(signer, [await itemFor(signer, granted, await tokenFor(granted))]))).toEqual(['signed'])

  // A key that no document lists is refused by name, once a fetch of just now has said so; until one may be made it is not judged.
  const forged = asking()
  const honest = await itemFor(signer, forged, await tokenFor(forged))
  const unlisted = { ...honest, evidence: [{ kind: 'id_token', token: await tokenFor(forged, { unlisted: true }) }] }
  expect(['issuer_keys_unavailable', 'refused id_token_invalid']).toContain(outcomes(await askSigner(signer, [unlisted]))[0])
  expect(outcomes(await askSigner(signer, [honest]))).toEqual(['signed'])
  await signer.kill('SIGTERM')

  await issuer.jwks({ status: 503 })
  const cached = await stage.start(config)
  const later = asking()
  expect(outcomes(await askSigner(cached, [await itemFor(cached, later, await tokenFor(later))]))).toEqual(['signed'])
  await cached.kill('SIGTERM')

  const cold = await stage.start(stage.signer(2).config('signer-2'))
  const intent = asking()
  const [one, two] = (await commitmentsOf(cold, 2)).commitments
  if (one === undefined || two === undefined) throw new Error('no commitments')
  const item = stage.item(intent, [{ id: 1, commitment: one }, { id: 2, commitment: two }], [{ kind: 'id_token', token: await tokenFor(intent) }])
  expect(outcomes(await askSigner(cold, [item]))).toEqual(['issuer_keys_unavailable'])
  await cold.kill('SIGTERM')
})
