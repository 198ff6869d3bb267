import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { keysetBytes, keysetOf, type SignedKeyset } from '@symbolon/roster/keyset.ts'
import type { Roster } from '@symbolon/roster/roster.ts'

/** Seconds for which one signature is handed out: the identity key may lie in a device that counts its uses. */
const renewAfter = 60

/**
 * This signer's word on the keyset: its public part of the roster, signed as of now. Clients refuse what t signers have not said
 * within a day, so a keyset that was withdrawn cannot be shown for long.
 *
 * @param certify signs with the identity key: r ‖ s, 64 bytes
 */
export function openKeyset(options: { readonly roster: Roster; readonly signer: number; now(): number; certify(bytes: Uint8Array): Promise<Uint8Array> }): () => Promise<SignedKeyset> {
  const { roster, signer, now, certify } = options
  const keyset = keysetOf(roster)
  let latest: { readonly iat: number; readonly signed: Promise<SignedKeyset> } | undefined

  const renew = async (iat: number): Promise<SignedKeyset> => ({ keyset, signatures: [{ signer, iat, signature: toBase64url(await certify(keysetBytes(keyset, iat))) }] })
  return async () => {
    const iat = now()
    // Callers that come while it is being signed share it; a failure is nobody's but theirs.
    if (latest === undefined || iat - latest.iat >= renewAfter || iat < latest.iat) latest = { iat, signed: renew(iat) }
    const { signed } = latest
    try {
      return await signed
    } catch (error) {
      latest = undefined
      throw error
    }
  }
}
