import { bytesOf } from '@symbolon/protocol/bytes.ts'
import { verifyEd25519 } from '@symbolon/protocol/ed25519.ts'
import { receiptBytes, type ProvenReceipt } from '@symbolon/protocol/open.ts'
import { verifyP256, type P256Jwk } from '@symbolon/protocol/p256.ts'
import { bootBytes, type BootCertificate } from '@symbolon/protocol/sign.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import type { Logger } from '@symbolon/runtime/log.ts'
import type { Coordinator } from './coordinator.ts'
import type { SecretStore, Verified } from './store.ts'

/* Whether t signers know a change: until then one that never heard of it might take its predecessor for the newest. */

export interface Receipts {
  /** Asks every signer; fewer than t receipts, or none, mean that the change is pending. */
  gather(held: Verified): Promise<Gathered>
}
export interface Gathered {
  /** One of each signer, by ascending signer. */
  readonly receipts: readonly ProvenReceipt[]
  readonly pending: boolean
}

export interface ReceiptsOptions {
  readonly roster: Pick<Roster, 'signers'>
  /** How many signers must know a record. */
  readonly threshold: number
  readonly coordinator: Pick<Coordinator, 'receipts'>
  readonly store: Pick<SecretStore, 'settled'>
  readonly log: Logger
}

export function openReceipts({ roster: { signers }, threshold, coordinator, store, log }: ReceiptsOptions): Receipts {
  const identities = new Map(signers.map(({ id, identity }) => [id, identity]))
  const boots = openBoots()
  return {
    async gather({ record, digest, signed }) {
      const answer = await coordinator.receipts(signed)
      if (!answer.ok) log.warn({ code: answer.code, path: record.path, seq: record.seq }, 'the signers could not be asked for receipts')
      const sound = (answer.ok ? answer.value : []).filter((each) => each.receipt.record === digest && each.receipt.seq === record.seq && isSound(each, identities.get(each.receipt.signer), boots))
      // One signer counts once, however often it speaks.
      const bySigner = new Map(sound.map((each) => [each.receipt.signer, each]))
      const receipts = [...bySigner.values()].toSorted((a, b) => a.receipt.signer - b.receipt.signer)
      const pending = receipts.length < threshold
      if (!pending) await store.settled(record.path, digest)
      return { receipts, pending }
    },
  }
}

/** Beside an answer that does not wait for it. */
export function receiptAgain(held: Verified, { receipts, log }: { readonly receipts: Receipts; readonly log: Logger }): void {
  receipts.gather(held).catch((error: unknown) => log.error({ err: error, path: held.record.path }, 'receipts could not be kept'))
}

type Boots = (certificate: BootCertificate, identity: P256Jwk) => boolean

const isSound = ({ receipt: { signature, ...statement }, certificate }: ProvenReceipt, identity: P256Jwk | undefined, boots: Boots): boolean =>
  identity !== undefined && certificate.signer === statement.signer && certificate.boot === statement.boot && boots(certificate, identity) && verifyEd25519({ kty: 'OKP', crv: 'Ed25519', x: certificate.key }, receiptBytes(statement), bytesOf(signature))

/** A boot's certificate is verified once; a signer has few boots. */
function openBoots(): Boots {
  const verified = new Map<number, string>()
  return (certificate, identity) => {
    const id = `${certificate.boot}.${certificate.key}.${certificate.iat}.${certificate.signature}` 
    if (verified.get(certificate.signer) === id) return true
    const sound = verifyP256(identity, bootBytes(certificate), bytesOf(certificate.signature))
    if (sound) verified.set(certificate.signer, id)
    return sound
  }
}
