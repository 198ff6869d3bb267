import { pathDigest, type SecretPath } from '@symbolon/protocol/label.ts'
import type { Vaulting } from './vaulting.ts'

export type CatchingUp = Pick<Vaulting, 'quorum' | 'records' | 'store' | 'log'>

/**
 * Asks the signers for the newest record of a secret that was lost or altered here, and keeps it. The ciphertexts of what was lost come back from
 * a backup alone.
 * @returns whether there is a newer or sound one now
 */
export async function catchUp(path: SecretPath, { quorum, records, store, log }: CatchingUp): Promise<boolean> {
  const answer = await quorum.known(pathDigest(path))
  if (!answer.ok) return false
  const known = answer.value === null ? undefined : records.open(answer.value)
  if (known?.record.path !== path) return false
  const here = (await store.newest([path])).get(path)
  const altered = here !== undefined && records.held(here) === undefined
  const adopted = await store.adopt(known, altered ? { instead: here.digest } : {})
  if (adopted) log.warn({ path, seq: known.record.seq, was: here?.seq ?? 0, altered }, 'a record was fetched from the signers: what lay here was older, altered or lost')
  return adopted
}
