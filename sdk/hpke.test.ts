import { createCipheriv, createECDH, createHmac, diffieHellman, createPrivateKey, createPublicKey } from 'node:crypto'
import { Aes128Gcm, Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from '@hpke/core'
import { describe, expect, test } from 'vitest'

/* RFC 9180, appendix A.3.1: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, base mode. The suite that ID tokens are sealed with differs in its
   AEAD alone, for which the RFC has no vectors with this KEM: there the RFC's own key schedule, written again below, says what must come out. */

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const hex = (value: ArrayBuffer | Uint8Array) => Buffer.from(new Uint8Array(value)).toString('hex')

const rfc = {
  info: bytes('4f6465206f6e2061204772656369616e2055726e'),
  ikmE: bytes('4270e54ffd08d79d5928020af4686d8f6b7d35dbe470265f1f5aa22816ce860e'),
  skE: bytes('4995788ef4b9d6132b249ce59a77281493eb39af373d236a1fe415cb0c2d7beb'),
  ikmR: bytes('668b37171f1072f3cf12ea8a236a45df23fc13b82af3609ad1e354f6ef817550'),
  pkR: '04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a826a779b4cf969b8a0e539c7f62fb3d30ad6aa8f80e30f1d128aafd68a2ce72ea0',
  enc: '04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4',
  sharedSecret: 'c0d26aeab536609a572b07695d933b589dcf363ff9d93c93adea537aeabb8cb8',
  key: '868c066ef58aae6dc589b6cfdd18f97e',
  baseNonce: '4e0bc5018beba4bf004cca59',
  plain: bytes('4265617574792069732074727574682c20747275746820626561757479'),
  sealed: ['5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434', 'fa6f037b47fc21826b610172ca9637e82d6e5801eb31cbd3748271affd4ecb06646e0329cbdf3c3cd655b28e82'],
}
const aad = (at: number) => new TextEncoder().encode(`Count-${at}`)

// A KDF keeps the suite that it was given to last: each has its own.
const suite = (aead: Aes128Gcm | Aes256Gcm) => new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead })
const suites = { 1: suite(new Aes128Gcm()), 2: suite(new Aes256Gcm()) } as const
const receiver = await suites[1].kem.deriveKeyPair(rfc.ikmR)
const sender = (aead: 1 | 2) => suites[aead].createSenderContext({ recipientPublicKey: receiver.publicKey, info: rfc.info, ekm: rfc.ikmE })

describe('RFC 9180, A.3.1', () => {
  test('the receiver’s key and the encapsulated one', async () => {
    expect([hex(await suites[1].kem.serializePublicKey(receiver.publicKey)), hex((await sender(1)).enc)]).toEqual([rfc.pkR, rfc.enc])
  })

  test('the first two messages, sealed and opened', async () => {
    const [from, to] = [await sender(1), await suites[1].createRecipientContext({ recipientKey: receiver, enc: bytes(rfc.enc), info: rfc.info })]
    for (const [at, expected] of rfc.sealed.entries()) {
      expect(hex(await from.seal(rfc.plain, aad(at)))).toBe(expected)
      expect(hex(await to.open(bytes(expected), aad(at)))).toBe(hex(rfc.plain))
    }
  })
})

/* RFC 9180, sections 4 and 5.1, once more, from node:crypto's HMAC, ECDH and GCM. */

const label = (text: string) => Buffer.from(text)
const u16 = (...values: number[]) => Buffer.concat(values.map((value) => Buffer.from([value >> 8, value & 0xff])))
const hmac = (key: Uint8Array, ...data: Uint8Array[]) => createHmac('sha256', key).update(Buffer.concat(data)).digest()
const extract = (suiteId: Uint8Array, salt: Uint8Array, name: string, ikm: Uint8Array) => hmac(salt, label('HPKE-v1'), suiteId, label(name), ikm)
/** At most 32 bytes: one block of HKDF-Expand. */
const expand = (suiteId: Uint8Array, prk: Uint8Array, name: string, info: Uint8Array, length: number) => hmac(prk, u16(length), label('HPKE-v1'), suiteId, label(name), info, Uint8Array.of(1)).subarray(0, length)

function sharedSecret(): Buffer {
  const [kem, empty] = [Buffer.concat([label('KEM'), u16(0x0010)]), new Uint8Array()]
  const ephemeral = createECDH('prime256v1')
  ephemeral.setPrivateKey(rfc.skE)
  const jwk = (point: Uint8Array) => ({ kty: 'EC', crv: 'P-256', x: Buffer.from(point.subarray(1, 33)).toString('base64url'), y: Buffer.from(point.subarray(33)).toString('base64url') })
  const privateKey = createPrivateKey({ format: 'jwk', key: { ...jwk(ephemeral.getPublicKey()), d: Buffer.from(rfc.skE).toString('base64url') } })
  const dh = diffieHellman({ privateKey, publicKey: createPublicKey({ format: 'jwk', key: jwk(bytes(rfc.pkR)) }) })
  return expand(kem, extract(kem, empty, 'eae_prk', dh), 'shared_secret', Buffer.concat([bytes(rfc.enc), bytes(rfc.pkR)]), 32)
}

function schedule(aead: 1 | 2): { key: Buffer; nonce: Buffer } {
  const [suiteId, empty] = [Buffer.concat([label('HPKE'), u16(0x0010, 0x0001, aead)]), new Uint8Array()]
  const context = Buffer.concat([Uint8Array.of(0), extract(suiteId, empty, 'psk_id_hash', empty), extract(suiteId, empty, 'info_hash', rfc.info)])
  const secret = extract(suiteId, sharedSecret(), 'secret', empty)
  return { key: expand(suiteId, secret, 'key', context, 16 * aead), nonce: expand(suiteId, secret, 'base_nonce', context, 12) }
}

function gcm({ key, nonce }: ReturnType<typeof schedule>): string {
  const cipher = createCipheriv(key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm', key, nonce).setAAD(aad(0))
  return hex(Buffer.concat([cipher.update(rfc.plain), cipher.final(), cipher.getAuthTag()]))
}

describe('the suite of sealed ID tokens', () => {
  test('the key schedule here is the RFC’s', () => {
    const { key, nonce } = schedule(1)
    expect([hex(sharedSecret()), hex(key), hex(nonce), gcm({ key, nonce })]).toEqual([rfc.sharedSecret, rfc.key, rfc.baseNonce, rfc.sealed[0]])
  })

  test('with AES-256-GCM it says what comes out', async () => {
    const sealed = await (await sender(2)).seal(rfc.plain, aad(0))
    expect(hex(sealed)).toBe(gcm(schedule(2)))
    expect(hex(await suites[2].open({ recipientKey: receiver, enc: bytes(rfc.enc), info: rfc.info }, sealed, aad(0)))).toBe(hex(rfc.plain))
  })
})
