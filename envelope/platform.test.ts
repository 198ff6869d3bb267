import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { heapMemory, type Secret } from '@symbolon/core/secret.ts'
import * as browser from './platform-browser.ts'
import * as node from './platform-node.ts'

/* Both halves of `#platform` do the same: what one closes the other opens. */

const halves: readonly (readonly [string, typeof node & typeof browser, typeof node & typeof browser])[] = [['node', node, browser], ['browser', browser, node]]
const key = (fill: number): Secret => {
  const secret = heapMemory.take(32)
  secret.borrow((bytes) => bytes.fill(fill))
  return secret
}
const cipher = { key: key(7), iv: new Uint8Array(12).fill(1), additional: new Uint8Array([1, 2, 3]) }

describe.each(halves)('AES-256-GCM in %s', (_name, half, other) => {
  test('what it closes, the other opens', () =>
    fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 40 }), async (plain, additional) => {
        const body = await half.encrypt({ ...cipher, additional }, plain)
        expect(body.length).toBe(plain.length + 16)
        expect(Array.from(body)).toEqual(Array.from(await other.encrypt({ ...cipher, additional }, plain)))
        expect(Array.from((await other.decrypt({ ...cipher, additional }, body)) ?? [-1])).toEqual(Array.from(plain))
      }),
    ))

  test('the known answer', async () => {
    // The GCM specification (McGrew and Viega), test case 16.
    const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'))
    const secret = heapMemory.take(32)
    secret.borrow((bytes) => bytes.set(hex('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308')))
    const plain = hex('d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39')
    const body = await half.encrypt({ key: secret, iv: hex('cafebabefacedbaddecaf888'), additional: hex('feedfacedeadbeeffeedfacedeadbeefabaddad2') }, plain)
    expect(Buffer.from(body).toString('hex')).toBe('522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b')
  })

  test.each<[string, (body: Uint8Array) => Promise<Uint8Array | undefined>]>([
    ['another key', (body) => half.decrypt({ ...cipher, key: key(8) }, body)],
    ['another iv', (body) => half.decrypt({ ...cipher, iv: new Uint8Array(12) }, body)],
    ['another label', (body) => half.decrypt({ ...cipher, additional: new Uint8Array([1, 2]) }, body)],
    ['a flipped bit', (body) => half.decrypt(cipher, body.with(3, (body[3] ?? 0) ^ 1))],
    ['a flipped bit of the tag', (body) => half.decrypt(cipher, body.with(body.length - 1, (body.at(-1) ?? 0) ^ 1))],
    ['a cut tag', (body) => half.decrypt(cipher, body.subarray(0, -1))],
    ['a tag alone', (body) => half.decrypt(cipher, body.subarray(-16))],
    ['less than a tag', async () => half.decrypt(cipher, new Uint8Array(15))],
    ['nothing', async () => half.decrypt(cipher, new Uint8Array())],
  ])('does not open under %s', async (_case, open) => expect(await open(await half.encrypt(cipher, new Uint8Array([9, 8, 7, 6])))).toBeUndefined())

  test('a view into a larger buffer is closed from where it begins', async () => {
    const whole = Uint8Array.from({ length: 40 }, (_, at) => at)
    const body = await half.encrypt(cipher, whole.subarray(7, 20))
    expect(Array.from((await half.decrypt(cipher, body)) ?? [])).toEqual(Array.from(whole.subarray(7, 20)))
  })

  test('a wiped key is a bug, not another key', async () => {
    const wiped = key(1)
    wiped.wipe()
    await expect(half.encrypt({ ...cipher, key: wiped }, new Uint8Array(1))).rejects.toMatchObject({ code: 'secret_wiped' })
  })
})
