import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeFrame, FrameReader, frameBytesLimit } from './frames.ts'

describe('frames', () => {
  test('come out as they went in, however the pipe cuts them', () => {
    const frame = fc.record({ head: fc.record({ op: fc.string() }), bytes: fc.uint8Array({ maxLength: 100 }) })
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 4 }), fc.array(fc.nat(40), { minLength: 1 }), (frames, cuts) => {
        const stream = Buffer.concat(frames.map(({ head, bytes }) => encodeFrame(head, bytes)))
        const reader = new FrameReader()
        const read = []
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = 1 + (cuts[i % cuts.length] ?? 0)
          read.push(...reader.push(Buffer.from(stream.subarray(at, at + size))))
          at += size
        }
        expect(read).toEqual(frames.map(({ head, bytes }) => ({ head, bytes: new Uint8Array(bytes) })))
      }),
    )
  })

  test('TST-54 a chunk is overwritten once it has been taken', () => {
    const chunk = encodeFrame({}, new Uint8Array(32).fill(0xa5))
    new FrameReader().push(chunk)
    expect(chunk.every((byte) => byte === 0)).toBe(true)
  })

  test.each<[string, () => Buffer]>([
    ['that is too long', () => Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0])],
    ['that is empty', () => Buffer.from([0, 0, 0, 1, 0, 0])],
    ['whose head is longer than itself', () => Buffer.from([0, 0, 0, 4, 0, 9, 0x7b, 0x7d])],
    ['whose head is not JSON', () => Buffer.from([0, 0, 0, 3, 0, 1, 0x7b])],
  ])('D-1 a frame %s ends the reading', (_, make) => expect(new FrameReader().push(make())).toEqual([undefined]))

  test('too long a frame is not made', () => expect(() => encodeFrame({}, new Uint8Array(frameBytesLimit))).toThrow(RangeError))
})
