import { bytesOf, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { ChangesResponse, ReadRequest, RosterResponse, StopSummary } from '@symbolon/protocol/http.ts'
import { decodeIntent, intentDigest, type ReadIntent } from '@symbolon/protocol/intent.ts'
import { stopId, type BookState, type HeldVersion } from '@symbolon/roster/book.ts'
import { encodeRoster } from '@symbolon/roster/roster.ts'
import type { AuditEvent } from '@symbolon/front/event.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import { count, rule } from '@symbolon/front/judging.ts'
import { standingOf, type ChangeParts } from './changes.ts'
import type { Overview } from './overview.ts'
import type { Serving } from './serving.ts'
import { storedProposal } from './stored-change.ts'

/* What only members of the deployment may read. Nothing is signed, so the api alone judges who asks. */

/** All of an answer but the id of the request. */
export type Read<T> = { readonly ok: true; readonly value: T; readonly headers: Readonly<Record<string, string>> } | Failure

export interface ReadParts extends ChangeParts {
  readonly overview: Overview
}

export async function readRoster(request: ReadRequest, event: AuditEvent, serving: Serving, { overview, state }: ReadParts): Promise<Read<Omit<RosterResponse, 'request_id'>>> {
  const admitted = await admit(request, 'roster', event, serving)
  if (!admitted.ok) return admitted
  const { document, digest, entries, stops, versions } = state()
  const now = serving.minting.clock()
  const { signers } = await overview.status()
  return {
    ok: true,
    headers: admitted.headers,
    value: {
      document: toBase64url(encodeRoster(document)),
      version: document.version,
      digest,
      entries: [...entries],
      stops: stops.flatMap((held) => (held.until > now ? summaryOf(held) : [])),
      signers: signers.map(({ id, name, roster }) => ({ id, name, version: roster })),
      history: versions.flatMap(historyOf),
    },
  }
}

export async function readChanges(request: ReadRequest, event: AuditEvent, serving: Serving, parts: ReadParts): Promise<Read<Omit<ChangesResponse, 'request_id'>>> {
  const admitted = await admit(request, 'changes', event, serving)
  if (!admitted.ok) return admitted
  const now = parts.clock()
  const changes: ChangesResponse['changes'] = []
  for (const row of await parts.store.list(now)) {
    // A row that says something else than what was stored is passed over: nobody shall be shown what nobody proposed.
    const proposal = storedProposal(row, now)
    if (proposal === undefined || proposal.intent.exp <= now) continue
    const standing = await standingOf({ row, proposal }, serving, parts.state())
    const { bundle: _, ...change } = proposal.change
    if (standing.state !== 'accepted') changes.push({ ...standing, proposer: proposal.intent.sub, iat: proposal.intent.iat, exp: proposal.intent.exp, change })
  }
  return { ok: true, headers: admitted.headers, value: { version: parts.state().version(), changes } }
}

type Admitted = { readonly ok: true; readonly headers: Readonly<Record<string, string>> } | Failure

async function admit(request: ReadRequest, what: ReadIntent['what'], event: AuditEvent, { minting }: Serving): Promise<Admitted> {
  const ruled = await rule(request, event, minting)
  if (!ruled.ok) return ruled
  const { intent, principal } = ruled.value
  if (intent.kind !== 'read' || intent.what !== what) return fail('intent_malformed', { detail: `The intent must be of kind read, for ${what}.` })
  return count(principal.id, minting)
}

function summaryOf({ stop, until }: BookState['stops'][number]): StopSummary[] {
  const decoded = decodeIntent(bytesOf(stop.intent))
  if (!decoded.ok) return []
  const common = { digest: stopId(stop), by: decoded.value.sub, iat: decoded.value.iat, until }
  if (decoded.value.kind === 'revoke') return [{ kind: 'revoke', ...common, what: decoded.value.what, id: decoded.value.id }]
  return decoded.value.kind === 'lock' ? [{ kind: 'lock', ...common, row: decoded.value.row }] : []
}

/** Approvals as the change carries them; whose counted, t signers judged. */
function historyOf({ document, digest, change }: HeldVersion): RosterResponse['history'] {
  const bytes = bytesOf(change.intent)
  const intent = decodeIntent(bytes)
  if (!intent.ok) return []
  const named: Base64url = toBase64url(intentDigest(bytes))
  const approvers = new Set(change.approvals.flatMap((each) => (each.intent === named && each.decision === 'approve' ? [each.approver] : [])))
  return [{ version: document.version, digest, iat: intent.value.iat, proposer: intent.value.sub, approvers: [...approvers] }]
}
