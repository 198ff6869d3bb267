import { ed25519, ristretto255 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'

/*
 * TDH2 a second time, from docs/specs/threshold-encryption.md alone: BigInts and noble's points, nothing of this folder. Slow,
 * not constant time, and without error codes; the vectors come from it. Tests only.
 */

const curves = { edwards25519: ed25519.Point, ristretto255: ristretto255.Point }
type Name = keyof typeof curves
type P = { add(other: P): P; multiply(k: bigint): P; multiplyUnsafe(k: bigint): P; is0(): boolean; isTorsionFree(): boolean; toBytes(): Uint8Array }
type Bytes = Uint8Array

const L = 2n ** 252n + 27742317777372353535851937790883648493n
const SECOND = {
  edwards25519: '7d6a85274f7c90b906a344bf8ebe432707ddd6f6e87f4d207cfb341ed44b7600',
  ristretto255: '86939d194bb40112ac1eeb630796220b4edc07d1eebdf5dec43f6ef7c6fc6635',
}
const ascii = (words: string): Bytes => Uint8Array.from(words, (letter) => letter.charCodeAt(0))
const join = (...parts: Bytes[]): Bytes => Uint8Array.from(parts.flatMap((part) => [...part]))
const big = (k: number, size: number): Bytes => Uint8Array.from({ length: size }, (_, i) => Math.floor(k / 256 ** (size - 1 - i)) % 256)
const F = (...parts: Bytes[]): Bytes => join(...parts.flatMap((part) => [big(part.length, 4), part]))
const integer = (bytes: Bytes): bigint => [...bytes].reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n)
const mod = (k: bigint): bigint => ((k % L) + L) % L
const scalarBytes = (k: bigint): Bytes => Uint8Array.from({ length: 32 }, (_, i) => Number((k >> BigInt(8 * i)) % 256n))
const Hs = (input: Bytes): bigint => mod(integer(sha512(input)))
const xor = (a: Bytes, b: Bytes): Bytes => a.map((byte, i) => byte ^ (b[i] ?? 0))
const equal = (a: Bytes, b: Bytes): boolean => a.length === b.length && a.every((byte, i) => byte === b[i])

/** a^(L−2). */
function inverse(a: bigint): bigint {
  let [result, power] = [1n, mod(a)]
  for (let rest = L - 2n; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * power) % L
    power = (power * power) % L
  }
  return result
}

export interface Reference {
  base(k: bigint): Bytes
  encrypt(of: { key: Bytes; label: Bytes; m: Bytes; random: readonly [Bytes, Bytes] }): { u: Bytes; uBar: Bytes; e: Bytes; f: Bytes; wrapped: Bytes; r: Bytes; shared: Bytes }
  digest(key: Bytes, label: Bytes, c: { u: Bytes; uBar: Bytes; e: Bytes; f: Bytes; wrapped: Bytes }): Bytes
  check(key: Bytes, label: Bytes, c: { u: Bytes; uBar: Bytes; e: Bytes; f: Bytes; wrapped: Bytes }): boolean
  partial(of: { key: Bytes; epoch: number; id: number; x: bigint; u: Bytes; digest: Bytes; random: Bytes }): { point: Bytes; e: Bytes; f: Bytes }
  checkPartial(of: { key: Bytes; epoch: number; id: number; share: Bytes; u: Bytes; digest: Bytes; point: Bytes; e: Bytes; f: Bytes }): boolean
  combine(of: { key: Bytes; label: Bytes; u: Bytes; wrapped: Bytes; partials: readonly { id: number; point: Bytes }[] }): Bytes
}

