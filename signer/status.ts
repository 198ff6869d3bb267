import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { SignerReport } from '@symbolon/protocol/sign.ts'
import type { Book } from './book.ts'
import type { Current } from './current.ts'
import type { Signer } from './signer.ts'

type Told = Pick<Signer, 'boot' | 'journal' | 'heads' | 'now'> & { readonly current: () => Pick<Current, 'versions' | 'ready'>; readonly book: Pick<Book, 'failing'> }

/** What keeps this signer from signing, by a stable code. */
export const checksOf = ({ journal, book, current, heads, now }: Omit<Told, 'boot'>) => ({
  /** Bindings may have been forgotten as expired that by this clock are not. */
  clock_behind: () => journal.clock(now()) === undefined,
  journal_failing: () => journal.failing(),
  book_failing: () => book.failing(),
  /** The version in force is certified, and this machine cannot open its policy. */
  judges_closed: () => !current().ready,
  /** It may have missed a removal. */
  peers_unheard: () => heads.problem() === 'peers_unheard',
  journal_behind: () => heads.problem() === 'journal_behind',
})

const sentences: Readonly<Record<keyof ReturnType<typeof checksOf>, string>> = {
  clock_behind: 'this machine’s clock stands more than a minute before the last journal entry; set it right',
  journal_failing: 'the journal could not be written; look at the disk',
  book_failing: 'the book could not be written; look at the disk',
  judges_closed: 'the policy of the roster version in force cannot be opened here; look at the log, then start again',
  peers_unheard: 'too few other signers have answered in the last 30 seconds; look whether they run and can be reached',
  journal_behind: 'the journal lacks entries that other signers have seen, as after an old disk image was put back; nothing is signed until what they bound has expired',
}

/** What this signer says of itself. */
export function statusOf(signer: Told): SignerReport {
  const { boot, journal } = signer
  const { seq, hash } = journal.head()
  const checks = checksOf(signer)
  const failing = (Object.keys(sentences) as (keyof typeof sentences)[]).filter((code) => checks[code]())
  return { v: 1, certificate: boot.certificate, ...signer.current().versions, journal: { seq, head: toBase64url(hash) }, records: journal.records.counts(), problems: failing.map((code) => `${code}: ${sentences[code]}`) }
}
