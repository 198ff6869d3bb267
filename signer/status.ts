import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { SignerReport } from '@symbolon/protocol/sign.ts'
import type { Signer } from './answer.ts'

/** What this signer says of itself. */
export function statusOf({ boot, versions, journal, now }: Pick<Signer, 'boot' | 'versions' | 'journal' | 'now'>): SignerReport {
  const { seq, hash } = journal.head()
  return {
    v: 1,
    certificate: boot.certificate,
    ...versions,
    journal: { seq, head: toBase64url(hash) },
    problems: journal.clock(now()) === undefined ? ['clock_behind: this machine’s clock stands more than a minute before the time of the last journal entry'] : [],
  }
}