export function reference(name: Name): Reference {
  const curve = curves[name] as unknown as { BASE: P; fromBytes(bytes: Bytes): P }
  const SUITE = ascii(`TDH2-${name.toUpperCase()}-SHA512-v1`)
  const second = Uint8Array.from(Buffer.from(SECOND[name], 'hex'))
  const point = (bytes: Bytes): P | undefined => {
    try {
      const p = bytes.length === 32 ? curve.fromBytes(bytes) : undefined
      return p === undefined || p.is0() || !p.isTorsionFree() ? undefined : p
    } catch {
      return undefined
    }
  }
  const sure = (bytes: Bytes): P => point(bytes) ?? (() => { throw new Error('no element') })()
  const times = (k: bigint, bytes: Bytes): Bytes => sure(bytes).multiply(k).toBytes()
  const base = (k: bigint): Bytes => curve.BASE.multiply(k).toBytes()
  const nonce = (secret: Bytes, fresh: Bytes, T: Bytes): bigint => Hs(join(ascii('symbolon/dleq/nonce/v1'), secret, fresh, T))

  const prove = (x: bigint, G: Bytes, S: Bytes, fresh: Bytes) => {
    const k = nonce(scalarBytes(x), fresh, sha512(S))
    const e = Hs(join(S, F(base(k), times(k, G))))
    return { e: scalarBytes(e), f: scalarBytes(mod(k - e * x)) }
  }
  const verify = (P: Bytes, G: Bytes, Q: Bytes, S: Bytes, proof: { e: Bytes; f: Bytes }): boolean => {
    const [p, g, q] = [point(P), point(G), point(Q)]
    if (p === undefined || g === undefined || q === undefined || proof.e.length !== 32 || proof.f.length !== 32) return false
    const [e, f] = [integer(proof.e), integer(proof.f)]
    if (e === 0n || f === 0n || e >= L || f >= L) return false
    const A1 = curve.BASE.multiplyUnsafe(f).add(p.multiplyUnsafe(e))
    const A2 = g.multiplyUnsafe(f).add(q.multiplyUnsafe(e))
    return equal(scalarBytes(Hs(join(S, F(A1.toBytes(), A2.toBytes())))), proof.e)
  }
  const statement = (key: Bytes, label: Bytes, c: { u: Bytes; uBar: Bytes; wrapped: Bytes }) => F(ascii('symbolon/tdh2/ciphertext/v1'), SUITE, key, label, c.u, c.uBar, c.wrapped)
  const statementOf = (of: { key: Bytes; epoch: number; id: number; share: Bytes; u: Bytes; digest: Bytes; point: Bytes }) =>
    F(ascii('symbolon/tdh2/partial/v1'), SUITE, of.key, big(of.epoch, 4), big(of.id, 2), of.share, of.digest, of.u, of.point)
  const pad = (key: Bytes, label: Bytes, u: Bytes, shared: Bytes) => sha512(F(ascii('symbolon/tdh2/wrap/v1'), SUITE, key, label, u, shared)).subarray(0, 32)

  return {
    base,
    encrypt({ key, label, m, random }) {
      const r = nonce(m, random[0], sha512(F(ascii('symbolon/tdh2/ephemeral/v1'), SUITE, key, label)))
      const [u, uBar, shared] = [base(r), times(r, second), times(r, key)]
      const wrapped = xor(m, pad(key, label, u, shared))
      return { u, uBar, ...prove(r, second, statement(key, label, { u, uBar, wrapped }), random[1]), wrapped, r: scalarBytes(r), shared }
    },
    digest: (key, label, c) => sha512(F(ascii('symbolon/tdh2/digest/v1'), SUITE, key, label, c.u, c.uBar, c.e, c.f, c.wrapped)),
    check: (key, label, c) => c.wrapped.length === 32 && verify(c.u, second, c.uBar, statement(key, label, c), c),
    partial({ x, u, random, ...of }) {
      const about = { ...of, u, share: base(x), point: times(x, u) }
      return { point: about.point, ...prove(x, u, statementOf(about), random) }
    },
    checkPartial: (of) => verify(of.share, of.u, of.point, statementOf(of), of),
    combine({ key, label, u, wrapped, partials }) {
      const sum = partials
        .map(({ id, point: bytes }) => {
          const others = partials.map((other) => BigInt(other.id)).filter((j) => j !== BigInt(id))
          const lambda = others.reduce((product, j) => mod(product * mod(j) * inverse(j - BigInt(id))), 1n)
          return sure(bytes).multiply(lambda)
        })
        .reduce((a, b) => a.add(b))
      return xor(wrapped, pad(key, label, u, sum.toBytes()))
    },
  }
}
