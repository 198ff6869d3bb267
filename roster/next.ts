import { equalBytes, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Slot } from '@symbolon/protocol/book.ts'
import type { RefusalCode } from '@symbolon/protocol/errors.ts'
import type { RosterIntent } from '@symbolon/protocol/intent.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import { descends, isTwin, leavesOf } from './descent.ts'
import { effectiveRoster, type Entries } from './effective.ts'
import { lineageOf } from './keyset.ts'
import { mayApprove } from './people.ts'
import { revivedIn } from './revival.ts'
import { problemsOf, rosterDigest, type Passkey, type Person, type Roster } from './roster.ts'

/* May this be the next version? The one place that says so. Who speaks for it is verified before; no clock is read. */

/** Whom the intent's evidence yields by one version's effective roster, and which guardians spoke. */
export interface Voices {
  readonly proposer: {
    readonly id: string
    readonly kind: 'person' | 'bootstrap' | 'service' | 'trust'
    /** A passkey's assertion over this very intent. */
    readonly touch: boolean
    /** Of that passkey; empty without one. */
    readonly passkeyUses: readonly Passkey['uses'][number][]
  }
  /** People whose approval of the intent holds now, in any order; one may stand there more than once. */
  readonly approvers: readonly string[]
  /** People who said no. */
  readonly denied: readonly string[]
}

/** A version that the change builds on, and who speaks for the change by that version. */
export interface Base {
  readonly document: Roster
  readonly voices: Voices
}

/** A registration that holds: made for this row, in this deployment, on this occasion (`registrationChallenge`), by a model that may be used so. */
export interface VerifiedRegistration {
  readonly row: string
  readonly passkey: Passkey
}

export interface NextInput {
  /** The version that the signer has adopted. */
  readonly current: Base
  /** What the signer accepted beyond it, for good, without having seen a certificate. */
  readonly accepted: readonly { readonly version: number; readonly digest: Base64url }[]
  /** Accepted versions that a split left, as the change brings them, with those between them and the current one; of these, nobody's voice counts unless this signer accepted them. */
  readonly split: readonly Base[]
  /** Versions before the current one, as far as the signer holds them. */
  readonly earlier: readonly Roster[]
  /** Certified entries, of any version. */
  readonly entries: Entries
  readonly intent: RosterIntent
  readonly next: Roster
  readonly registrations: readonly VerifiedRegistration[]
  /** Digest of the policy bundle that came along and opens. */
  readonly bundle?: Base64url
}

export type NextResult = { readonly ok: true; readonly slot: Slot; readonly subject: Base64url } | { readonly ok: false; readonly reasons: readonly [Reason, ...Reason[]] }

/** Every reason at once, so that a proposer need not ask twice. */
export function judgeNext(input: NextInput): NextResult {
  const { next } = input
  const subject = rosterDigest(next)
  const bases = basesOf(input)
  const reasons = [
    ...reasonsOfPlace(input, subject),
    ...problemsOf(next).map((problem) => unsound('problems', problem)),
    ...[...new Set([input.current, ...bases])].flatMap(({ document }) => reasonsOfConstants(document, next)),
    ...revivedIn(next, { bases: bases.map(({ document }) => document), earlier: input.earlier }).map((id) => unsound('revived', `${id} had this invitation or key before, and what hung on it would hold again; use a fresh one.`)),
    ...reasonsOfPolicy(input),
    ...reasonsOfPasskeys(input),
    ...reasonsOfGuardians(next, input.entries),
    ...rulers(input).flatMap((base) => reasonsOfRule(base, input.intent)),
  ]
  const [first, ...more] = reasons
  return first === undefined ? { ok: true, slot: { of: 'roster', version: next.version }, subject } : { ok: false, reasons: [first, ...more] }
}

const refused = (code: RefusalCode, rule: string, message: string, fact?: string): Reason => reasonOf(code, message, { rule: `roster.${rule}`, ...(fact === undefined ? {} : { fact }) })
const unsound = (rule: string, message: string): Reason => refused('change_unsound', rule, message)

/** What the next version succeeds directly. */
function basesOf({ current, split }: NextInput): readonly Base[] {
  const leaves = new Set(leavesOf(split.map(({ document }) => document)))
  return split.length === 0 ? [current] : split.filter(({ document }) => leaves.has(document))
}

/**
 * Whose rules bind. Without a split, the current version's. With one, each named version's, and that of the newest which this signer judged itself:
 * what it did not judge may be anybody's invention, and must not stand in for the rule that it knows, not even by building on what it accepted.
 */
function rulers(input: NextInput): readonly Base[] {
  const judged = acceptedBeyond(input).filter(({ version }) => version < input.next.version)
  const newest = Math.max(0, ...judged.map(({ version }) => version))
  const own = input.split.filter(({ document }) => judged.some(({ version, digest }) => version === newest && digest === rosterDigest(document)))
  return [...new Set([...(own.length > 0 ? own : [input.current]), ...basesOf(input)])]
}

