import { Transform } from 'node:stream'
import { fromUtf8 } from '@symbolon/protocol/bytes.ts'
import { LocalFailure } from './failure.ts'
import { formsOf } from './mask.ts'

/*
 * Takes secrets out of a stream of bytes, wherever its chunks end. All secrets are looked for at once (Aho and Corasick, 1975); every byte
 * that any of them covers is taken out, so that two that overlap leave nothing of either. What may still become a secret is held back.
 */

const mark = Buffer.from('***')
/** Shorter forms would take out half of any text. */
export const minimumMasked = 4

/** All that a program may print a secret as: whole, by line, escaped, and encoded at any offset. */
export function maskForms(secret: string | Uint8Array): readonly (string | Uint8Array)[] {
  const bytes = Buffer.from(secret)
  const text = typeof secret === 'string' ? secret : fromUtf8(secret)
  return text === undefined ? [bytes, bytes.toString('hex'), bytes.toString('hex').toUpperCase(), ...base64Forms(bytes)] : textForms(text, bytes)
}

function textForms(secret: string, bytes: Buffer): readonly string[] {
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
  readonly depth: number
  /** Most have one: they wait for this byte. */
  byte: number
  child: Node | undefined
  more: Map<number, Node> | undefined
  /** The longest proper suffix that begins a secret. */
  fallback: Node | undefined
  /** Of the longest secret that ends here. */
  ends: number
}

const newNode = (depth: number, fallback: Node | undefined): Node => ({ depth, byte: -1, child: undefined, more: undefined, fallback, ends: 0 })
const below = (node: Node, byte: number): Node | undefined => (node.byte === byte ? node.child : node.more?.get(byte))

function grow(node: Node, byte: number, root: Node): Node {
  const made = newNode(node.depth + 1, root)
  if (node.child === undefined) {
    node.byte = byte
    node.child = made
  } else (node.more ??= new Map()).set(byte, made)
  return made
}

/** Bytes of all forms: each takes some eighty of memory. */
const mostBytes = 2 * 1024 * 1024

function automaton(patterns: readonly Uint8Array[]): Node {
  if (patterns.reduce((sum, { length }) => sum + length, 0) > mostBytes) throw new LocalFailure('There is too much to mask', 'the secrets are too large', 'Leave --mask out, or name smaller secrets.')
  const root = newNode(0, undefined)
  for (const pattern of patterns) {
    let node = root
    for (const byte of pattern) node = below(node, byte) ?? grow(node, byte, root)
    node.ends = node.depth
  }
  const queue: Node[] = [root]
  for (const node of queue) {
    for (const [byte, child] of [[node.byte, node.child] as const, ...(node.more ?? [])]) {
      if (child === undefined) continue
      if (node !== root) child.fallback = step(node.fallback ?? root, byte)
      child.ends = Math.max(child.ends, child.fallback?.ends ?? 0)
      queue.push(child)
    }
  }
  return root
}

function step(from: Node, byte: number): Node {
  for (let node: Node = from; ; ) {
    const found = below(node, byte)
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
export function openMasker(forms: readonly (string | Uint8Array)[]): Masker {
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

export interface Masking {
  /** From now on these, too. */
  add(forms: readonly (string | Uint8Array)[]): void
  stream(): Transform
}

/** For several streams, each with what it holds back. What is added later goes through a second sieve, so nothing that the first holds is lost. */
export function openMasking(first: readonly (string | Uint8Array)[]): Masking {
  const all = [first]
  const streams: Masker[][] = []
  return {
    add: (forms) => {
      all.push(forms)
      for (const maskers of streams) maskers.push(openMasker(forms))
    },
    stream: () => {
      const maskers = all.map(openMasker)
      streams.push(maskers)
      return new Transform({
        transform: (chunk: Buffer, _encoding, done) => done(null, maskers.reduce((bytes, masker) => masker.push(bytes), chunk)),
        flush: (done) => done(null, maskers.reduce((bytes: Buffer, masker) => Buffer.concat([masker.push(bytes), masker.end()]), Buffer.alloc(0))),
      })
    },
  }
}
