import { SCALAR_BYTES } from './group.ts'

/*
 * The product of two 256-bit integers, which sodium-native does not offer: 12 limbs of 22 bits, held as doubles. A column is
 * a sum of at most 12 products below 2⁴⁴, so below 2⁴⁸: exact. Every loop bound and every address is a constant and no value
 * is compared, so neither time nor memory access depends on the operands.
 */
const LIMBS = 12
const BITS = 22
const RADIX = 2 ** BITS
const WORDS = 16

/** Doubles that `multiplyWide` needs as scratch: two operands and their product. */
export const SCRATCH_DOUBLES = 4 * LIMBS

function split(limbs: Float64Array, at: number, bytes: Uint8Array): void {
  let pending = 0
  let bits = 0
  let limb = at
  for (let i = 0; i < SCALAR_BYTES; i++) {
    pending |= (bytes[i] ?? 0) << bits
    bits += 8
    // The pattern of carries is a function of `i` alone.
    if (bits >= BITS) {
      limbs[limb++] = pending & (RADIX - 1)
      pending >>>= BITS
      bits -= BITS
    }
  }
  limbs[limb] = pending
}

function columns(limbs: Float64Array): void {
  const product = 2 * LIMBS
  limbs.fill(0, product, product + 2 * LIMBS)
  for (let i = 0; i < LIMBS; i++) {
    const a = limbs[i] ?? 0
    for (let j = 0; j < LIMBS; j++) {
      const at = product + i + j
      limbs[at] = (limbs[at] ?? 0) + a * (limbs[LIMBS + j] ?? 0)
    }
  }
  let carry = 0
  for (let at = product; at < product + 2 * LIMBS; at++) {
    const value = (limbs[at] ?? 0) + carry
    carry = Math.floor(value / RADIX)
    limbs[at] = value - carry * RADIX
  }
}

function join(out: Uint8Array, limbs: Float64Array): void {
  let pending = 0
  let bits = 0
  let limb = 2 * LIMBS
  for (let i = 0; i < WORDS * 4; i++) {
    if (bits < 8) {
      pending |= (limbs[limb++] ?? 0) << bits
      bits += BITS
    }
    out[i] = pending
    pending >>>= 8
    bits -= 8
  }
}

/**
 * a·b as 64 bytes, little-endian, not reduced.
 *
 * @param out 64 bytes
 * @param scratch `SCRATCH_DOUBLES` doubles in the memory where the operands may be seen; left full, the owner wipes it
 */
export function multiplyWide(out: Uint8Array, a: Uint8Array, b: Uint8Array, scratch: Float64Array): void {
  split(scratch, 0, a)
  split(scratch, LIMBS, b)
  columns(scratch)
  join(out, scratch)
}
