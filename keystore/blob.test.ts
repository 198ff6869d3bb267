import { createCipheriv, createECDH, createHash, hkdfSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { openArena } from '@symbolon/core/arena.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { decodePoint, jwkOfPoint } from '@symbolon/protocol/p256.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { readBlob, sealBlob } from './blob.ts'
import type { SealHeader } from './keystore.ts'

const memory = openArena(4096)
const keyOf = (fill: number) => {
  const ecdh = createECDH('prime256v1')
  ecdh.setPrivateKey(Buffer.alloc(32, fill))
  return ecdh
}
const [device, ephemeral] = [keyOf(1), keyOf(2)]
const point = decodePoint(device.getPublicKey())
if (point === undefined) throw new Error('no point')
const sealing = jwkOfPoint(point)
const header: SealHeader = { kind: 'share', signer: 3, purpose: 'record', epoch: 4, group: toBase64url(new Uint8Array(32).fill(5)), plan: toBase64url(new Uint8Array(32).fill(6)) }

describe('profile p256-ecdh-v1', () => {
  test('is what its description says, byte for byte', () => {
    using secret = memory.take(32)
    secret.borrow((bytes) => bytes.fill(7))
    const sealed = sealBlob({ sealing, header, secret, memory, ephemeral })
    // The same once more, from the description alone.
    const prefixed = (part: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, part.length]), part])
    const canonicalHeader = `{"epoch":4,"group":"${header.group}","kind":"share","plan":"${header.plan}","purpose":"record","signer":3}`
    const parts = [Buffer.from('p256-ecdh-v1'), Buffer.from(thumbprint(sealing)), ephemeral.getPublicKey(), Buffer.from(canonicalHeader)]
    const bound = Buffer.concat([Buffer.from('symbolon/seal/v1\0'), ...parts.map(prefixed)])
    const okm = Buffer.from(hkdfSync('sha256', ephemeral.computeSecret(device.getPublicKey()), '', createHash('sha256').update(bound).digest(), 44))
    const cipher = createCipheriv('aes-256-gcm', okm.subarray(0, 32), okm.subarray(32))
    cipher.setAAD(bound)
    const ciphertext = Buffer.concat([cipher.update(Buffer.alloc(32, 7)), cipher.final(), cipher.getAuthTag()])
    const expected = `{"ciphertext":"${ciphertext.toString('base64url')}","ephemeral":"${ephemeral.getPublicKey().toString('base64url')}","header":${canonicalHeader},"key":"${thumbprint(sealing)}","profile":"p256-ecdh-v1","v":1}`
    expect(sealed.ok && Buffer.from(sealed.value).toString()).toBe(expected)
  })

  test('a wrong agreement opens nothing', () => {
    using secret = memory.take(32)
    const sealed = sealBlob({ sealing, header, secret, memory, ephemeral })
    const read = readBlob({ sealing, header, blob: sealed.ok ? sealed.value : new Uint8Array(), memory })
    if (!read.ok) throw new Error(read.error.code)
    using agreed = memory.take(32)
    expect(read.value.open(agreed)).toMatchObject({ ok: false, error: { code: 'blob_forged' } })
  })
})
