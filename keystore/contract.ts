import { createECDH } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Result } from '@symbolon/core/errors.ts'
import { openArena } from '@symbolon/core/arena.ts'
import type { Secret } from '@symbolon/core/secret.ts'
import { fromBase64url, sha256, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { decodePoint, jwkOfPoint, verifyP256, type P256Jwk } from '@symbolon/protocol/p256.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { sealBlob } from './blob.ts'
import type { Keystore, KeystoreResult, SealHeader } from './keystore.ts'
import type { KeystorePlace } from './open.ts'

/* What every backend must do, and refuse. Each backend's test is a call of this. */

export interface Backend {
  create(place: KeystorePlace): Promise<KeystoreResult<Keystore>>
  open(place: KeystorePlace): Promise<KeystoreResult<Keystore>>
  /** The device's public sealing key, as an attacker may know it. */
  sealingKey(place: KeystorePlace): P256Jwk
}

const memory = openArena(16 * 4096)
const digest = (text: string) => toBase64url(sha256(utf8(text)))
const header = { kind: 'share', signer: 1, purpose: 'token', epoch: 2, group: digest('group'), plan: digest('plan') } as const satisfies SealHeader

function value<T>(result: Result<T, { code: string; detail: string }>): T {
  if (!result.ok) throw new Error(`${result.error.code} ${result.error.detail}`)
  return result.value
}
const codeOf = (result: Result<unknown, { code: string }>) => (result.ok ? 'ok' : result.error.code)

function secretOf(fill: number, length = 32): Secret {
  const secret = memory.take(length)
  secret.borrow((bytes) => bytes.fill(fill))
  return secret
}
const bytesOf = (secret: Secret) => secret.borrow((bytes) => Buffer.from(bytes).toString('hex'))

type Json = Record<string, unknown>
const edited = (blob: Uint8Array, edit: (json: Json) => Json): Uint8Array => canonical(edit(JSON.parse(Buffer.from(blob).toString()) as Json))
const withHeader = (blob: Uint8Array, change: Partial<typeof header> | Json) => edited(blob, (json) => ({ ...json, header: { ...(json['header'] as Json), ...change } }))

export function keystoreContract(name: string, backend: Backend): void {
  describe(`keystore ${name}`, () => {
    let root: string
    let keystore: Keystore
    let other: Keystore
    const place = (signer: number, folder = `signer-${signer}`): KeystorePlace => ({ folder: join(root, folder), signer, memory })
    const sealed = async (secret = secretOf(7)) => value(await keystore.seal(header, secret))

    beforeAll(async () => {
      root = mkdtempSync(join(tmpdir(), 'symbolon-keystore-'))
      keystore = value(await backend.create(place(1)))
      other = value(await backend.create(place(2)))
    })
    afterAll(async () => {
      await Promise.all([keystore.close(), other.close()])
      rmSync(root, { recursive: true })
    })

    test('gives back in locked memory what it sealed, and shows none of it', async () => {
      const secret = secretOf(0xa5)
      const blob = await sealed(secret)
      expect(bytesOf(value(await keystore.unseal(header, blob)))).toBe('a5'.repeat(32))
      const shown = [Buffer.from(blob).toString('latin1'), inspect(keystore, { depth: 9 }), JSON.stringify(keystore)].join()
      for (const spelling of [Buffer.alloc(9, 0xa5).toString('base64url'), 'a5a5a5a5a5', Buffer.alloc(8, 0xa5).toString('latin1')]) expect(shown).not.toContain(spelling)
    })

    test.each([1, 31, 32, 64])('seals %i bytes', async (length) => {
      const blob = await sealed(secretOf(3, length))
      expect(bytesOf(value(await keystore.unseal(header, blob)))).toBe('03'.repeat(length))
    })

    test('refuses more than 64 bytes', async () => {
      expect(codeOf(await keystore.seal(header, secretOf(1, 65)))).toBe('secret_too_long')
    })

    test('two blobs of one secret have nothing in common but what they are bound to', async () => {
      const [a, b] = [await sealed(), await sealed()].map((blob) => JSON.parse(Buffer.from(blob).toString()) as Json)
      expect(a?.['ephemeral']).not.toBe(b?.['ephemeral'])
      expect(a?.['ciphertext']).not.toBe(b?.['ciphertext'])
    })

    const changes: [string, Partial<Record<keyof typeof header, unknown>>][] = [
      ['purpose', { purpose: 'vault' }],
      ['group', { group: digest('other group') }],
      ['epoch', { epoch: 1 }],
      ['signer', { signer: 2 }],
      ['plan', { plan: digest('other plan') }],
    ]
    test.each(changes)('TST-50 a blob of another %s is refused, also when its header is rewritten', async (field, change) => {
      const blob = await sealed()
      const wanted = { ...header, ...change } as SealHeader
      expect(await keystore.unseal(wanted, blob)).toEqual({ ok: false, error: { code: 'blob_other_header', detail: field } })
      expect(codeOf(await keystore.unseal(wanted, withHeader(blob, change)))).toBe('blob_forged')
    })

    test('TST-50 a share is never opened as a receive key', async () => {
      const wanted: SealHeader = { kind: 'hpke', signer: 1, key: digest('key') }
      expect(codeOf(await keystore.unseal(wanted, await sealed()))).toBe('blob_other_header')
      expect(codeOf(await keystore.unseal(wanted, edited(await sealed(), (json) => ({ ...json, header: wanted }))))).toBe('blob_forged')
    })

    test('TST-50 a blob of another device is refused, also when its key id is rewritten', async () => {
      const theirs = value(await other.seal(header, secretOf(9)))
      const ours = JSON.parse(Buffer.from(await sealed()).toString()) as Json
      expect(codeOf(await keystore.unseal(header, theirs))).toBe('blob_other_key')
      expect(codeOf(await keystore.unseal(header, edited(theirs, (json) => ({ ...json, key: ours['key'] }))))).toBe('blob_forged')
    })

    test('TST-50 an altered ciphertext or ephemeral is refused', async () => {
      const [a, b] = [JSON.parse(Buffer.from(await sealed()).toString()) as Json, JSON.parse(Buffer.from(await sealed()).toString()) as Json]
      expect(codeOf(await keystore.unseal(header, canonical({ ...a, ciphertext: b['ciphertext'] })))).toBe('blob_forged')
      expect(codeOf(await keystore.unseal(header, canonical({ ...a, ephemeral: b['ephemeral'] })))).toBe('blob_forged')
      const bytes = fromBase64url(String(a['ciphertext'])) ?? new Uint8Array()
      for (const at of [0, 31, 32, 47]) {
        const flipped = bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))
        expect(codeOf(await keystore.unseal(header, canonical({ ...a, ciphertext: toBase64url(flipped) })))).toBe('blob_forged')
      }
    })

    const malformed: [string, (blob: Uint8Array) => Uint8Array][] = [
      ['empty', () => new Uint8Array()],
      ['truncated', (blob) => blob.subarray(0, -1)],
      ['followed by more', (blob) => Buffer.concat([blob, utf8('\n')])],
      ['of another version', (blob) => edited(blob, (json) => ({ ...json, v: 2 }))],
      ['of another profile', (blob) => edited(blob, (json) => ({ ...json, profile: 'p256-ecdh-v2' }))],
      ['with an unknown field', (blob) => edited(blob, (json) => ({ ...json, nonce: 'AAAA' }))],
      ['with an unknown header field', (blob) => withHeader(blob, { extra: 1 })],
      ['without a header', (blob) => edited(blob, ({ header: _, ...rest }) => rest)],
      ['with only a tag', (blob) => edited(blob, (json) => ({ ...json, ciphertext: toBase64url(new Uint8Array(16)) }))],
      ['huge', (blob) => Buffer.concat([blob, Buffer.alloc(4096, 0x20)])],
      ['not canonical', (blob) => utf8(JSON.stringify(JSON.parse(Buffer.from(blob).toString()), null, 1))],
    ]
    test.each(malformed)('SEC-05 a blob that is %s is refused', async (_name, break_) => {
      expect(codeOf(await keystore.unseal(header, break_(await sealed())))).toBe('blob_malformed')
    })

    const points: [string, Uint8Array][] = [
      ['of zeros', new Uint8Array(65).fill(4, 0, 1)],
      ['off the curve', new Uint8Array(65).fill(4, 0, 1).fill(1, 1)],
      ['over the field', new Uint8Array(65).fill(4, 0, 1).fill(0xff, 1)],
      ['compressed', new Uint8Array(65).fill(2, 0, 1)],
    ]
    test.each(points)('TST-53 a point %s is refused', async (_name, point) => {
      const blob = edited(await sealed(), (json) => ({ ...json, ephemeral: toBase64url(point) }))
      expect(codeOf(await keystore.unseal(header, blob))).toBe('point_refused')
    })

    test('TST-53 an ephemeral whose X starts with 0x3F opens', async () => {
      const ephemeral = createECDH('prime256v1')
      while (ephemeral.generateKeys()[1] !== 0x3f);
      const blob = value(sealBlob({ sealing: backend.sealingKey(place(1)), header, secret: secretOf(0x3f), memory, ephemeral }))
      expect(bytesOf(value(await keystore.unseal(header, blob)))).toBe('3f'.repeat(32))
    })

    test('the identity key signs, and only what it was given', async () => {
      const signature = value(await keystore.sign(utf8('statement')))
      expect(signature.length).toBe(64)
      expect(verifyP256(keystore.identity, utf8('statement'), signature)).toBe(true)
      expect(verifyP256(keystore.identity, utf8('statemen'), signature)).toBe(false)
      expect(verifyP256(other.identity, utf8('statement'), signature)).toBe(false)
    })

    test('TST-42 identity, sealing and receive key are three keys', () => {
      expect(new Set([keystore.identity.x, keystore.hpke.x, backend.sealingKey(place(1)).x]).size).toBe(3)
    })

    test('the receive key is the one whose public half it names', async () => {
      const ecdh = createECDH('prime256v1')
      value(await keystore.receiveKey()).borrow((bytes) => ecdh.setPrivateKey(bytes))
      const point = decodePoint(ecdh.getPublicKey())
      expect(point === undefined ? undefined : jwkOfPoint(point)).toEqual(keystore.hpke)
    })

    test.each<[string, () => Secret]>([
      ['another scalar', () => secretOf(9)],
      ['what is no scalar', () => secretOf(0)],
      ['what is too short', () => secretOf(9, 16)],
    ])('TST-50 a receive key that was replaced by %s does not open', async (what, secret) => {
      const target = place(7, `replaced by ${what}`)
      const made = value(await backend.create(target))
      const wanted: SealHeader = { kind: 'hpke', signer: 7, key: thumbprint(made.hpke) }
      writeFileSync(join(target.folder, 'hpke.sealed'), value(sealBlob({ sealing: backend.sealingKey(target), header: wanted, secret: secret(), memory })))
      await made.close()
      expect(codeOf(await backend.open(target))).toBe('receive_key_other')
    })

    test('opens again with the same keys and the same blobs', async () => {
      const blob = await sealed()
      const again = value(await backend.open(place(1)))
      expect([again.identity, again.hpke, again.signer]).toEqual([keystore.identity, keystore.hpke, 1])
      expect(bytesOf(value(await again.unseal(header, blob)))).toBe('07'.repeat(32))
      await again.close()
    })

    test('keys are made once', async () => {
      expect(codeOf(await backend.create(place(1)))).toBe('keystore_exists')
    })

    test('a keystore that was never made, or is another signer’s, does not open', async () => {
      expect(codeOf(await backend.open(place(1, 'nowhere')))).toBe('keystore_missing')
      expect(codeOf(await backend.open({ ...place(1), signer: 3 }))).toBe('keystore_other_signer')
    })

    test('answers nothing once it is closed', async () => {
      const short = value(await backend.open(place(1)))
      const blob = await sealed()
      await short.close()
      expect([codeOf(await short.sign(utf8('x'))), codeOf(await short.unseal(header, blob)), codeOf(await short.receiveKey())]).toEqual(['closed', 'closed', 'closed'])
    })
  })
}
