import type { AcceptRequest } from '@symbolon/protocol/book.ts'
import { bytesOf, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { ChangeReply } from '@symbolon/protocol/change.ts'
import { encodeIntent, type Intent } from '@symbolon/protocol/intent.ts'
import { reasonOf } from '@symbolon/protocol/reason.ts'
import { at, type World } from '@symbolon/policy/judge.testkit.ts'
import { approvalOf, judgeOf, rosterOf, touch, type Name } from '@symbolon/policy/people.testkit.ts'
import { openBook } from '@symbolon/roster/book.ts'
import { lineageOf } from '@symbolon/roster/keyset.ts'
import { approvalsOf } from '@symbolon/roster/next.ts'
import { encodeRoster, rosterDigest, type Roster } from '@symbolon/roster/roster.ts'
import type { ChangeStore, StoredChange } from './change-store.ts'
import type { ChangeParts } from './changes.ts'
import type { ChangeWire } from './change-wire.ts'

/* Changes on their way, for tests: rows in memory, and signers that judge as real ones do, all in one. */

export function memoryChanges(): ChangeStore & { readonly rows: Map<Base64url, StoredChange & { again: boolean; claimedUntil: number; decided: boolean }> } {
  const rows: ReturnType<typeof memoryChanges>['rows'] = new Map()
  const alter = (digest: Base64url, more: Partial<StoredChange & { again: boolean; claimedUntil: number; decided: boolean }>) => {
    const row = rows.get(digest)
    if (row !== undefined) rows.set(digest, { ...row, ...more })
  }
  return {
    rows,
    async add(change) {
      if (rows.has(change.digest)) return 'known'
      rows.set(change.digest, { ...change, approvals: [], state: 'pending', outcome: undefined, again: false, claimedUntil: 0, decided: false })
      return 'added'
    },
    find: async (digest) => rows.get(digest),
    list: async () => [...rows.values()],
    async keep(digest, approval) {
      const others = (rows.get(digest)?.approvals ?? []).filter((body) => (JSON.parse(body) as { approver: string }).approver !== approval.approver)
      alter(digest, { approvals: [...others, JSON.stringify(approval)] })
    },
    async claim(digest, now, until) {
      const row = rows.get(digest)
      if (row === undefined || row.decided || row.state === 'refused' || (row.state === 'submitted' && row.claimedUntil >= now)) return false
      alter(digest, { state: 'submitted', claimedUntil: until })
      return true
    },
    giveBack: async (digest, outcome, again) => alter(digest, { state: 'pending', outcome, again }),
    refuse: async (digest, outcome) => alter(digest, { state: 'refused', outcome, again: false }),
    accept: async (digest) => alter(digest, { decided: true, again: false }),
    remove: async (digest) => void rows.delete(digest),
    due: async () => [...rows.values()].flatMap(({ digest, again }) => (again ? [digest] : [])),
    waiting: async () => [...rows.values()].filter(({ state, decided }) => state !== 'refused' && !decided).length,
  }
}

/** One judgement that stands for all signers': the proposer's evidence, the approvals, the rule of the version in force. */
export function strictSigners(world: World, clock = at) {
  const judge = judgeOf(world)
  const asked: AcceptRequest[] = []
  const accepted: Base64url[] = []
  const reply = (request: AcceptRequest): ChangeReply => {
    if (request.what === 'entry') throw new Error('not asked here')
    const { intent, evidence, approvals } = request.change
    const ruling = judge.rule({ intent: bytesOf(intent), evidence, approvals }, clock)
    const refused = (reasons: Extract<ChangeReply, { state: 'refused' }>['reasons']): ChangeReply => ({ v: 1, state: 'refused', reasons, words: [1, 2, 3].map((signer) => ({ signer, state: 'refused' })) })
    if (ruling.verdict !== 'granted') return refused(ruling.verdict === 'refused' ? [...ruling.reasons] : [reasonOf('policy_denied', 'unavailable')])
    if (ruling.denied.length > 0) return refused([reasonOf('approval_denied', 'Somebody said no.')])
    const { approved, needed } = approvalsOf(world.roster, { proposer: { id: ruling.principal.id }, approvers: ruling.approvers })
    if (approved.length < needed) return refused([reasonOf('approval_required', `${needed} of the guardians must approve.`)])
    accepted.push(intent)
    return { v: 1, state: 'accepted', certificate: { slot: { of: 'roster', version: world.roster.version + 1 }, subject: lineageOf(world.roster), accepts: [] }, words: [] }
  }
  const wire: ChangeWire = {
    change: async (request) => ({ ok: true, value: (asked.push(request), reply(request)) }),
    stop: async () => ({ ok: true, value: { v: 1, words: [1, 2, 3].map((signer) => ({ signer, state: 'kept' })), reasons: [] } }),
  }
  return { asked, accepted, wire }
}

export const partsOf = (world: World, more: Partial<ChangeParts> = {}): ChangeParts => ({ store: memoryChanges(), wire: strictSigners(world).wire, state: () => openBook(world.roster), follow: async () => undefined, clock: () => at, ...more })

/** A change of the deployment's name by Ann, with what speaks for it. */
export function proposed(world: World, { approvers = [], intent: changes = {}, next: altered = {} }: { readonly approvers?: readonly Name[]; readonly intent?: Parameters<typeof rosterOf>[1]; readonly next?: Partial<Roster> } = {}) {
  const next: Roster = { ...world.roster, version: world.roster.version + 1, previous: [rosterDigest(world.roster)], rate: world.roster.rate + 1, ...altered }
  const intent: Intent = rosterOf(world, { from: [rosterDigest(world.roster)], to: rosterDigest(next), exp: at + 3600, ...changes })
  const approvals = approvers.map((name) => approvalOf(intent, name))
  return { intent, next, change: { v: 1 as const, document: toBase64url(encodeRoster(next)), intent: toBase64url(encodeIntent(intent)), evidence: [touch(intent)], approvals, registrations: [], split: [] } }
}
