import { bytesOf, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Change } from '@symbolon/protocol/book.ts'
import { decodeIntent } from '@symbolon/protocol/intent.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { verifyRegistration } from '@symbolon/evidence/registration.ts'
import type { Ruled } from '@symbolon/policy/judgement.ts'
import { readBundle, type Bundle } from '@symbolon/policy/bundle.ts'
import { effectiveRoster } from '@symbolon/roster/effective.ts'
import { leavesOf } from '@symbolon/roster/descent.ts'
import { lineageOf } from '@symbolon/roster/keyset.ts'
import { judgeNext, type Base, type VerifiedRegistration, type Voices } from '@symbolon/roster/next.ts'
import { decodeRoster, rosterDigest, type Roster } from '@symbolon/roster/roster.ts'
import { SafeError } from '@symbolon/runtime/log.ts'
import type { Verdict } from './accept.ts'
import type { KeptBook } from './book.ts'
import type { Watch } from './counters.ts'
import type { Current } from './current.ts'
import type { Bench, Judges } from './judges.ts'

/* Is this change one that this signer may put its word to? Everything is verified here, from what is in force here. */

export interface Ground {
  readonly current: Current
  readonly book: KeptBook
  readonly bench: Pick<Bench, 'open'>
  readonly clock: number
  /** Told of the proposer's touch. */
  readonly watch: Watch
}

type Result<T> = { readonly verdict: 'ok'; readonly value: T } | Exclude<Verdict, { verdict: 'sound' }>

export async function judgeChange(ground: Ground, change: Change): Promise<Verdict> {
  const next = documentOf(change.document)
  if (next === undefined) return refused(unsound('document', 'The next version cannot be read.'))
  const intent = decodeIntent(bytesOf(change.intent))
  if (!intent.ok || intent.value.kind !== 'roster') return refused(unsound('intent', 'A change is asked for by an intent of kind roster.'))

  const own = await voicesBy(ground.current, ground, change)
  if (own.verdict !== 'ok') return own
  const split = await basesOf(ground, change)
  if (split.verdict !== 'ok') return split
  const registrations = registrationsOf(ground, change, next, intent.value.iat)
  if (registrations.verdict !== 'ok') return registrations
  const bundle = bundleIn(change)
  if (bundle.verdict !== 'ok') return bundle

  const { first, versions, entries } = ground.book.state()
  const judged = judgeNext({
    current: { document: ground.current.document, voices: own.value },
    accepted: ground.book.acceptedBeyond(),
    split: split.value,
    earlier: [first, ...versions.map(({ document }) => document)],
    entries,
    intent: intent.value,
    next,
    registrations: registrations.value,
    ...(bundle.value === undefined ? {} : { bundle: bundle.value.digest }),
  })
  if (!judged.ok) return refused(...judged.reasons)
  const unusable = next.policy === ground.current.document.policy || bundle.value === undefined ? undefined : await unusableFor(ground, next, bundle.value)
  return unusable ?? { verdict: 'sound', slot: judged.slot, subject: judged.subject }
}

/** Who proposes it and who approved, by one version's judge. */
async function voicesBy({ rule }: Pick<Judges, 'rule'>, { clock, watch }: Ground, { intent, evidence, approvals }: Change): Promise<Result<Voices>> {
  const rulings = await rule({ requests: [{ intent: bytesOf(intent), evidence, approvals }], clock })
  const ruling = typeof rulings === 'string' ? { verdict: 'unavailable' as const, code: rulings } : rulings[0]
  if (ruling === undefined) throw new TypeError('one ruling for each request')
  if (ruling.verdict === 'unavailable') return { verdict: 'not_now', code: ruling.code }
  if (ruling.verdict === 'refused') return refused(...ruling.reasons)
  watch(ruling)
  return { verdict: 'ok', value: voicesOf(ruling) }
}

const voicesOf = ({ principal: { id, kind }, touch, passkeyUses, approvers, denied }: Ruled): Voices => ({ proposer: { id, kind, touch, passkeyUses }, approvers, denied })

