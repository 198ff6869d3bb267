import type { RecordIntent } from '@symbolon/protocol/intent.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import type { RecordVersion, VaultRecord } from '@symbolon/protocol/record.ts'

/** Members in which a record is not what its intent asked for; empty: it is. The rest of it is the predecessor's, which signers see to. */
export function differsFrom(record: VaultRecord, intent: RecordIntent, digest: string): string[] {
  const place = [
    record.intent === digest ? '' : 'intent',
    record.act === intent.kind ? '' : 'act',
    record.previous === intent.previous ? '' : 'previous',
    record.seq === intent.seq ? '' : 'seq',
    record.by === intent.sub ? '' : 'by',
  ]
  return [...place, ...differsInKind(record, intent)].filter((name) => name !== '')
}

function differsInKind(record: VaultRecord, intent: RecordIntent): string[] {
  switch (intent.kind) {
    case 'secret.write':
      return [record.current === intent.version && isWritten(record.versions.at(-1), intent) ? '' : 'versions']
    case 'secret.delete':
      // One whose time had passed already is left as it was.
      return [statesAre(record, intent.versions, ({ state, until }) => state !== 'live' || (until !== undefined && until <= record.at)) ? '' : 'versions']
    case 'secret.undelete':
      return [statesAre(record, intent.versions, (version) => version.state === 'live') ? '' : 'versions']
    case 'secret.destroy':
      if (intent.all === true) return [record.removed && record.versions.length === 0 ? '' : 'removed']
      return [statesAre(record, intent.versions ?? [], (version) => version.state === 'destroyed') ? '' : 'versions']
    case 'secret.meta':
      return (['settings', 'custom', 'tags'] as const).map((name) => (intent[name] === undefined || same(intent[name], record[name]) ? '' : name))
  }
}

const isWritten = (newest: RecordVersion | undefined, { version, type, combine, ciphertext, size }: Extract<RecordIntent, { kind: 'secret.write' }>): boolean =>
  newest !== undefined && same({ version, type, combine, ciphertext, size, state: 'live' }, { version: newest.version, type: newest.type, combine: newest.combine, ciphertext: newest.ciphertext, size: newest.size, state: newest.state })

/** A version that is no longer kept is in no state. */
const statesAre = ({ versions }: VaultRecord, named: readonly number[], holds: (version: RecordVersion) => boolean): boolean => versions.filter(({ version }) => named.includes(version)).every(holds)

const same = (a: unknown, b: unknown): boolean => Buffer.compare(canonical(a), canonical(b)) === 0
