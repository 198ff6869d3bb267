import { bytesOf, taggedHash, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { entryDigest, slotOfEntry, type Book, type CertifiedEntry, type CertifiedVersion, type Slot, type Stop } from '@symbolon/protocol/book.ts'
import { decodeIntent, intentDigest } from '@symbolon/protocol/intent.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { verifyCertificate } from './certificate.ts'
import { descends } from './descent.ts'
import { effectiveRoster, isRooted } from './effective.ts'
import { lineageOf } from './keyset.ts'
import { decodeRoster, rosterDigest, type Roster } from './roster.ts'

/*
 * What one holder knows of who exists: version 1, what t signers certified since, and what stops somebody. A value: taking a part of another's
 * book gives a new one. Nothing is believed for who brings it, and nothing that is held is ever taken back.
 */

/** A stop that its holder has judged and found true. `until`, NumericDate: from then on it stops nothing. */
export interface HeldStop {
  readonly stop: Stop
  readonly until: number
}

/** Something that was not taken. `forked` proves that signers accepted two things for one slot: somebody must look into it. */
export interface BookProblem {
  readonly code: 'malformed' | 'certificate' | 'gap' | 'lineage' | 'constants' | 'forked'
  readonly what: 'version' | 'entry' | 'stop'
  /** The version's number, or the entry's row. */
  readonly where: string
  /** For `forked`: signers whose words stand under both. */
  readonly signers?: readonly number[]
}

/** `versions` and `entries`: what is new, in the order in which it was taken. */
export interface Taken {
  readonly state: BookState
  readonly taken: { readonly versions: readonly HeldVersion[]; readonly entries: readonly CertifiedEntry[] }
  /** Stops that it does not hold. They need no certificate, so each holder judges them, and adds those that are true with `withStops`. */
  readonly stops: readonly Stop[]
  readonly problems: readonly BookProblem[]
}

export interface HeldVersion extends CertifiedVersion {
  readonly document: Roster
  readonly digest: Base64url
}

/** Equal books have equal summaries, whatever the order in which they came to know it. */
export interface BookSummary {
  readonly roster: { readonly version: number; readonly digest: Base64url }
  readonly entries: Base64url
  readonly stops: Base64url
}

export interface BookState {
  /** Version 1. */
  readonly first: Roster
  /** The newest version, and its digest. */
  readonly document: Roster
  readonly digest: Base64url
  readonly lineage: Base64url
  /** What requests are judged by. */
  readonly effective: Roster
  /** After version 1, ascending. */
  readonly versions: readonly HeldVersion[]
  /** Those that the newest version still has the root of. */
  readonly entries: readonly CertifiedEntry[]
  readonly stops: readonly HeldStop[]
  version(): number
  summary(): BookSummary
  /** What somebody lacks that stands at that version. */
  after(version: number): Book
  take(book: Book): Taken
  withStops(stops: readonly HeldStop[]): BookState
  /** Without the stops that have ended. */
  pruned(now: number): BookState
}

interface Parts {
  readonly first: Roster
  readonly lineage: Base64url
  readonly versions: readonly HeldVersion[]
  readonly entries: ReadonlyMap<Base64url, CertifiedEntry>
  readonly stops: ReadonlyMap<Base64url, HeldStop>
}

/** @param first version 1, which its holder has reason to believe (`verifyGenesis`) */
export const openBook = (first: Roster): BookState => stateOf({ first, lineage: lineageOf(first), versions: [], entries: new Map(), stops: new Map() })

function stateOf(parts: Parts): BookState {
  const newest = parts.versions.at(-1)
  const document = newest?.document ?? parts.first
  const digest = newest?.digest ?? rosterDigest(parts.first)
  const entries = [...parts.entries.values()]
  return {
    first: parts.first,
    document,
    digest,
    lineage: parts.lineage,
    effective: effectiveRoster(document, entries),
    versions: parts.versions,
    entries,
    stops: [...parts.stops.values()],
    version: () => document.version,
    summary: () => ({ roster: { version: document.version, digest }, entries: digestOf('entries', parts.entries.keys()), stops: digestOf('stops', parts.stops.keys()) }),
    after: (version) => ({ v: 1, versions: portion(parts.versions.filter((held) => held.document.version > version), policyAt(parts, version)), entries: entries.slice(0, 4096), stops: [...parts.stops.values()].slice(-4096).map(({ stop }) => stop) }),
    take: (book) => take(parts, document, book),
    withStops: (stops) => stateOf({ ...parts, stops: new Map([...parts.stops, ...stops.map((held) => [stopId(held.stop), held] as const)]) }),
    pruned: (now) => stateOf({ ...parts, stops: new Map([...parts.stops].filter(([, { until }]) => until > now)) }),
  }
}

const policyAt = ({ first, versions }: Parts, version: number): Base64url | undefined => [first, ...versions.map(({ document }) => document)].find((document) => document.version === version)?.policy

const digestOf = (kind: 'entries' | 'stops', ids: Iterable<Base64url>): Base64url => toBase64url(taggedHash(`book-${kind}/v1`, canonical([...ids].sort())))

/** The same wish is the same stop, whatever evidence comes with it. */
export const stopId = ({ intent }: Pick<Stop, 'intent'>): Base64url => toBase64url(intentDigest(bytesOf(intent)))

/**
 * Of the versions that somebody lacks, as many as one answer carries: the oldest first, so that asking again goes on. They end with one whose policy
 * goes along, or is the one that the asker has already: without it, nothing of them could be adopted.
 *
 * @param known the policy of the version that the asker stands at
 */
function portion(versions: readonly HeldVersion[], known: Base64url | undefined): CertifiedVersion[] {
  const weighed = withinLimits(versions)
  const bundled = new Set(weighed.flatMap(({ change, document }) => (change.bundle === undefined ? [] : [document.policy])))
  const last = weighed.findLast(({ document: { policy } }) => policy === known || bundled.has(policy)) ?? weighed.at(-1)
  const out = last === undefined ? [] : weighed.slice(0, weighed.indexOf(last) + 1)
  // A bundle that is not in force where they end would never be loaded.
  return out.map(({ change: { bundle, ...rest }, certificate, document }) => ({ change: bundle !== undefined && document.policy === last?.document.policy ? { ...rest, bundle } : rest, certificate }))
}

function withinLimits(versions: readonly HeldVersion[]): HeldVersion[] {
  let size = 0
  const first = versions.slice(0, 64)
  const over = first.findIndex(({ change: { bundle, ...rest } }, at) => (size += JSON.stringify(rest).length + (bundle === undefined ? 0 : bundle.wasm.length + bundle.data.length)) > 32 * 1024 * 1024 && at > 0)
  return over < 0 ? first : first.slice(0, over)
}

/** Nobody honest holds what no certificate proves: who shows more of it than this is not listened to further. Each costs many signatures to see through. */
const unprovenAtMost = 4

function take(before: Parts, held: Roster, book: Book): Taken {
  const problems: BookProblem[] = []
  const isLying = () => problems.filter(({ code }) => code === 'certificate').length >= unprovenAtMost
  const versions = [...before.versions]
  for (const candidate of [...book.versions].sort((a, b) => versionIn(a.certificate.slot) - versionIn(b.certificate.slot))) {
    if (isLying()) break
    const result = takeVersion({ ...before, versions }, versions.at(-1)?.document ?? held, candidate)
    if (result === 'known') continue
    if ('code' in result) problems.push(result)
    else versions.push(result)
  }
  const document = versions.at(-1)?.document ?? held
  const entries = new Map(before.entries)
  const bySlot = new Map([...entries.values()].map((entry) => [slotText(entry.certificate.slot), entry]))
  const taken: CertifiedEntry[] = []
  for (const candidate of book.entries) {
    if (isLying()) break
    const digest = entryDigest(candidate.entry.statement)
    // Not rooted: its row is gone, or has another key by now; it came too late, and says nothing any more.
    if (entries.has(digest) || !isRooted(document, candidate.entry.statement)) continue
    const result = takeEntry({ lineage: before.lineage, document, twin: bySlot.get(slotText(candidate.certificate.slot)) }, candidate, digest)
    if (result.problem !== undefined) problems.push(result.problem)
    if (!result.take) continue
    taken.push(candidate)
    entries.set(digest, candidate)
    bySlot.set(slotText(candidate.certificate.slot), candidate)
  }
  const rooted = new Map([...entries].filter(([, { entry }]) => isRooted(document, entry.statement)))
  const { stops, malformed } = unseen(before, book.stops)
  return { state: stateOf({ ...before, versions, entries: rooted }), taken: { versions: versions.slice(before.versions.length), entries: taken }, stops, problems: [...problems, ...malformed] }
}

const versionIn = (slot: Slot): number => (slot.of === 'roster' ? slot.version : 0)

function takeVersion(parts: Parts, current: Roster, { change, certificate }: CertifiedVersion): HeldVersion | 'known' | BookProblem {
  const problem = (code: BookProblem['code'], more: Pick<BookProblem, 'signers'> = {}): BookProblem => ({ code, what: 'version', where: `${versionIn(certificate.slot)}`, ...more })
  const document = documentIn(change.document)
  if (document === undefined) return problem('malformed')
  const digest = rosterDigest(document)
  if (certificate.slot.of !== 'roster' || certificate.slot.version !== document.version || certificate.subject !== digest) return problem('malformed')
  if (document.lineage !== parts.lineage) return problem('lineage')
  const twin = parts.versions.find((other) => other.document.version === document.version)
  if (twin?.digest === digest) return 'known'
  // Passed over by a successor that named it among others; or older than what is held.
  if (document.version <= current.version && twin === undefined) return 'known'
  const words = verifyCertificate(certificate, current, parts.lineage)
  if (!words.ok) return problem('certificate')
  // Two were certified for one number. What is held stays: it may be the other that takes somebody back in.
  if (twin !== undefined) return problem('forked', { signers: common(words.signers, verifyCertificate(twin.certificate, current, parts.lineage).signers) })
  if (!sameConstants(document, current)) return problem('constants')
  const split = change.split.map(documentIn).filter((other) => other !== undefined)
  if (!descends(document, current, split)) return problem(document.version === current.version + 1 ? 'forked' : 'gap')
  return { change, certificate, document, digest }
}

const documentIn = (text: Base64url): Roster | undefined => {
  const decoded = decodeRoster(bytesOf(text))
  return decoded.ok ? decoded.value : undefined
}

const common = (a: readonly number[], b: readonly number[]): readonly number[] => a.filter((id) => b.includes(id))

/** Its certificate counts the signers of the version before; with others, and another t, it would be judged by itself. */
const sameConstants = (a: Roster, b: Roster): boolean => toBase64url(canonical([a.signers, a.groups, a.deployment.issuer])) === toBase64url(canonical([b.signers, b.groups, b.deployment.issuer]))

/** `twin`: what is held for the same slot. */
function takeEntry({ lineage, document, twin }: { readonly lineage: Base64url; readonly document: Roster; readonly twin: CertifiedEntry | undefined }, { entry, certificate }: CertifiedEntry, digest: Base64url): { readonly take: boolean; readonly problem?: BookProblem } {
  const { statement } = entry
  const refuse = (code: BookProblem['code']) => ({ take: false, problem: { code, what: 'entry', where: statement.row } }) as const
  if (statement.lineage !== lineage) return refuse('lineage')
  if (certificate.subject !== digest || slotText(certificate.slot) !== slotText(slotOfEntry(statement))) return refuse('malformed')
  const words = verifyCertificate(certificate, document, lineage)
  if (!words.ok) return refuse('certificate')
  if (twin === undefined) return { take: true }
  // Kept beside the other, so that every holder comes to hold both, and all take the same one (`effectiveRoster`).
  return { take: true, problem: { code: 'forked', what: 'entry', where: statement.row, signers: common(words.signers, verifyCertificate(twin.certificate, document, lineage).signers) } }
}

const slotText = (slot: Slot): string => toBase64url(canonical(slot))

function unseen(parts: Parts, stops: readonly Stop[]): { stops: readonly Stop[]; malformed: readonly BookProblem[] } {
  const fresh = new Map<Base64url, Stop>()
  const malformed: BookProblem[] = []
  for (const stop of stops) {
    const decoded = decodeIntent(bytesOf(stop.intent))
    if (!decoded.ok || (decoded.value.kind !== 'revoke' && decoded.value.kind !== 'lock')) malformed.push({ code: 'malformed', what: 'stop', where: '' })
    else if (!parts.stops.has(stopId(stop))) fresh.set(stopId(stop), stop)
  }
  return { stops: [...fresh.values()], malformed }
}