const acceptedBeyond = ({ current, accepted }: NextInput) => accepted.filter(({ version }) => version > current.document.version)

/** That it names what it stands on, and that this is all that the signer has said yes to. */
function reasonsOfPlace(input: NextInput, subject: Base64url): Reason[] {
  const { current, intent, next } = input
  const brought = input.split.map(({ document }) => document)
  const bases = basesOf(input).map(({ document }) => document)
  const named = bases.map(rosterDigest).sort()
  const ancestors = new Set([...brought.map(rosterDigest), ...brought.flatMap(({ previous }) => previous ?? [])])
  const version = Math.max(...bases.map((document) => document.version)) + 1
  return [
    ...(intent.to === subject && intent.version === next.version ? [] : [unsound('to', 'The intent names another document.')]),
    ...(same(intent.from, named) && same(next.previous, named) ? [] : [unsound('from', 'Intent and document must name what they succeed: the version in force, or each accepted one that a split left.')]),
    ...(next.version === version ? [] : [unsound('version', `The next version is ${version}.`)]),
    ...(bases.every((document) => document === current.document || rosterDigest(document) === rosterDigest(current.document) || descends(document, current.document, brought) || isTwin(document, current.document)) ? [] : [unsound('from', 'What it names does not come from the version in force.')]),
    // An accept is for good: what contradicts it, or passes it over, could take back what it may have certified.
    ...acceptedBeyond(input).filter(({ version: at, digest }) => (at === next.version ? digest !== subject : at > next.version || !ancestors.has(digest))).map(({ version: at, digest }) => refused('change_conflict', 'accepted', `Another version ${at} was accepted already.`, digest)),
  ]
}

/** What only a ceremony changes, or nothing. */
function reasonsOfConstants(base: Roster, next: Roster): Reason[] {
  const constants: readonly [string, unknown, unknown][] = [
    ['lineage', lineageOf(base), next.lineage],
    ['deployment.issuer', base.deployment.issuer, next.deployment.issuer],
    // Passkeys belong to an RP id: with another one, nobody could approve anything any more.
    ['deployment.rp_id', base.deployment.rp_id, next.deployment.rp_id],
    ['signers', base.signers, next.signers],
    ['groups', base.groups, next.groups],
  ]
  return constants.filter(([, before, after]) => !same(before, after)).map(([name]) => unsound(name, `${name} may not change here.`))
}

const same = (a: unknown, b: unknown): boolean => a !== undefined && b !== undefined && equalBytes(canonical(a), canonical(b))

const reasonsOfPolicy = ({ current, next, bundle }: NextInput): Reason[] =>
  next.policy === current.document.policy || next.policy === bundle ? [] : [unsound('policy', 'A new policy needs its bundle in the change.')]

/** A passkey is somebody's because an authenticator said so for that row, never because a document does. */
function reasonsOfPasskeys({ current, entries, next, registrations }: NextInput): Reason[] {
  const before = new Map(effectiveRoster(current.document, entries).people.map((row) => [row.id, row]))
  return next.people.flatMap((row) => {
    const known = before.get(row.id)
    const added = row.passkeys.filter(({ id }) => known?.passkeys.some((other) => other.id === id) !== true)
    const kept = row.passkeys.filter((passkey) => !added.includes(passkey))
    return [
      ...added.filter((passkey) => !registrations.some((made) => made.row === row.id && sameKey(made.passkey, passkey))).map(({ name }) => unsound('registration', `Passkey ${name} of ${row.id} is not backed by a registration for that row.`)),
      ...kept.filter((passkey) => !mayBecome(known?.passkeys.find(({ id }) => id === passkey.id), passkey, next)).map(({ name }) => unsound('passkey', `Passkey ${name} of ${row.id} may not be altered like that; register it anew.`)),
      ...reasonsOfOwnTouch(current.voices, known, row, added.length > 0),
      // What came in by it was checked for its uses, and would have others from now on.
      ...(known?.invitation !== undefined && row.invitation !== undefined && same(known.invitation.key, row.invitation.key) && !same(known.invitation.uses, row.invitation.uses) ? [unsound('invitation', `The invitation of ${row.id} is for other uses; make a new one.`)] : []),
    ]
  })
}

const sameKey = (a: Passkey, b: Passkey): boolean => a.id === b.id && a.aaguid === b.aaguid && a.synced === b.synced && same(a.key, b.key) && same([...a.uses].sort(), [...b.uses].sort())

/** Name and uses may change. But where only certain models may approve, a key that was not checked for that cannot begin to. */
function mayBecome(before: Passkey | undefined, after: Passkey, next: Roster): boolean {
  if (before === undefined || !sameKey({ ...before, uses: after.uses }, after)) return false
  return next.attestation === undefined || before.uses.includes('approve') || !after.uses.includes('approve')
}

