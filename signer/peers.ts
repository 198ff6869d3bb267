import { createPublicKey, verify } from 'node:crypto'
import { z } from 'zod'
import { bytesOf, type Base64url } from '@symbolon/protocol/bytes.ts'
import { head, headBytes, type Head } from '@symbolon/protocol/book.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { verifyP256 } from '@symbolon/protocol/p256.ts'
import { bootBytes, bootCertificate, bootId, type BootCertificate } from '@symbolon/protocol/sign.ts'
import type { Issuer, SignerRow } from '@symbolon/roster/roster.ts'

/* What may be concluded from what another signer says of itself. Pure: nobody is asked here, and no clock is read. */

/** A moment, in milliseconds. `steady` only goes forward but may stand still with the machine; `wall` goes on meanwhile but may be set. */
export interface Moment {
  readonly steady: number
  readonly wall: number
}

/** By whichever clock says more: what may have grown too old has. */
export const atMost = (then: Moment, now: Moment): number => Math.max(now.steady - then.steady, now.wall - then.wall)
/** By whichever clock says less: what must have passed surely has. */
export const atLeast = (then: Moment, now: Moment): number => Math.min(now.steady - then.steady, now.wall - then.wall)

/** Is this boot key the word of the signer in the row? */
export const bootHolds = (certificate: BootCertificate, { id, identity }: Pick<SignerRow, 'id' | 'identity'>): boolean =>
  certificate.signer === id && verifyP256(identity, bootBytes(certificate), bytesOf(certificate.signature))

/** Did the boot key sign these bytes? */
export function bootSigned({ key }: BootCertificate, bytes: Uint8Array, signature: Base64url): boolean {
  const imported = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: key }, format: 'jwk' })
  return verify(null, bytes, imported, bytesOf(signature))
}

export type HeadProblem = 'other_signer' | 'other_challenge' | 'clocks_differ' | 'certificate_invalid' | 'signature_invalid'

/** Is this the signer's own word, whenever it was given? */
export function provenHead({ statement, certificate, signature }: Head, row: Pick<SignerRow, 'id' | 'identity'>): HeadProblem | undefined {
  if (statement.signer !== row.id) return 'other_signer'
  if (certificate.boot !== statement.boot || !bootHolds(certificate, row)) return 'certificate_invalid'
  return bootSigned(certificate, headBytes(statement), signature) ? undefined : 'signature_invalid'
}

/** Is this the answer of that signer to this very question, given now? @param now NumericDate */
export function answeredHead(shown: Head, row: Pick<SignerRow, 'id' | 'identity'>, { challenge, now }: { readonly challenge: Base64url; readonly now: number }): HeadProblem | undefined {
  const problem = provenHead(shown, row)
  if (problem !== undefined) return problem
  if (shown.statement.challenge !== challenge) return 'other_challenge'
  return Math.abs(shown.statement.iat - now) > limits.clockSkew ? 'clocks_differ' : undefined
}

const retiredKept = 16

/** What one signer remembers of another, across its own restarts. */
export const remembered = z.strictObject({
  /** The newest life of it that was heard of. */
  newest: bootCertificate,
  /** Boot ids of lives that a newer one has followed. */
  retired: z.array(bootId).max(retiredKept),
  /** Its head with the longest journal. */
  longest: head.optional(),
})
export type Remembered = z.infer<typeof remembered>

/** `two_boots`: an older life speaks after a newer one, so both live. `peer_journal_lost`: it has shown a longer journal, or another. */
export type PeerAlarm = 'two_boots' | 'peer_journal_lost'
export interface Noted {
  readonly memory: Remembered
  readonly alarms: readonly PeerAlarm[]
}

/** A boot certificate that holds was shown, by an answer or a question. */
export function noteBoot(memory: Remembered | undefined, shown: BootCertificate): Noted {
  if (memory === undefined) return { memory: { newest: shown, retired: [] }, alarms: [] }
  const { newest, retired } = memory
  if (shown.boot === newest.boot) return { memory, alarms: [] }
  if (retired.includes(shown.boot) || shown.iat < newest.iat) return { memory, alarms: ['two_boots'] }
  return { memory: { ...memory, newest: shown, retired: [...retired, newest.boot].slice(-retiredKept) }, alarms: [] }
}

/**
 * A proven head was heard. Of a journal that has become shorter the longer one is remembered, so that its owner can be shown it, until the owner
 * has lived for `span` without what it lost: by then all that stood there has expired.
 *
 * @param span seconds, of `bindingSpan`
 */
export function noteHead(memory: Remembered | undefined, shown: Head, span: number): Noted {
  const noted = noteBoot(memory, shown.certificate)
  const { longest } = noted.memory
  const [before, now] = [longest?.statement.journal, shown.statement.journal]
  const continues = before === undefined || now.seq > before.seq || (now.seq === before.seq && now.head === before.head)
  if (longest !== undefined && now.seq === before?.seq && continues) return noted
  const waited = shown.statement.iat - shown.certificate.iat > span
  return {
    memory: continues || waited ? { ...noted.memory, longest: shown } : noted.memory,
    alarms: continues ? noted.alarms : [...noted.alarms, 'peer_journal_lost'],
  }
}

/**
 * Seconds from when a signer last signed until all has expired that it bound itself to: an intent lives so long, and of a token that may come
 * with many intents it must be remembered whose it is until nobody can use it.
 */
export function bindingSpan({ issuers }: { readonly issuers: readonly Pick<Issuer, 'class' | 'max_age'>[] }): number {
  const reusable = issuers.filter((row) => row.class !== 'bound').map(({ max_age }) => max_age + 1 + limits.clockSkew)
  return limits.intentWindow + 2 * limits.clockSkew + Math.max(0, ...reusable)
}
