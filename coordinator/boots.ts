import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { BootCertificate } from '@symbolon/protocol/sign.ts'

/** What a boot id in an answer says about its signer. `alternates`: two copies of it are alive, or an old image of it was started. */
export type Sighting = 'current' | 'unknown' | 'late_answer' | 'alternates'

/** The boots that one signer was seen with. Only certificates that its identity key signed get in. */
export interface Boots {
  readonly current: BootCertificate | undefined
  /** Of the current boot or of one of the last few. */
  certificateOf(boot: Base64url): BootCertificate | undefined
  /** @param askedAt when the question was sent that this boot id answered, in milliseconds */
  sighted(boot: Base64url, askedAt: number): Sighting
  /** A verified certificate that is not of a former boot. */
  begin(certificate: BootCertificate): void
}

const formerHeld = 16

/** @param clock milliseconds that only go forward */
export function openBoots(clock: () => number): Boots {
  let current: BootCertificate | undefined
  const former = new Map<Base64url, { readonly certificate: BootCertificate; readonly endedAt: number }>()

  const retire = (certificate: BootCertificate) => {
    former.set(certificate.boot, { certificate, endedAt: clock() })
    const oldest = former.keys().next()
    if (former.size > formerHeld && !oldest.done) former.delete(oldest.value)
  }
  return {
    get current() {
      return current
    },
    certificateOf: (boot) => (boot === current?.boot ? current : former.get(boot)?.certificate),
    sighted(boot, askedAt) {
      if (boot === current?.boot) return 'current'
      const ended = former.get(boot)?.endedAt
      if (ended === undefined) return 'unknown'
      // A question sent before the new boot was seen may still be answered by the old one.
      return askedAt < ended ? 'late_answer' : 'alternates'
    },
    begin(certificate) {
      if (current?.boot === certificate.boot) return
      if (current !== undefined) retire(current)
      former.delete(certificate.boot)
      current = certificate
    },
  }
}