/** The versions that a split left and those between; with those who speak for the change by the rules that bind: of what it succeeds, and of what this signer accepted. */
async function basesOf(ground: Ground, change: Change): Promise<Result<readonly Base[]>> {
  const documents = change.split.map(documentOf).filter((document) => document !== undefined)
  if (documents.length < change.split.length) return refused(unsound('split', 'A version that a split left cannot be read.'))
  const digests = new Map(documents.map((document) => [document, rosterDigest(document)]))
  // A judge of another version costs a moment and memory: only of documents that the change must name anyway.
  if (new Set(digests.values()).size < documents.length) return refused(unsound('split', 'A version is named twice.'))
  const leaves = leavesOf(documents)
  const accepted = new Set(ground.book.acceptedBeyond().map(({ digest }) => digest))
  const bases: Base[] = []
  for (const [document, digest] of digests) {
    const binds = leaves.includes(document) || accepted.has(digest)
    const voices = binds ? await voicesOfSplit(ground, document, change) : ({ verdict: 'ok', value: nobody } as const)
    if (voices.verdict !== 'ok') return voices
    bases.push({ document, voices: voices.value })
  }
  return { verdict: 'ok', value: bases }
}

/** Satisfies no rule. */
const nobody: Voices = { proposer: { id: '', kind: 'trust', touch: false, passkeyUses: [] }, approvers: [], denied: [] }

/** Who speaks is the roster's to say, not the policy's: whatever policy that version names, the one in force serves to open its judge. */
async function voicesOfSplit(ground: Ground, document: Roster, change: Change): Promise<Result<Voices>> {
  const { current: { bundle }, book, bench } = ground
  const judges = await bench.open({ roster: { ...effectiveRoster(document, book.state().entries), policy: bundle.digest }, bundle, stops: book.stops() })
  try {
    return await voicesBy(judges, ground, change)
  } finally {
    await judges.retire()
  }
}

/** A policy that cannot be evaluated would silence every signer: it is opened here before this signer says yes. */
async function unusableFor({ bench, book }: Ground, next: Roster, bundle: Bundle): Promise<Verdict | undefined> {
  try {
    const judges = await bench.open({ roster: effectiveRoster(next, book.state().entries), bundle, stops: book.stops() })
    await judges.retire()
    return undefined
  } catch (error) {
    if (error instanceof SafeError) return refused(unsound('policy', `The policy bundle cannot be evaluated: ${error.message}`))
    throw error
  }
}

/**
 * Registrations are for this occasion: a first passkey comes in by the bootstrap key, a further one on top of the version in force. They
 * were made on a page of the version in force, by an authenticator that the next one allows.
 */
function registrationsOf({ current }: Ground, { registrations }: Change, next: Roster, at: number): Result<readonly VerifiedRegistration[]> {
  const { document } = current
  const by = document.bootstrap === undefined ? rosterDigest(document) : thumbprint(document.bootstrap)
  const { attestation: _, ...known } = current.roster
  const roster: Roster = { ...known, ...(next.attestation === undefined ? {} : { attestation: next.attestation }) }
  const verified: VerifiedRegistration[] = []
  for (const { row, credential, registration } of registrations) {
    const passkey = next.people.find(({ id }) => id === row)?.passkeys.find(({ id }) => id === credential)
    if (passkey === undefined) return refused(unsound('registration', `The next version has no passkey of ${row} for this registration.`))
    const { name, uses } = passkey
    const result = verifyRegistration({ registration, credential, wanted: { lineage: lineageOf(document), row, by }, roster, name, uses, at })
    if (!result.ok) return refused(...result.reasons)
    verified.push({ row, passkey: result.passkey })
  }
  return { verdict: 'ok', value: verified }
}

/** The bundle that came along; it must be one. */
function bundleIn({ bundle }: Change): Result<Bundle | undefined> {
  if (bundle === undefined) return { verdict: 'ok', value: undefined }
  const opened = readBundle({ wasm: bytesOf(bundle.wasm), data: bytesOf(bundle.data) })
  return opened.ok ? { verdict: 'ok', value: opened.bundle } : refused(unsound('policy', `The policy bundle does not open: ${opened.reason}.`))
}

function documentOf(text: Base64url): Roster | undefined {
  const decoded = decodeRoster(bytesOf(text))
  return decoded.ok ? decoded.value : undefined
}


export const refused = (first: Reason, ...more: readonly Reason[]): { readonly verdict: 'refused'; readonly reasons: readonly [Reason, ...Reason[]] } => ({ verdict: 'refused', reasons: [first, ...more] })
const unsound = (rule: string, message: string): Reason => reasonOf('change_unsound', message, { rule: `roster.${rule}` })