/**
 * Whoever has a passkey gets another only with a touch of their own: guardians alone could otherwise act as them. They can let somebody in anew who
 * lost every passkey, by an invitation, which takes the old ones away.
 */
function reasonsOfOwnTouch({ proposer }: Voices, known: Person | undefined, row: Person, added: boolean): Reason[] {
  if (known === undefined || known.passkeys.length === 0 || (proposer.id === row.id && proposer.kind === 'person' && proposer.touch)) return []
  const keeps = row.passkeys.some(({ id }) => known.passkeys.some((other) => other.id === id))
  const invited = row.invitation !== undefined && !same(known.invitation?.key, row.invitation.key)
  return added || (invited && keeps) ? [refused('touch_required', 'own_touch', `${row.id} has a passkey, so only ${row.id} can propose another.`)] : []
}

/**
 * Guardians must be able to decide: otherwise nothing could ever be changed again. In version 2, where nobody can have been invited before, those
 * who have a passkey must be enough.
 */
function reasonsOfGuardians(next: Roster, entries: Entries): Reason[] {
  const { guardians } = next
  if (guardians === undefined) return []
  const people = new Map(effectiveRoster(next, entries).people.map((row) => [row.id, row]))
  const unable = guardians.people.filter((id) => {
    const row = people.get(id)
    return row === undefined || !mayApprove(row)
  })
  const able = guardians.people.length - unable.length
  if (unable.length === 0 || (next.version === 2 && (able > guardians.count || guardians.people.length === 1) && able > 0)) return []
  return unable.map((id) => unsound('guardians', `${id} has no passkey that may approve, and cannot be a guardian before.`))
}

/** The rule of the version that the change builds on. */
function reasonsOfRule({ document, voices }: Base, intent: RosterIntent): Reason[] {
  const { proposer, denied } = voices
  const window = document.guardians?.window ?? limits.intentWindow
  const tooLong = intent.exp - intent.iat <= window ? [] : [refused('intent_window_too_long', 'window', `A change may wait for ${window} seconds.`, `${intent.exp - intent.iat}`)]
  if (proposer.id !== intent.sub) return [refused('subject_mismatch', 'proposer', 'The proposer is another than the intent names.', proposer.id)]
  if (document.guardians === undefined) return [...tooLong, ...(proposer.kind === 'bootstrap' ? [] : [refused('not_a_guardian', 'bootstrap', 'Version 1 is succeeded by what its bootstrap key signs.', proposer.id)])]
  const noes = document.guardians.people.filter((id) => denied.includes(id))
  return [
    ...tooLong,
    ...(proposer.kind === 'person' && proposer.touch && proposer.passkeyUses.includes('sign_in') ? [] : [refused('touch_required', 'proposer', 'A change is proposed by a person, with a passkey, and by nothing less.', proposer.kind)]),
    ...(document.people.some(({ id }) => id === proposer.id) ? [] : [refused('not_a_guardian', 'proposer', `${proposer.id} is not among the people of version ${document.version}.`)]),
    ...noes.map((id) => refused('approval_denied', 'guardians', `${id} said no.`, id)),
    ...reasonsOfApprovals(document, voices),
  ]
}

function reasonsOfApprovals(document: Roster, voices: Voices): Reason[] {
  const { needed, approved, open, alone } = approvalsOf(document, voices)
  if (alone) return voices.proposer.passkeyUses.includes('approve') ? [] : [refused('passkey_use', 'guardians', 'The only guardian proposes with a passkey that may approve.')]
  return approved.length >= needed ? [] : [{ ...refused('approval_required', 'guardians', `${needed} of the guardians must approve.`, `${approved.length} of ${needed}`), remedy: `Ask ${open.join(', ')}.`.slice(0, 500) }]
}

/** `approved`: guardians that count, each once. `open`: those that could still. `alone`: the proposer is the only guardian, and the touch is enough. */
export interface Approvals {
  readonly needed: number
  readonly approved: readonly string[]
  readonly open: readonly string[]
  readonly alone: boolean
}

/** Where a change stands by one version's rule. The proposer never counts towards it, a guardian counts once. */
export function approvalsOf({ guardians }: Pick<Roster, 'guardians'>, { proposer, approvers }: { readonly proposer: Pick<Voices['proposer'], 'id'>; readonly approvers: readonly string[] }): Approvals {
  if (guardians === undefined) return { needed: 0, approved: [], open: [], alone: false }
  const others = [...new Set(guardians.people)].filter((id) => id !== proposer.id)
  const approved = others.filter((id) => approvers.includes(id))
  return { needed: others.length === 0 ? 0 : guardians.count, approved, open: others.filter((id) => !approved.includes(id)), alone: others.length === 0 }
}
