import { bytesOf } from '@symbolon/protocol/bytes.ts'
import type { SecretPath } from '@symbolon/protocol/label.ts'
import { decodeRecord, type VaultRecord } from '@symbolon/protocol/record.ts'
import type { ChangeSecretRequest } from '@symbolon/protocol/vault-http.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import { catchUp } from './catch-up.ts'
import { changeSecret } from './change.ts'
import { asked, callFor, whyNot, type Caller, type Question } from './facade-caller.ts'
import { heldOr } from './list.ts'
import type { Verified } from './store.ts'

/** What a client that names neither predecessor nor sequence means, on top of what is there. */
export type Planned =
  | { readonly what: 'change'; readonly question: Unplaced; readonly brought?: Pick<ChangeSecretRequest, 'head' | 'body'> }
  /** Nothing is to be done, if the policy would allow it. */
  | { readonly what: 'nothing'; readonly question: Question }
  | { readonly what: 'failure'; readonly failure: Failure }
  /** What it rests on has changed meanwhile. */
  | { readonly what: 'again' }
type Unplaced = Placed extends infer Q ? (Q extends Placed ? Omit<Q, 'path' | 'previous' | 'seq'> : never) : never
type Placed = Extract<Question, { readonly previous: unknown }>
/** @param before undefined: there is none, or it was removed. @param next the number of its next version */
export type Plan = (before: VaultRecord | undefined, next: number) => Promise<Planned>

export interface Changed {
  readonly ok: true
  /** Undefined: nothing was to be done. */
  readonly record?: VaultRecord
  readonly warnings: readonly string[]
  readonly headers: Readonly<Record<string, string>>
}

/** Writers in other processes may be first; each time the plan is made anew. */
const attempts = 8

export const change = (caller: Caller, path: SecretPath, plan: Plan): Promise<Changed | Failure> => caller.facade.turns.take(path, () => changeInTurn(caller, path, plan))

async function changeInTurn(caller: Caller, path: SecretPath, plan: Plan): Promise<Changed | Failure> {
  // A number that another writer began and never finished is passed over.
  let passed = 0
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const found = await standing(caller, path)
    if (!found.ok) return found
    const { before } = found
    const planned = await plan(before?.record.removed === true ? undefined : before?.record, (before?.record.current ?? 0) + 1)
    if (planned.what === 'failure') return planned.failure
    if (planned.what === 'again') continue
    if (planned.what === 'nothing') return (await whyNot(caller, planned.question)) ?? { ok: true, warnings: [], headers: {} }
    const question = { ...planned.question, path, previous: before?.digest ?? null, seq: (before?.record.seq ?? 0) + 1 + passed } as Placed
    const made = await changeSecret(callFor(caller, asked(caller, question), planned.brought ?? {}), caller.vaulting)
    if (made.ok) return done(made, caller)
    if (made.code === 'sequence_taken') passed += 1
    else if (made.code === 'record_stale') passed = 0
    else return made
  }
  return fail('busy', { detail: 'Others write this secret at the same time. Try again.' })
}

/** A row that somebody altered is replaced by what the signers know, as for any writer. */
async function standing({ vaulting, request }: Caller, path: SecretPath): Promise<{ readonly ok: true; readonly before: Verified | undefined } | Failure> {
  const look = async () => {
    const row = (await request.timer.measure('store', () => vaulting.store.newest([path]))).get(path)
    return { row, before: row === undefined ? undefined : heldOr(row, vaulting) }
  }
  let { row, before } = await look()
  if (row !== undefined && before === undefined && (await catchUp(path, vaulting))) ({ row, before } = await look())
  return row !== undefined && before === undefined ? fail('store_damaged', { detail: 'What the vault holds of this secret was altered.' }) : { ok: true, before }
}

function done(made: Extract<Awaited<ReturnType<typeof changeSecret>>, { ok: true }>, { facade: { threshold } }: Caller): Changed | Failure {
  const record = decodeRecord(bytesOf(made.record.record))
  if (!record.ok) throw new TypeError('the record that was just signed cannot be read')
  const warnings = made.pending ? [`Fewer than ${threshold} signers have confirmed this change yet; the vault goes on asking them.`] : []
  return { ok: true, record: record.value, warnings, headers: made.headers }
}
