import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Base64url } from '@symbolon/protocol/bytes.ts'

/** The highest signature counter seen of each passkey. It refuses nothing: it is for an alarm, and losing it costs no more than one. */
export interface Counters {
  /**
   * A touch was seen. The same assertion may be judged again, by its intent's digest; an authenticator without a counter says 0 for ever.
   * @returns what was seen before, if this one should have been higher (WebAuthn Level 3, section 7.2, step 22)
   */
  see(touch: { readonly credential: Base64url; readonly counter: number; readonly intent: Base64url }): number | undefined
  close(): void
}

/** @param folder the signer's state folder */
export function openCounters(folder: string): Counters {
  const db = new DatabaseSync(join(folder, 'counters.sqlite'))
  db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE IF NOT EXISTS counter (credential TEXT PRIMARY KEY, counter INTEGER NOT NULL, intent TEXT NOT NULL) STRICT, WITHOUT ROWID')
  const find = db.prepare('SELECT counter, intent FROM counter WHERE credential = ?')
  const put = db.prepare('INSERT INTO counter VALUES (?, ?, ?) ON CONFLICT (credential) DO UPDATE SET counter = excluded.counter, intent = excluded.intent')
  return {
    see({ credential, counter, intent }) {
      const row = find.get(credential)
      const before = typeof row?.['counter'] === 'number' ? row['counter'] : 0
      if (row?.['intent'] === intent && counter === before) return undefined
      if (row === undefined || counter > before) put.run(credential, counter, intent)
      return counter > before || (counter === 0 && before === 0) ? undefined : before
    },
    close: () => db.close(),
  }
}
