import { SCALAR_BYTES, type Scalar } from './group.ts'

/** L = 2²⁵² + 27742317777372353535851937790883648493, the order of edwards25519's prime subgroup and of ristretto255. Little-endian. */
export const ORDER = Uint8Array.of(0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10)

/** True for 32 bytes below L. It subtracts L and looks only at the last borrow, so its time says nothing about a secret scalar. */
export function isCanonicalScalar(bytes: Uint8Array): bytes is Scalar {
  if (bytes.length !== SCALAR_BYTES) return false
  let borrow = 0
  for (let i = 0; i < SCALAR_BYTES; i++) borrow = (((bytes[i] ?? 0) - (ORDER[i] ?? 0) - borrow) >> 8) & 1
  return borrow === 1
}
