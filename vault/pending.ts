import type { z } from 'zod'
import type { receiptsResponse } from '@symbolon/protocol/vault-http.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import type { Call } from '@symbolon/front/judging.ts'
import { catchUp } from './catch-up.ts'
import { newestOf, ofPaths, type Found } from './history.ts'
import type { Vaulting } from './vaulting.ts'

/* Changes that fewer than t signers have receipted. Whoever comes by asks again, and a sweep does for all others. */

/** For whoever waits for its change. */
export async function readReceipts(call: Call, parts: Vaulting): Promise<Found<Omit<z.infer<typeof receiptsResponse>, 'request_id'>> | Failure> {
  const admitted = await ofPaths(call, parts)
  if (!admitted.ok) return admitted
  const [path, ...more] = admitted.paths
  if (path === undefined || more.length > 0) return fail('intent_malformed', { detail: 'Receipts are of one path.' })
  const held = await newestOf([path], parts)
  if (!held.ok) return { ...held, headers: admitted.headers }
  const [newest] = held.value
  if (newest === undefined) return { ...fail('secret_not_found'), headers: admitted.headers }
  const { receipts, pending } = await call.timer.measure('quorum', () => parts.receipts.gather(newest))
  return { ok: true, value: { record: newest.signed, receipts: [...receipts], pending }, headers: admitted.headers }
}

/** Secrets of one round. */
const atOnce = 64

/** Asks again for those that wait. What a signer does not receipt may be older than what it knows. */
export async function settlePending(parts: Vaulting): Promise<void> {
  const rows = await parts.store.unsettled(atOnce, parts.clock())
  await Promise.all(rows.map(async (row) => {
    const held = parts.records.held(row)
    if (held === undefined) return parts.log.error({ path: row.path, seq: row.seq }, 'the record that lies here is not one that the quorum signed for this secret')
    const { pending } = await parts.receipts.gather(held)
    if (pending) await catchUp(held.record.path, parts)
  }))
}
