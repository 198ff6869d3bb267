/*
 * Between a keystore and the process of its PKCS#11 module: four bytes with the length of the rest, two with the length of a JSON head, the
 * head, then raw bytes. Secrets travel in the raw part only, so that none becomes a string, and are wiped behind it.
 */

export interface Frame {
  readonly head: unknown
  /** A buffer of its own. */
  readonly bytes: Uint8Array
}

const prefixBytes = 6
export const frameBytesLimit = 64 * 1024

/** The caller wipes the result once it is written, if `bytes` is secret. */
export function encodeFrame(head: object, bytes: Uint8Array = new Uint8Array()): Buffer {
  const text = Buffer.from(JSON.stringify(head))
  const rest = 2 + text.length + bytes.length
  if (rest > frameBytesLimit) throw new RangeError('a frame that is too long')
  const frame = Buffer.alloc(4 + rest)
  frame.writeUInt32BE(rest, 0)
  frame.writeUInt16BE(text.length, 4)
  frame.set(text, prefixBytes)
  frame.set(bytes, prefixBytes + text.length)
  return frame
}

/** Puts frames together from what a pipe delivers. `undefined` as the last frame: what comes is no frame, and the pipe is useless. */
export class FrameReader {
  #held = Buffer.alloc(0)

  /** Takes the chunk over: it is overwritten. */
  push(chunk: Buffer): (Frame | undefined)[] {
    const joined = Buffer.alloc(this.#held.length + chunk.length)
    joined.set(this.#held)
    joined.set(chunk, this.#held.length)
    this.#held.fill(0)
    chunk.fill(0)
    const frames: (Frame | undefined)[] = []
    let at = 0
    while (joined.length - at >= prefixBytes) {
      const rest = joined.readUInt32BE(at)
      const end = at + 4 + rest
      if (rest < 2 || rest > frameBytesLimit) return [...frames, undefined]
      if (joined.length < end) break
      const frame = decode(joined.subarray(at + 4, end))
      frames.push(frame)
      at = end
      if (frame === undefined) return frames
    }
    // From a pool, small buffers would share memory that nobody wipes.
    this.#held = Buffer.alloc(joined.length - at)
    this.#held.set(joined.subarray(at))
    joined.fill(0)
    return frames
  }
}

function decode(rest: Buffer): Frame | undefined {
  const length = rest.readUInt16BE(0)
  if (2 + length > rest.length) return undefined
  try {
    return { head: JSON.parse(rest.toString('utf8', 2, 2 + length)) as unknown, bytes: new Uint8Array(rest.subarray(2 + length)) }
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
