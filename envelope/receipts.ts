import { bytesOf, type Base64url } from '@symbolon/protocol/bytes.ts'
import { verifyEd25519 } from '@symbolon/protocol/ed25519.ts'
import { receiptBytes, type ProvenReceipt } from '@symbolon/protocol/open.ts'
import { verifyP256 } from '@symbolon/protocol/p256.ts'
import { bootBytes } from '@symbolon/protocol/sign.ts'
import type { SecretKeys } from './keys.ts'

/* How many signers know a finished record. Once t do, no quorum builds on an older one. */

export interface Receipted {
  readonly digest: Base64url
  readonly seq: number
}

export interface Receipts {
  /** t distinct signers: the record is no longer pending. */
  readonly finished: boolean
  /** Whose word is true; each once, ascending. */
  readonly signers: readonly number[]
  readonly wanted: number
}

/** @param record the one that was written, by the writer's own reckoning */
export function receiptsHold(receipts: readonly ProvenReceipt[], record: Receipted, { signers, receipts: wanted }: Pick<SecretKeys, 'signers' | 'receipts'>): Receipts {
  // A set, because t copies of one signer's word are one word.
  const told = new Set<number>()
  for (const proven of receipts) if (!told.has(proven.receipt.signer) && holds(proven, record, signers)) told.add(proven.receipt.signer)
  return { finished: told.size >= wanted, signers: [...told].sort((a, b) => a - b), wanted }
}

/** The identity key, which the keyset names, vouches for the boot key; that signed the receipt. */
function holds({ receipt, certificate }: ProvenReceipt, { digest, seq }: Receipted, signers: SecretKeys['signers']): boolean {
  const row = signers.find(({ id }) => id === receipt.signer)
  if (row === undefined || receipt.record !== digest || receipt.seq !== seq) return false
  if (certificate.signer !== receipt.signer || certificate.boot !== receipt.boot) return false
  return verifyP256(row.identity, bootBytes(certificate), bytesOf(certificate.signature)) && verifyEd25519({ kty: 'OKP', crv: 'Ed25519', x: certificate.key }, receiptBytes(receipt), bytesOf(receipt.signature))
}
