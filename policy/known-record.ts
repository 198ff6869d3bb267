import { openRecord, type OpenedRecord, type SignedRecord } from '@symbolon/protocol/record.ts'
import type { Deployment } from './deployment.ts'

/** A record that this deployment's quorum signed, in any epoch. Whether it is the newest of its secret is for whoever keeps records to say. */
export function openKnownRecord(signed: SignedRecord, { recordKeys, lineage }: Pick<Deployment, 'recordKeys' | 'lineage'>): OpenedRecord | undefined {
  for (const key of recordKeys) {
    const opened = openRecord(signed, { key, lineage })
    if (opened !== undefined) return opened
  }
  return undefined
}
