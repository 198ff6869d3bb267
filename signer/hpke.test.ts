import { createECDH, generateKeyPairSync, randomBytes } from 'node:crypto'
import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256, HpkeError } from '@hpke/core'
import { describe, expect, test } from 'vitest'
import { utf8 } from '@symbolon/protocol/bytes.ts'
import { isReplyKey, seal } from './hpke.ts'

/* The other implementation opens what this one seals. */
const suite = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
const buffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer
const pair = await suite.kem.generateKeyPair()
const to = new Uint8Array(await suite.kem.serializePublicKey(pair.publicKey))
const open = async ({ enc, ct }: ReturnType<typeof seal>, info: Uint8Array, recipientKey = pair.privateKey) => new Uint8Array(await suite.open({ recipientKey, enc: buffer(enc), info: buffer(info) }, buffer(ct)))

describe('TST-43 what is sealed', () => {
  test.each([0, 1, 157, 2_600])('%i bytes: another implementation of RFC 9180 opens it', async (length) => {
    const [plain, info] = [new Uint8Array(randomBytes(length)), utf8('about this')]
    const sealed = seal({ to, info }, plain)
    expect([sealed.enc.length, sealed.ct.length]).toEqual([65, length + 16])
    expect(await open(sealed, info)).toEqual(plain)
  })

  test('opens with no other key, for no other purpose, and not altered', async () => {
    const info = utf8('about this')
    const sealed = seal({ to, info }, utf8('a partial'))
    const other = await suite.kem.generateKeyPair()
    await expect(open(sealed, info, other.privateKey)).rejects.toBeInstanceOf(HpkeError)
    await expect(open(sealed, utf8('about that'))).rejects.toBeInstanceOf(HpkeError)
    for (const place of [0, sealed.ct.length - 1]) {
      const ct = Uint8Array.from(sealed.ct, (byte, at) => (at === place ? byte ^ 1 : byte))
      await expect(open({ ...sealed, ct }, info)).rejects.toBeInstanceOf(HpkeError)
    }
  })

  test('is never sealed twice alike', () => {
    const [one, two] = [seal({ to, info: to }, to), seal({ to, info: to }, to)]
    expect(Buffer.compare(one.enc, two.enc)).not.toBe(0)
    expect(Buffer.compare(one.ct, two.ct)).not.toBe(0)
  })
})

describe('SEC-01 a key to reply to', () => {
  test('is an uncompressed point of P-256', () => {
    expect(isReplyKey(to)).toBe(true)
  })

  test.each<[string, () => Uint8Array]>([
    ['off the curve', () => Uint8Array.from(to, (byte, at) => (at === 64 ? byte ^ 1 : byte))],
    ['of zeros', () => Uint8Array.from({ length: 65 }, (_, at) => (at === 0 ? 4 : 0))],
    ['with a coordinate that is not reduced', () => Uint8Array.from({ length: 65 }, (_, at) => (at === 0 ? 4 : 0xff))],
    ['compressed', () => createECDHKey('compressed')],
    ['in the hybrid form', () => createECDHKey('hybrid')],
    ['of another curve', () => new Uint8Array(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'der', type: 'spki' }).subarray(-65))],
    ['of nothing', () => new Uint8Array()],
    ['too long', () => new Uint8Array([...to, 0])],
  ])('is none: %s', (_, make) => {
    expect(isReplyKey(make())).toBe(false)
  })
})

function createECDHKey(format: 'compressed' | 'hybrid'): Uint8Array {
  const key = createECDH('prime256v1')
  key.generateKeys()
  return new Uint8Array(key.getPublicKey(null, format))
}
