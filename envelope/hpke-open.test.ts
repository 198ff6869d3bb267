import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from '@hpke/core'
import { describe, expect, test } from 'vitest'
import { utf8 } from '@symbolon/protocol/bytes.ts'
import { openSealed, type ReplyPair } from './hpke-open.ts'

/* Another implementation of RFC 9180 seals what this one opens. */
const suite = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
const buffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer
const info = utf8('about this')

async function newKey(): Promise<{ readonly pair: ReplyPair; readonly own: Uint8Array }> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, false, ['deriveBits'])
  return { pair, own: new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)) }
}
async function sealedTo({ pair }: { readonly pair: ReplyPair }, plain: Uint8Array) {
  const sender = await suite.createSenderContext({ recipientPublicKey: pair.publicKey, info: buffer(info) })
  return { enc: new Uint8Array(sender.enc), ct: new Uint8Array(await sender.seal(buffer(plain))) }
}

describe('TST-43 what was sealed', () => {
  test.each([0, 1, 157, 2_600])('%i bytes by another implementation of RFC 9180 opens', async (length) => {
    const [key, plain] = [await newKey(), crypto.getRandomValues(new Uint8Array(length))]
    expect(Buffer.compare((await openSealed(await sealedTo(key, plain), key, info)) ?? utf8('nothing'), plain)).toBe(0)
  })

  test('opens with no other key, for no other purpose, and not altered', async () => {
    const [key, other] = [await newKey(), await newKey()]
    const sealed = await sealedTo(key, utf8('a partial'))
    expect(await openSealed(sealed, key, info)).toBeDefined()
    expect(await openSealed(sealed, other, info)).toBeUndefined()
    expect(await openSealed(sealed, { ...key, own: other.own }, info)).toBeUndefined()
    expect(await openSealed(sealed, key, utf8('about that'))).toBeUndefined()
    for (const place of [0, sealed.ct.length - 1]) {
      expect(await openSealed({ ...sealed, ct: sealed.ct.map((byte, at) => (at === place ? byte ^ 1 : byte)) }, key, info)).toBeUndefined()
    }
    for (const length of [0, 15]) expect(await openSealed({ ...sealed, ct: sealed.ct.subarray(0, length) }, key, info)).toBeUndefined()
  })

  test('under a point that is none, or is spelled otherwise, opens as nothing', async () => {
    const key = await newKey()
    const { enc, ct } = await sealedTo(key, utf8('a partial'))
    const offCurve = enc.map((byte, at) => (at === 64 ? byte ^ 1 : byte))
    const compressed = Uint8Array.of(2 + ((enc[64] ?? 0) & 1), ...enc.subarray(1, 33))
    for (const wrong of [offCurve, compressed, new Uint8Array(65), new Uint8Array(0), enc.subarray(0, 64)]) expect(await openSealed({ enc: wrong, ct }, key, info)).toBeUndefined()
  })
})
