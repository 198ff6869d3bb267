import type { SecretPath } from '@symbolon/protocol/label.ts'
import type { SignedRecord } from '@symbolon/protocol/record.ts'
import type { ListRequest } from '@symbolon/protocol/vault-http.ts'
import type { GrantedListing } from '@symbolon/policy/judgement.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import { count, judge, refusalOf, type Call } from '@symbolon/front/judging.ts'
import type { Question } from './cursor.ts'
import type { StoredSecret, Verified } from './store.ts'
import type { Vaulting } from './vaulting.ts'

/* Names and records: judged here and nowhere else, since nothing is signed or opened. Only what the policy would show one by one is shown at all. */

export interface ListCall extends Call {
  readonly request: ListRequest
}
export type Entry = { readonly folder: string } | { readonly path: SecretPath; readonly record: SignedRecord }
export interface Listed {
  readonly ok: true
  readonly entries: readonly Entry[]
  readonly cursor?: string | undefined
  readonly headers: Readonly<Record<string, string>>
}

/** Rows that one request looks at, at most; it then ends with a cursor, however little it found. */
export const mostLookedAt = 4_000
const chunk = 500
const usual = 100

export async function listSecrets(call: ListCall, parts: Vaulting): Promise<Listed | Failure> {
  const { request, timer } = call
  const admitted = await admit(call, parts)
  if (!admitted.ok) return admitted
  const { prefix, recursive = false } = admitted.intent
  if (prefix === undefined) return fail('intent_malformed', { detail: 'A listing needs an intent with a prefix.' })
  const question: Question = { kind: 'list', principal: admitted.principal, prefix, recursive, search: request.search }
  const from = request.cursor === undefined ? `${prefix}/` : parts.cursors.open(question, request.cursor)
  if (from === undefined) return fail('malformed', { detail: 'The cursor is not one of this listing.' })
  const walk = openWalk({ prefix, recursive, limit: request.limit ?? usual })
  const next = await timer.measure('store', () => look({ from, before: endOf(prefix), search: request.search }, { call, walk }, parts))
  const entries = await entriesOf(walk.found, parts)
  return { ok: true, entries, headers: admitted.headers, ...(next === undefined ? {} : { cursor: parts.cursors.seal(question, next) }) }
}

export type Admitted = { readonly ok: true; readonly intent: GrantedListing['intent']; readonly principal: string; readonly headers: Readonly<Record<string, string>> } | Failure

/** Who asks for names and records, and may they ask at all? */
export async function admit(call: Call, parts: Pick<Vaulting, 'judges' | 'clock' | 'identities'>): Promise<Admitted> {
  const judged = await call.timer.measure('policy', () => judge(call, parts))
  if (judged.verdict !== 'granted') return refusalOf(judged)
  if (judged.grants !== 'listing') return fail('intent_malformed', { detail: 'The intent must be of kind secret.list.' })
  const { intent, principal } = judged
  call.event.learn({ scope: judged.decision.scope.join(' ') })
  call.event.note(intent.prefix === undefined ? { listed: intent.paths ?? [] } : { listed: `${intent.prefix}/` })
  const counted = await call.timer.measure('authenticate', () => count(principal.id, parts))
  return counted.ok ? { ok: true, intent, principal: principal.id, headers: counted.headers } : counted
}

/** Paths are ASCII below `~`, and `0` follows `/`: the first place behind all that lies in a folder. */
export const endOf = (folder: string): string => `${folder}0`
/** The first place behind a path. */
export const behind = (path: string): string => `${path}\u0001`

interface Walk {
  /** Folders and paths, in order. */
  readonly found: readonly string[]
  readonly full: boolean
  /** Takes a path that may be shown. @returns where the next may lie */
  take(path: string): string
}

/** Without `recursive`, a path below a folder shows the folder, once, and nothing more of it needs to be looked at. */
function openWalk({ prefix, recursive, limit }: { readonly prefix: string; readonly recursive: boolean; readonly limit: number }): Walk {
  const found: string[] = []
  return {
    found,
    get full() {
      return found.length >= limit
    },
    take(path) {
      const slash = recursive ? -1 : path.indexOf('/', prefix.length + 1)
      found.push(slash < 0 ? path : path.slice(0, slash + 1))
      return slash < 0 ? behind(path) : endOf(path.slice(0, slash))
    },
  }
}

/** @returns where to go on; undefined: there is no more */
async function look({ from, before, search }: { readonly from: string; readonly before: string; readonly search: string | undefined }, { call, walk }: { readonly call: Call; readonly walk: Walk }, { store, permits }: Vaulting): Promise<string | undefined> {
  let place = from
  for (let looked = 0; looked < mostLookedAt; ) {
    const rows = await store.scan({ from: place, before, limit: chunk, search })
    looked += Math.max(rows.length, 1)
    // All are judged, not only those in which the text was found: how long it takes says nothing of what was hidden.
    const shown = rows.length === 0 ? [] : await permits(call, rows.map(({ path }) => path), 'list')
    for (const [at, { path, hit }] of rows.entries()) {
      if (path < place) continue
      if (walk.full) return place
      place = shown[at] === true && hit ? walk.take(path) : behind(path)
    }
    if (rows.length < chunk || place >= before) return undefined
  }
  return place
}

/** Rows that are gone by now are left out; those that were altered too, and the log says so. */
async function entriesOf(found: readonly string[], { store, records, log }: Vaulting): Promise<readonly Entry[]> {
  const paths = found.filter((each) => !each.endsWith('/'))
  const rows = paths.length === 0 ? new Map<string, StoredSecret>() : await store.newest(paths)
  return found.flatMap((each): readonly Entry[] => {
    if (each.endsWith('/')) return [{ folder: each }]
    const row = rows.get(each)
    const held = row === undefined ? undefined : heldOr(row, { records, log })
    return held === undefined || held.record.removed ? [] : [{ path: held.record.path, record: held.signed }]
  })
}

export function heldOr(row: StoredSecret, { records, log }: Pick<Vaulting, 'records' | 'log'>): Verified | undefined {
  const held = records.held(row)
  if (held === undefined) log.error({ path: row.path, seq: row.seq }, 'the record that lies here is not one that the quorum signed for this secret')
  return held
}
