import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Granted, Ruled } from '@symbolon/policy/judgement.ts'
import type { Audit } from './audit.ts'

/** The highest signature counter seen of each passkey. It refuses nothing: it is for an alarm, and losing it costs no more than one. */
export interface Counters {
  /**
   * A touch was seen. The same assertion may be judged again, by its intent's digest; an authenticator without a counter says 0 for ever.
   * @returns what was seen before, if this one does not fit it (WebAuthn Level 3, section 7.2, step 22)
   */
  see(touch: Touch): number | undefined
  close(): void
}

export interface Touch {
  readonly credential: Base64url
  readonly counter: number
  /** Digest of the intent that was touched for, and its `iat`. */
  readonly intent: Base64url
  readonly iat: number
  /** It may be judged long after it was made: then a lower counter than the highest is as it should be, if it is older too. */
  readonly late: boolean
}

export type Watch = (judged: Pick<Granted | Ruled, 'passkey' | 'digest' | 'intent' | 'principal'>) => void

/** Changes wait for approvals, and stops come from peers; tokens and secrets are asked for now. */
const isLate = ({ kind }: (Granted | Ruled)['intent']): boolean => kind !== 'token' && !kind.startsWith('secret.')

/** A passkey whose counter did not go up may have been copied. That is for people to look into, and refuses nothing. */
export const openWatch = (counters: Pick<Counters, 'see'>, audit: Pick<Audit, 'alarm'>): Watch => ({ passkey, digest, intent, principal }) => {
  if (passkey === undefined) return
  const before = counters.see({ ...passkey, intent: toBase64url(digest), iat: intent.iat, late: isLate(intent) })
  if (before !== undefined) audit.alarm('counter_behind', { principal: principal.id, credential: passkey.credential, counter: passkey.counter, before })
}

/** @param folder the signer's state folder */
export function openCounters(folder: string): Counters {
  const file = join(folder, 'counters.sqlite')
  // SQLite would make it readable for everybody, and its log after it.
  writeFileSync(file, '', { flag: 'a', mode: 0o600 })
  const db = new DatabaseSync(file)
  db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; DROP TABLE IF EXISTS counter; CREATE TABLE IF NOT EXISTS touch (credential TEXT PRIMARY KEY, counter INTEGER NOT NULL, intent TEXT NOT NULL, iat INTEGER NOT NULL) STRICT, WITHOUT ROWID')
  const find = db.prepare('SELECT counter, intent, iat FROM touch WHERE credential = ?')
  const put = db.prepare('INSERT INTO touch VALUES (?, ?, ?, ?) ON CONFLICT (credential) DO UPDATE SET counter = excluded.counter, intent = excluded.intent, iat = excluded.iat')
  return {
    see({ credential, counter, intent, iat, late }) {
      const row = find.get(credential)
      const before = typeof row?.['counter'] === 'number' ? row['counter'] : 0
      if (row?.['intent'] === intent && counter === before) return undefined
      if (row === undefined || counter > before) put.run(credential, counter, intent, iat)
      if (late && counter < before && typeof row?.['iat'] === 'number' && iat <= row['iat']) return undefined
      return counter > before || (counter === 0 && before === 0) ? undefined : before
    },
    close: () => db.close(),
  }
}
