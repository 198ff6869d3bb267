import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { SignerReport } from '@symbolon/protocol/sign.ts'
import type { Signer } from './answer.ts'

/** Bindings may have been forgotten as expired that by this clock are not: nothing can be judged. */
export const clockIsBehind = ({ journal, now }: Pick<Signer, 'journal' | 'now'>): boolean => journal.clock(now()) === undefined

/** What this signer says of itself. */
export function statusOf(signer: Pick<Signer, 'boot' | 'versions' | 'journal' | 'now'>): SignerReport {
  const { boot, versions, journal } = signer
  const { seq, hash } = journal.head()
  return {
    v: 1,
    certificate: boot.certificate,
    ...versions,
    journal: { seq, head: toBase64url(hash) },
    problems: clockIsBehind(signer) ? ['clock_behind: this machine’s clock stands more than a minute before the time of the last journal entry'] : [],
  }
}
