import { createPublicKey, generateKeyPairSync, verify, type webcrypto } from 'node:crypto'
import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from '@hpke/core'
import { describe, expect, test } from 'vitest'
import { fromBase64url } from '@symbolon/protocol/bytes.ts'
import { evidenceList, type Evidence } from '@symbolon/protocol/evidence.ts'
import { parseProof } from '@symbolon/protocol/proof.ts'
import { sealedDigest, sealedInfo } from '@symbolon/protocol/sealed.ts'
import { jwkOf, testDeployment } from './deployment.testkit.ts'
import type { Deployment } from './deployment.ts'
import { failed, ok, type Outcome } from './errors.ts'
import { buildIntent, type BuiltIntent } from './intent.ts'
import { sealedCredential, sealIdToken } from './sealing.ts'

const suite = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
const base = testDeployment()
const receivers = await Promise.all([1, 2, 3].map(() => suite.kem.generateKeyPair()))
const receiver = (at: number): webcrypto.CryptoKeyPair => {
  const pair = receivers[at]
  if (pair === undefined) throw new Error(`no receiver ${at}`)
  return pair
}
const hpkeOf = async (key: webcrypto.CryptoKey) => {
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', key)
  return { kty, crv, x, y } as Deployment['keyset']['signers'][number]['hpke']
}
const signers = await Promise.all(base.keyset.signers.map(async (row, at) => ({ ...row, hpke: await hpkeOf(receiver(at).publicKey) })))
const deployment: Deployment = { keyset: { ...base.keyset, signers }, lineage: base.pin, pinned: true }
const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqb2IifQ.c2lnbmF0dXJl'
const { privateKey: key } = generateKeyPairSync('ed25519')
const now = 1_800_000_000

const built = (): BuiltIntent => {
  const made = buildIntent({ sub: 'job', scope: ['read:logs'] }, deployment, now)
  if (!made.ok) throw made.error
  return made.value
}
const buffer = (bytes: Uint8Array | undefined) => new Uint8Array(bytes ?? []).buffer
type Sealed = Extract<Evidence, { kind: 'sealed_id_token' }>
const openedBy = (at: number, { digest }: BuiltIntent, sealed: Sealed['sealed'][number] | undefined) =>
  suite.open({ recipientKey: receiver(at), enc: buffer(fromBase64url(sealed?.enc ?? '')), info: buffer(sealedInfo(digest)) }, buffer(fromBase64url(sealed?.ct ?? ''))).then((plain) => Buffer.from(plain).toString())
const credential = (over: Partial<Parameters<typeof sealedCredential>[0]> = {}) => sealedCredential({ description: 'a job', fetch: async () => ok(token), key, deployment: async () => ok(deployment), ...over })
const evidenceOf = async (intent: BuiltIntent): Promise<Sealed> => {
  const made = await credential().evidence(intent, now)
  const [only] = made.ok ? evidenceList.parse(made.value) : []
  if (only?.kind !== 'sealed_id_token') throw new Error('no sealed evidence')
  return only
}
const codeOf = (outcome: Outcome<unknown>) => (outcome.ok ? 'ok' : outcome.error.code)

describe('I-6 a sealed ID token', () => {
  test('opens at each signer with its own receive key, for this intent', async () => {
    const intent = built()
    const { sealed } = await evidenceOf(intent)
    expect(sealed.map(({ signer }) => signer)).toEqual([1, 2, 3])
    expect(await Promise.all(sealed.map((each, at) => openedBy(at, intent, each)))).toEqual([token, token, token])
  })

  test('opens for no other intent, and at no other signer', async () => {
    const intent = built()
    const { sealed } = await evidenceOf(intent)
    await expect(openedBy(0, built(), sealed[0])).rejects.toThrow()
    await expect(openedBy(1, intent, sealed[0])).rejects.toThrow()
  })

  test('is nowhere to be read in what travels, and twice sealed has nothing in common', async () => {
    const intent = built()
    const [one, two] = [await evidenceOf(intent), await evidenceOf(intent)]
    const shown = Buffer.from(JSON.stringify(one))
    for (const part of token.split('.')) expect(shown.includes(part)).toBe(false)
    expect(new Set([...one.sealed, ...two.sealed].map(({ ct }) => ct)).size).toBe(6)
  })

  test('comes with a proof by its owner’s key over this intent and these very ciphertexts', async () => {
    const intent = built()
    const { sealed, proof } = await evidenceOf(intent)
    const parsed = parseProof(proof)
    expect(parsed?.payload).toEqual({ iss: intent.intent.iss, intent: intent.digestText, kind: 'token', iat: now, of: sealedDigest(sealed) })
    const jwk = parsed?.header.jwk
    expect(jwk).toEqual(jwkOf(createPublicKey(key)))
    expect(verify(null, parsed?.jws.signingInput ?? new Uint8Array(), createPublicKey(key), parsed?.jws.signature ?? new Uint8Array())).toBe(true)
    expect(sealedDigest(sealed.toReversed())).not.toBe(sealedDigest(sealed))
  })

  test('is not sealed to keys that nobody vouched for', async () => {
    expect(codeOf(await credential({ deployment: async () => ok({ ...deployment, pinned: false }) }).evidence(built(), now))).toBe('credential_unusable')
    expect(codeOf(await credential({ deployment: async () => failed('pin_mismatch') }).evidence(built(), now))).toBe('pin_mismatch')
    expect(codeOf(await credential({ fetch: async () => failed('id_token_unavailable') }).evidence(built(), now))).toBe('id_token_unavailable')
  })

  test('fits the wire at its longest', async () => {
    const sealed = await sealIdToken({ token: 'a'.repeat(16_384), digest: built().digest, signers })
    expect(evidenceList.safeParse([{ kind: 'sealed_id_token', sealed, proof: 'a.b.c' }]).success).toBe(true)
  })
})
