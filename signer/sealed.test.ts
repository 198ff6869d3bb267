import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Aes128Gcm, Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from '@hpke/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { heapMemory } from '@symbolon/core/secret.ts'
import type { Keystore } from '@symbolon/keystore/keystore.ts'
import { createMemoryKeystore } from '@symbolon/keystore/memory.testkit.ts'
import { intentOf, keyEvidence, makeWorld } from '@symbolon/policy/judge.testkit.ts'
import type { Judgement, JudgeRequest } from '@symbolon/policy/judgement.ts'
import { toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { encodeIntent, intentDigest } from '@symbolon/protocol/intent.ts'
import { pointOfJwk, type P256Jwk } from '@symbolon/protocol/p256.ts'
import { sealedInfo, type SealedEvidence } from '@symbolon/protocol/sealed.ts'
import type { Batch } from './judging.ts'
import { openUnsealer, unsealing, type Unseal } from './sealed.ts'

const world = makeWorld()
const intent = encodeIntent(intentOf(world))
const other = encodeIntent(intentOf(world, { nonce: toBase64url(new Uint8Array(16).fill(9)) }))
const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqb2IifQ.c2ln'
let folder: string
let keystore: Keystore
let unseal: Unseal
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'signer-sealed-'))
  const made = await createMemoryKeystore(new Map(), { folder, signer: 2, memory: heapMemory })
  if (!made.ok) throw new Error(made.error.code)
  keystore = made.value
  unseal = await openUnsealer(keystore, heapMemory)
})
afterAll(async () => {
  await keystore.close()
  rmSync(folder, { recursive: true })
})

type Sealing = { readonly to?: P256Jwk; readonly signer?: number; readonly intent?: Uint8Array; readonly info?: Uint8Array; readonly plain?: Uint8Array; readonly aead?: Aes128Gcm | Aes256Gcm }
async function seal({ to = keystore.hpke, signer = 2, intent: bytes = intent, info = sealedInfo(intentDigest(bytes)), plain = utf8(token), aead = new Aes256Gcm() }: Sealing = {}): Promise<SealedEvidence['sealed'][number]> {
  const suite = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead })
  const point = pointOfJwk(to)
  if (point === undefined) throw new Error('a point')
  const { enc, ct } = await suite.seal({ recipientPublicKey: await suite.kem.deserializePublicKey(new Uint8Array(point).buffer), info: new Uint8Array(info).buffer }, new Uint8Array(plain).buffer)
  return { signer, enc: toBase64url(new Uint8Array(enc)), ct: toBase64url(new Uint8Array(ct)) }
}
const evidenceOf = (...sealed: SealedEvidence['sealed']): Evidence[] => [{ kind: 'sealed_id_token', sealed, proof: 'a.b.c' }]

test('what is sealed to this signer opens, whatever is sealed to others', async () => {
  expect(await unseal({ intent, evidence: evidenceOf({ ...(await seal()), signer: 1 }, await seal(), { ...(await seal()), signer: 3 }) })).toEqual({ token })
})

describe('I-6 it opens for no other intent, and as nothing else', () => {
  const attacks: [string, () => Promise<Evidence[]>, Uint8Array?][] = [
    ['another intent', async () => evidenceOf(await seal()), other],
    ['a digest under another tag', async () => evidenceOf(await seal({ info: utf8('another tag') }))],
    ['another signer’s key', async () => evidenceOf(await seal({ to: world.roster.signers[0]?.hpke ?? keystore.identity }))],
    ['nothing for this signer', async () => evidenceOf({ ...(await seal()), signer: 1 })],
    ['two for this signer', async () => evidenceOf(await seal(), await seal())],
    ['another cipher', async () => evidenceOf(await seal({ aead: new Aes128Gcm() }))],
    ['a ciphertext that was changed', async () => evidenceOf({ ...(await seal()), ct: (await seal()).ct })],
    ['a point that is not on the curve', async () => evidenceOf({ ...(await seal()), enc: toBase64url(new Uint8Array(65).fill(4)) })],
    ['a ciphertext shorter than its tag', async () => evidenceOf({ ...(await seal()), ct: toBase64url(new Uint8Array(3)) })],
    ['what is no text', async () => evidenceOf(await seal({ plain: Uint8Array.of(0xff, 0xfe) }))],
    ['more than a token may be', async () => evidenceOf(await seal({ plain: new Uint8Array(16_385).fill(0x61) }))],
  ]
  test.each(attacks)('%s', async (_, attack, bytes = intent) => {
    expect(await unseal({ intent: bytes, evidence: await attack() })).toBe('unreadable')
  })
})

describe('before judging', () => {
  const seen: (readonly JudgeRequest[])[] = []
  const judge = (answer?: 'busy') =>
    unsealing(unseal, async ({ requests }: Batch<JudgeRequest>): Promise<readonly Judgement[] | 'busy'> => {
      seen.push(requests)
      return answer ?? requests.map(() => ({ verdict: 'unavailable', code: 'ill' }))
    })
  const request = (evidence: readonly Evidence[], bytes = intent): JudgeRequest => ({ intent: bytes, evidence, approvals: [], asserted: {} })

  test('the judge is given what was opened; what does not open is refused and never reaches it, where it would be presumed', async () => {
    seen.length = 0
    const plain = request([keyEvidence(world, intentOf(world))])
    const good = request(evidenceOf(await seal()))
    const bad = request(evidenceOf(await seal({ intent: other })))
    const judged = await judge()({ requests: [bad, plain, good, bad], clock: 1 })
    expect(seen).toEqual([[plain, { ...good, opened: token }]])
    expect(judged).toEqual([
      { verdict: 'refused', digest: intentDigest(intent), reasons: [expect.objectContaining({ code: 'sealed_unreadable' })] },
      { verdict: 'unavailable', code: 'ill' },
      { verdict: 'unavailable', code: 'ill' },
      expect.objectContaining({ verdict: 'refused' }),
    ])
  })

  test('a request cannot bring its own opened token', async () => {
    seen.length = 0
    await judge()({ requests: [request([{ kind: 'sealed_id_token', sealed: [await seal()], proof: 'a.b.c' }, ...evidenceOf(await seal())])], clock: 1 })
    expect(seen[0]?.[0]).not.toHaveProperty('opened')
  })

  test('a judge that does not answer is no refusal of what was opened', async () => {
    expect(await judge('busy')({ requests: [request(evidenceOf(await seal())), request(evidenceOf())], clock: 1 })).toMatchObject([{ verdict: 'unavailable', code: 'busy' }, { verdict: 'refused' }])
  })

  test('an intent that cannot be read has no digest', async () => {
    const [judged] = (await judge()({ requests: [request(evidenceOf(), utf8('{}'))], clock: 1 })) as readonly unknown[]
    expect(judged).not.toHaveProperty('digest')
    expect(judged).toMatchObject({ verdict: 'refused' })
  })
})
