import { equalBytes, sha256, utf8 } from '@symbolon/protocol/bytes.ts'

/* Authenticator data (WebAuthn Level 3, section 6.1): 32 bytes of hash of the RP id, one of flags, four of counter, then whatever the flags announce. */

export const flag = { userPresent: 0x01, userVerified: 0x04, backupEligible: 0x08, backedUp: 0x10, attestedData: 0x40, extensions: 0x80 } as const

export interface AuthenticatorData {
  readonly rpIdHash: Uint8Array
  readonly flags: number
  readonly counter: number
  /** What follows the counter. */
  readonly rest: Uint8Array
}

const headLength = 37

/** @returns undefined for bytes that are too short, or that claim a backup of what cannot be backed up (section 6.1.3) */
export function readAuthenticatorData(bytes: Uint8Array): AuthenticatorData | undefined {
  if (bytes.length < headLength) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const flags = view.getUint8(32)
  if ((flags & flag.backedUp) !== 0 && (flags & flag.backupEligible) === 0) return undefined
  return { rpIdHash: bytes.subarray(0, 32), flags, counter: view.getUint32(33), rest: bytes.subarray(headLength) }
}

export const has = ({ flags }: AuthenticatorData, wanted: number): boolean => (flags & wanted) !== 0
export const isForRp = ({ rpIdHash }: AuthenticatorData, rpId: string): boolean => equalBytes(rpIdHash, sha256(utf8(rpId)))
