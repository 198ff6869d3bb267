import type { Ed25519Jwk } from '@symbolon/protocol/ed25519.ts'
import { openRecord, openRecordBy, type OpenedRecord, type SignedRecord } from '@symbolon/protocol/record.ts'
import { idOf, openMemo } from '@symbolon/evidence/memo.ts'
import { openKeyring } from '@symbolon/evidence/signature.ts'
import type { Roster } from '@symbolon/roster/roster.ts'

/** A record that this deployment's quorum signed, in any epoch. Whether it is the newest of its secret is for whoever keeps records to say. */
export function openKnownRecord(signed: SignedRecord, { recordKeys, lineage }: { readonly recordKeys: readonly Ed25519Jwk[]; readonly lineage: string }): OpenedRecord | undefined {
  for (const key of recordKeys) {
    const opened = openRecord(signed, { key, lineage })
    if (opened !== undefined) return opened
  }
  return undefined
}

/** The same, for whoever is asked again and again. */
export type OpenKnown = (signed: SignedRecord) => OpenedRecord | undefined

/** Those of the secrets that are read all the time; a record is a few kilobytes at most. */
const mostRemembered = 512

/** Records whose signature verified are remembered by all of their text: it would verify again, and nothing else depends on it. Never a decision. */
export function openKnownRecords({ groups }: Pick<Roster, 'groups'>, lineage: string): OpenKnown {
  const keys = groups.filter(({ purpose }) => purpose === 'record').toSorted((a, b) => b.epoch - a.epoch).map(({ key }) => ({ kty: 'OKP', crv: 'Ed25519', x: key }) as const)
  const keyring = openKeyring()
  const known = openMemo<OpenedRecord>(mostRemembered)
  return (signed) => {
    const id = idOf([signed.record, signed.signature])
    const before = known.get(id)
    if (before !== undefined) return before
    const opened = openRecordBy(signed, lineage, (message, signature) => keys.some((jwk) => keyring.verifies({ alg: 'EdDSA', jwk }, message, signature)))
    if (opened !== undefined) known.keep(id, opened)
    return opened
  }
}
