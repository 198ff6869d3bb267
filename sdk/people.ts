import { bytesOf, equalBytes, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Approval } from '@symbolon/protocol/approval.ts'
import { entryDigest, slotOfEntry, type CertifiedEntry, type Change, type Entry } from '@symbolon/protocol/book.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { changeResponse, changesResponse, entryResponse, rosterResponse, stopResponse, type ChangeResponse, type ChangesResponse, type EntryResponse, type ReadRequest, type RosterResponse, type StopResponse } from '@symbolon/protocol/http.ts'
import { verifyCertificate } from '@symbolon/roster/certificate.ts'
import { decodeRoster, rosterDigest, type Roster } from '@symbolon/roster/roster.ts'
import type { z } from 'zod'
import type { Credential } from './credential.ts'
import type { Deployment } from './deployment.ts'
import { failed, ok, type Outcome } from './errors.ts'
import { buildAsk, type Ask } from './intent.ts'

/* Who exists, and changes to it, as a client sees them. */

/** Roster id of who asks, and what shows it. */
export interface Who {
  readonly sub: string
  readonly credential: Credential
}

export interface RosterRead {
  readonly document: Roster
  /** Of this deployment. */
  readonly lineage: Base64url
  readonly digest: Base64url
  /** t signers vouch for this very document, in the keyset that was followed from the pin. Else the api alone says so. */
  readonly vouched: boolean
  /** What rows did to themselves, by entries that t signers of the document certified. */
  readonly entries: readonly CertifiedEntry[]
  readonly response: RosterResponse
}

export interface People {
  readRoster(who: Who): Promise<Outcome<RosterRead>>
  listChanges(who: Who): Promise<Outcome<ChangesResponse>>
  propose(change: Change): Promise<Outcome<ChangeResponse>>
  approve(digest: Base64url, approval: Approval): Promise<Outcome<ChangeResponse>>
  sendEntry(entry: Entry): Promise<Outcome<EntryResponse>>
  /** Revoking a grant or token, locking a row. */
  stop(ask: Extract<Ask, { kind: 'revoke' | 'lock' }>, who: Pick<Who, 'credential'>, at: { readonly iss: string; readonly lineage: Base64url }): Promise<Outcome<StopResponse>>
}

export interface PeopleCalls {
  deployment(): Promise<Outcome<Deployment>>
  post<T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<Outcome<T>>
  clock(): number
}

export function peopleCalls({ deployment, post, clock }: PeopleCalls): People {
  const signed = async (ask: Ask, credential: Credential, at: { readonly iss: string; readonly lineage: Base64url }): Promise<Outcome<ReadRequest>> => {
    const built = buildAsk(ask, at, clock())
    if (!built.ok) return built
    const evidence = await credential.evidence(built.value, clock())
    return evidence.ok ? ok({ intent: toBase64url(built.value.bytes), evidence: [...evidence.value] }) : evidence
  }
  const read = async <T>(what: 'roster' | 'changes', { sub, credential }: Who, path: string, schema: z.ZodType<T>): Promise<Outcome<{ readonly deployment: Deployment; readonly answer: T }>> => {
    const found = await deployment()
    if (!found.ok) return found
    const body = await signed({ kind: 'read', sub, what }, credential, { iss: found.value.keyset.issuer, lineage: found.value.lineage })
    if (!body.ok) return body
    const answer = await post(path, body.value, schema)
    return answer.ok ? ok({ deployment: found.value, answer: answer.value }) : answer
  }
  return {
    readRoster: async (who) => {
      const got = await read('roster', who, '/v1/roster', rosterResponse)
      return got.ok ? judgeRoster(got.value.answer, got.value.deployment) : got
    },
    listChanges: async (who) => {
      const got = await read('changes', who, '/v1/changes/list', changesResponse)
      return got.ok ? ok(got.value.answer) : got
    },
    propose: (change) => post('/v1/changes', { change }, changeResponse),
    approve: (digest, approval) => post('/v1/changes/approvals', { digest, approval }, changeResponse),
    sendEntry: (entry) => post('/v1/entries', { entry }, entryResponse),
    stop: async (ask, { credential }, at) => {
      const body = await signed(ask, credential, at)
      return body.ok ? post('/v1/stops', body.value, stopResponse) : body
    },
  }
}

/** The document must be what its digest says; and where the keyset names that version, exactly the one that the signers vouch for. */
function judgeRoster(response: RosterResponse, { keyset, lineage }: Deployment): Outcome<RosterRead> {
  const decoded = decodeRoster(bytesOf(response.document))
  if (!decoded.ok) return failed('answer_malformed', { detail: `the roster document: ${decoded.reason}` })
  const document = decoded.value
  const digest = rosterDigest(document)
  const older = document.version < keyset.roster
  const other = document.version === keyset.roster && digest !== keyset.digest
  const foreign = document.lineage !== undefined && document.lineage !== lineage
  if (older || other || foreign) return failed('roster_differs', { detail: `version ${document.version}, ${digest}` })
  return ok({ document, lineage, digest, vouched: digest === keyset.digest, entries: response.entries.filter((entry) => isCertified(entry, document, lineage)), response })
}

function isCertified({ entry: { statement }, certificate }: CertifiedEntry, document: Roster, lineage: Base64url): boolean {
  const meant = certificate.subject === entryDigest(statement) && equalBytes(canonical(certificate.slot), canonical(slotOfEntry(statement)))
  return meant && statement.lineage === lineage && verifyCertificate(certificate, document, lineage).ok
}
