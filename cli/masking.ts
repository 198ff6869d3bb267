import { Transform } from 'node:stream'
import { formsOf } from './mask.ts'

/*
 * Takes secrets out of a stream of bytes, wherever its chunks end. All secrets are looked for at once (Aho and Corasick, 1975); every byte
 * that any of them covers is taken out, so that two that overlap leave nothing of either. What may still become a secret is held back.
 */

const mark = Buffer.from('***')
/** Shorter forms would take out half of any text. */
export const minimumMasked = 4

/** All that a program may print a secret as: whole, by line, escaped, and encoded at any offset. */
export function maskForms(secret: string): readonly string[] {
  const bytes = Buffer.from(secret)
  const shapes = [secret, ...formsOf(secret), JSON.stringify(secret).slice(1, -1), ...urlForms(secret), ...secret.split(/\r?\n/).flatMap(urlForms), bytes.toString('hex'), bytes.toString('hex').toUpperCase(), ...base64Forms(bytes)]
  return [...new Set(shapes)].filter((shape) => shape.trim().length >= minimumMasked)
}

const urlForms = (text: string): readonly string[] => {
  // Lone surrogates have no URL form.
  const encoded = encodeURIComponent(text.toWellFormed())
  return [encoded, encoded.replaceAll('%20', '+'), encoded.replaceAll(/%[0-9A-F]{2}/g, (found) => found.toLowerCase())]
}

/** As it stands in base64 of something longer: at each of three offsets, without the characters that its neighbours decide. */
function base64Forms(bytes: Buffer): readonly string[] {
  const whole = [bytes.toString('base64'), bytes.toString('base64url')]
  const inside = [0, 1, 2].flatMap((offset) => {
    const skipped = Math.ceil((offset * 8) / 6)
    const sure = Math.floor(((offset + bytes.length) * 8) / 6)
    return (['base64', 'base64url'] as const).map((form) => Buffer.concat([Buffer.alloc(offset), bytes]).toString(form).slice(skipped, sure))
  })
  // Shorter ones stand in much that is no secret.
  return [...whole, ...inside.filter((text) => text.length >= 8)]
}

interface Node {
  readonly next: Map<number, Node>
  readonly depth: number
  /** The longest proper suffix that begins a secret. */
  fallback: Node | undefined
  /** Of the longest secret that ends here. */
  ends: number
}

function automaton(patterns: readonly Buffer[]): Node {
  const root: Node = { next: new Map(), depth: 0, fallback: undefined, ends: 0 }
  for (const pattern of patterns) {
    let node = root
    for (const byte of pattern) {
      const found = node.next.get(byte) ?? { next: new Map(), depth: node.depth + 1, fallback: root, ends: 0 }
      node.next.set(byte, found)
      node = found
    }
    node.ends = node.depth
  }
  const queue = [...root.next.values()]
  for (const node of queue) {
    for (const [byte, child] of node.next) {
      child.fallback = step(node.fallback ?? root, byte)
      child.ends = Math.max(child.ends, child.fallback.ends)
      queue.push(child)
    }
  }
  return root
}

function step(from: Node, byte: number): Node {
  for (let node: Node = from; ; ) {
    const found = node.next.get(byte)
    if (found !== undefined) return found
    if (node.fallback === undefined) return node
    node = node.fallback
  }
}

export interface Masker {
  /** What can be shown by now. */
  push(chunk: Uint8Array): Buffer
  /** The rest. */
  end(): Buffer
}

/** @param forms what to take out, as `maskForms` gives it */
export function openMasker(forms: readonly string[]): Masker {
  const root = automaton(forms.filter((form) => form.length > 0).map((form) => Buffer.from(form)))
  let state = root
  let held = Buffer.alloc(0)
  /** One for each held byte: 1 where a secret covers it. */
  let covered = new Uint8Array(0)
  let masking = false

  const release = (count: number): Buffer => {
    const out: Buffer[] = []
    for (let at = 0; at < count; ) {
      const isSecret = covered[at] === 1
      let end = at
      while (end < count && (covered[end] === 1) === isSecret) end += 1
      if (!isSecret) out.push(held.subarray(at, end))
      else if (!masking) out.push(mark)
      masking = isSecret
      at = end
    }
    const shown = Buffer.concat(out)
    held = Buffer.from(held.subarray(count))
    covered = covered.slice(count)
    return shown
  }

  return {
    push: (chunk) => {
      const before = held.length
      held = Buffer.concat([held, chunk])
      const grown = new Uint8Array(held.length)
      grown.set(covered)
      covered = grown
      for (const [at, byte] of chunk.entries()) {
        state = step(state, byte)
        if (state.ends > 0) covered.fill(1, before + at + 1 - state.ends, before + at + 1)
      }
      return release(held.length - state.depth)
    },
    end: () => {
      state = root
      return release(held.length)
    },
  }
}

export function maskingStream(forms: readonly string[]): Transform {
  const masker = openMasker(forms)
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => done(null, masker.push(chunk)),
    flush: (done) => done(null, masker.end()),
  })
}
