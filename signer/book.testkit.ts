import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { bytesOf, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { AcceptReply, Book as BookPart, CertifiedVersion, Change, Stop } from '@symbolon/protocol/book.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { p256Jwk } from '@symbolon/protocol/fields.ts'
import { encodeIntent, intentDigest, type Intent, type RosterIntent } from '@symbolon/protocol/intent.ts'
import { softPasskey, type SoftPasskey } from '@symbolon/evidence/passkey.testkit.ts'
import { openJudge } from '@symbolon/policy/judge.ts'
import { at, makeWorld, type World } from '@symbolon/policy/judge.testkit.ts'
import { successor, type Edit } from '@symbolon/roster/edit.ts'
import { keysetOf, lineageOf } from '@symbolon/roster/keyset.ts'
import { encodeRoster, roster as rosterSchema, rosterDigest, type Person, type Roster } from '@symbolon/roster/roster.ts'
import { openLog, SafeError } from '@symbolon/runtime/log.ts'
import { openMetrics } from '@symbolon/runtime/metrics.ts'
import { openAccept, type AcceptSteps } from './accept.ts'
import { openAdopt } from './adopt.ts'
import { openAudit, type Asked, type Brought } from './audit.ts'
import { openBook, type Adopt, type KeptBook } from './book.ts'
import { openCounters } from './counters.ts'
import { openInForce, type InForce } from './current.ts'
import type { Bench } from './judges.ts'
import { openJournal, type Journal } from './journal.ts'

/* Signers as far as they keep a book: real files, real judges (on this thread), real touches of software authenticators. */

const origin = { rpId: 'localhost', origin: 'http://localhost:8081' }
export const people = { ann: softPasskey(origin), bob: softPasskey(origin), cleo: softPasskey(origin) }
export type Name = keyof typeof people
const identities = [1, 2, 3].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }))
const jwkOf = (key: KeyObject) => p256Jwk.parse(key.export({ format: 'jwk' }))
const personOf = (id: Name): Person => ({ id, name: id, roles: ['engineer'], groups: [], passkeys: [people[id].row()] })

/** The signers' first version: already the second, with ann, bob and cleo as guardians: another guardian must agree with what one proposes. */
export function peopled(change: Partial<Roster> = {}): { readonly world: World; readonly first: Roster } {
  const signers = identities.map(({ publicKey }, index) => ({ id: index + 1, name: `signer-${index + 1}`, address: `127.0.0.1:${9000 + index}`, identity: jwkOf(publicKey), hpke: jwkOf(publicKey) }))
  const world = makeWorld({ roster: { signers } })
  const { bootstrap: _, ...rest } = world.roster
  const first = rosterSchema.parse({ ...rest, version: 2, previous: [rosterDigest(world.roster)], lineage: lineageOf(world.roster), people: [personOf('ann'), personOf('bob'), personOf('cleo')], guardians: { people: ['ann', 'bob', 'cleo'], count: 1, window: 86_400 }, ...change })
  return { world: { ...world, roster: first }, first }
}

export interface Clerk {
  readonly id: number
  readonly folder: string
  readonly book: KeptBook
  readonly journal: Journal
  readonly inForce: InForce
  /** From a peer, unless said otherwise. */
  readonly adopt: (part: BookPart, by?: Brought) => ReturnType<Adopt>
  readonly accept: ReturnType<typeof openAccept>
  readonly events: Record<string, unknown>[]
  readonly clock: { now: number }
  close(): void
}

export const asked: Asked = { by: 'symbolon:coordinator/1', requestId: 'request-1' }
const peer: Brought = { by: 'symbolon:signer/2' }

export interface ClerkOptions {
  readonly world: World
  readonly first: Roster
  readonly id?: number
  readonly folder?: string
  readonly now?: number
  readonly steps?: AcceptSteps
  readonly record?: (journal: Journal) => Journal['record']
  readonly certify?: (bytes: Uint8Array) => Promise<Uint8Array>
}

export async function openClerk({ world, first, id = 1, folder = mkdtempSync(join(tmpdir(), 'signer-clerk-')), now = at, steps, record, certify }: ClerkOptions): Promise<Clerk> {
  const clock = { now }
  const events: Record<string, unknown>[] = []
  const log = openLog({ process: `signer-${id}`, level: 'info', to: new Writable({ write: (line, _, done) => { events.push(JSON.parse(String(line)) as Record<string, unknown>); done() } }) })
  const audit = openAudit({ log, metrics: openMetrics({ process: 'test' }), always: () => ({ signer: id }) })
  const lineage = lineageOf(first)
  const journal = openJournal({ folder, signer: id, lineage: bytesOf(lineage), onFailure: () => {}, onForked: () => {} })
  const told = { kept: () => journal.kept(), head: () => journal.head(), record: record?.(journal) ?? ((...all: Parameters<Journal['record']>) => journal.record(...all)) }
  const read = () => journal.clock(clock.now)
  const book = openOrClose(journal, () => openBook({ folder, signer: id, first, bundle: world.bundle, journal: told, clock: read() ?? 0, onFailure: () => {} }))
  const bench = benchHere()
  const bundle = book.bundleFor(book.state())
  if (bundle === undefined) throw new Error('no bundle')
  const inForce = await openInForce({ bench, epoch: 1, keysetOf: (document) => async () => ({ keyset: keysetOf(document), signatures: [] }), onFailure: (error) => audit.failed('judges_failed', error) }, { state: book.state(), bundle, stops: book.stops() })
  const { current } = inForce
  const counters = openCounters(folder)
  const stepped = steps === undefined ? {} : { steps }
  const accept = openAccept({ id, lineage, current, book, bench, unfit: () => undefined, clock: read, certify: certify ?? (async (bytes) => signedBy(id, bytes)), counters, audit, ...stepped })
  const close = () => {
    counters.close()
    book.close()
    journal.close()
  }
  const adopt = openAdopt({ book, inForce, clock: read, counters, audit })
  return { id, folder, book, journal, inForce, adopt: (part, by = peer) => adopt(part, by), accept, events, clock, close }
}

