import { readable, type RecordVersion, type VaultRecord } from '@symbolon/protocol/record.ts'

/* What may be done with which versions, by the record. Signers say the same again. */

export type VersionState = 'live' | 'deleted' | 'expired' | 'destroyed'

/** @param now NumericDate: a version whose time is up counts as deleted */
export const stateOf = (version: RecordVersion, now: number): VersionState => (version.state === 'live' && version.until !== undefined && version.until <= now ? 'expired' : version.state)

export interface Possible {
  readonly reveal: boolean
  readonly compare: boolean
  readonly delete: boolean
  readonly undelete: boolean
  readonly destroy: boolean
}

/** @param chosen numbers of versions */
export function possibleFor(record: VaultRecord, chosen: readonly number[], now: number): Possible {
  const versions = record.versions.filter(({ version }) => chosen.includes(version))
  const any = versions.length > 0
  const canRead = any && versions.every(({ version }) => readable(record, version, now) !== undefined)
  return {
    reveal: canRead && versions.length === 1,
    compare: canRead && versions.length === 2,
    delete: any && versions.every(({ state }) => state === 'live'),
    undelete: any && versions.every((version) => ['deleted', 'expired'].includes(stateOf(version, now))),
    destroy: any && versions.every(({ state }) => state !== 'destroyed'),
  }
}