function openOrClose<T>(journal: Journal, open: () => T): T {
  try {
    return open()
  } catch (error) {
    journal.close()
    throw error
  }
}

/** Judges on this thread: the same judge that the workers open. */
function benchHere(): Bench {
  return {
    async open(init) {
      let { stops } = init
      const opened = attempt(() => openJudge({ ...init, stops: () => stops, issuerKeys: () => new Map() }))
      return {
        judge: async ({ requests, clock }) => requests.map((request) => opened.judge(request, clock)),
        rule: async ({ requests, clock }) => requests.map(({ whenever = false, ...request }) => opened.rule(request, clock, { whenever })),
        async setStops(newest) { stops = newest },
        async retire() {},
      }
    },
    setIssuers() {},
    async close() {},
  }
}
function attempt<T>(open: () => T): T {
  try {
    return open()
  } catch (error) {
    throw new SafeError('workers_cannot_open', String(error))
  }
}

export const signedBy = (signer: number, bytes: Uint8Array): Uint8Array => {
  const key = identities[signer - 1]?.privateKey
  if (key === undefined) throw new Error(`no signer ${signer}`)
  return new Uint8Array(sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }))
}

/* What people ask */

const nonce = (): Base64url => toBase64url(randomBytes(16))
export const commonOf = (roster: Roster, sub: string, iat: number) => ({ v: 1 as const, nonce: nonce(), iat, exp: iat + 300, iss: roster.deployment.issuer, lineage: lineageOf(roster), sub })
export const touched = (passkey: SoftPasskey, intent: Intent, counter?: number): Evidence[] => [{ kind: 'passkey', assertion: passkey.assert(intentDigest(encodeIntent(intent)), counter === undefined ? {} : { counter }) }]

export const after = (clerk: Clerk, ...edits: readonly Edit[]): Roster => edited({ document: clerk.book.state().document, entries: clerk.book.state().entries }, ...edits)
export function edited(from: Parameters<typeof successor>[0], ...edits: readonly Edit[]): Roster {
  const result = successor(from, ...edits)
  if (result.ok) return result.document
  throw new Error(result.problems.join('; '))
}

export interface Proposal {
  readonly by?: Name
  readonly approvers?: readonly Name[]
  readonly denied?: readonly Name[]
  readonly iat?: number
  /** Of the approvals. */
  readonly until?: number
  readonly over?: Partial<Change>
  readonly intent?: Partial<RosterIntent>
}

/** A change that ann proposes and bob approves, unless said otherwise. */
export function changeOf(next: Roster, { by = 'ann', approvers = ['bob'], denied = [], iat = at, until = iat + 3_600, over = {}, intent: other = {} }: Proposal = {}): Change {
  const intent: RosterIntent = { ...commonOf(next, by, iat), exp: iat + 3_600, kind: 'roster', version: next.version, from: [...(next.previous ?? [])], to: rosterDigest(next), ...other }
  const digest = toBase64url(intentDigest(encodeIntent(intent)))
  const said = (who: readonly Name[], decision: 'approve' | 'deny') => who.map((approver) => people[approver].approve({ intent: digest, approver, decision, iat, exp: until }))
  return { v: 1, document: toBase64url(encodeRoster(next)), intent: toBase64url(encodeIntent(intent)), evidence: touched(people[by], intent), approvals: [...said(approvers, 'approve'), ...said(denied, 'deny')], registrations: [], split: [], ...over }
}

export const stopOf = (intent: Intent, by: Name): Stop => ({ intent: toBase64url(encodeIntent(intent)), evidence: touched(people[by], intent) })

/* What a coordinator does with it */

export const askAll = (clerks: readonly Clerk[], change: Change): Promise<AcceptReply[]> => Promise.all(clerks.map((clerk) => clerk.accept(asked, { v: 1, what: 'change', change })))

export function certified(change: Change, replies: readonly AcceptReply[]): CertifiedVersion {
  const yes = replies.filter((reply) => reply.result === 'accepted')
  const [one] = yes
  if (one === undefined) throw new Error(`nobody accepted: ${JSON.stringify(replies)}`)
  return { change, certificate: { slot: one.slot, subject: one.subject, accepts: yes.map(({ accept }) => accept) } }
}
export const partOf = (part: Partial<Omit<BookPart, 'v'>>): BookPart => ({ v: 1, versions: [], entries: [], stops: [], ...part })

/** `accepted`, `adopted 3`, or the codes. */
export const told = (reply: AcceptReply | Awaited<ReturnType<Adopt>> | undefined): string => {
  switch (reply?.result) {
    case undefined:
      return 'no reply'
    case 'refused':
      return reply.reasons.map(({ code }) => code).join(' ')
    case 'not_now':
      return reply.code
    case 'adopted':
      return `adopted ${reply.version}`
    case 'accepted':
      return 'accepted'
  }
}

export const discard = (clerks: readonly Clerk[]): void => {
  for (const { folder, close } of clerks) {
    close()
    rmSync(folder, { recursive: true, force: true })
  }
}
export { at }
