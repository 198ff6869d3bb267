import { aggregate } from '@symbolon/core/aggregate.ts'
import { ok } from '@symbolon/core/errors.ts'
import { commit, sign, type NoncePair } from '@symbolon/core/frost.ts'
import { loadGroup, loadMember, type GroupKeys, type Member } from '@symbolon/core/keys.ts'
import type { Suite } from '@symbolon/core/suite.ts'
import { bytesOf, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { testMessage, transcriptOf, type BodyOf, type CertifiedGroup, type MessageOf } from '@symbolon/protocol/ceremony.ts'
import { purposes, type Purpose } from '@symbolon/protocol/purpose.ts'
import type { Keystore } from '@symbolon/keystore/keystore.ts'
import { openShare, shareHeader } from '@symbolon/keystore/shares.ts'
import { messagesOf, othersOf, type Inbox } from './ceremony.ts'
import { fault, type DealingTerms, type Made } from './dealing.ts'
import type { Storage } from './storage.ts'

/*
 * The middle of a ceremony: the new shares are sealed, read back, unsealed and compared, and then every member signs with exactly what came
 * out of its keystore. A share that is wrong on one disk only is found here, before anything depends on it (SEC-23).
 */

/** Full attendance: the same keys with a threshold of n, so that FROST takes every member's share. */
interface Attendance {
  readonly group: CertifiedGroup
  readonly keys: GroupKeys
  readonly member: Member
  readonly nonces: NoncePair
}

export class Proving {
  readonly #suite: Suite
  readonly #terms: DealingTerms
  readonly #keystore: Keystore
  readonly #storage: Storage
  #attendance = new Map<Purpose, Attendance>()

  constructor(options: { suite: Suite; terms: DealingTerms; keystore: Keystore; storage: Storage }) {
    this.#suite = options.suite
    this.#terms = options.terms
    this.#keystore = options.keystore
    this.#storage = options.storage
  }

  /** Everybody signed one transcript. Seal, read back, unseal, compare; then commitments for the test signature. */
  async nonces(session: Base64url, inbox: Inbox, memberOf: (purpose: Purpose) => Member): Promise<Made<BodyOf<'nonces'>>> {
    const differing = compareTranscripts(session, inbox, this.#terms.self)
    if (!differing.ok) return differing
    for (const purpose of purposes) {
      const group = certifiedGroup(this.#terms, purpose, memberOf(purpose).keys)
      const sealed = await this.#keystore.seal(shareHeader(this.#terms.self, group, this.#terms.plan), memberOf(purpose).share)
      if (!sealed.ok) return fault('seal_failed', [this.#terms.self])
      this.#storage.writeShare(group, sealed.value)
      const attendance = await this.#attend(group)
      if (!attendance.ok) return attendance
      this.#attendance.set(purpose, attendance.value)
    }
    return ok({ commitments: this.#all(({ nonces: { commitment } }, purpose) => ({ purpose, hiding: toBase64url(commitment.hiding), binding: toBase64url(commitment.binding) })) })
  }

  /** Our share of each test signature. */
  shares(session: Base64url, inbox: Inbox): Made<BodyOf<'shares'>> {
    const shares: BodyOf<'shares'>['shares'] = []
    for (const purpose of purposes) {
      const { member, nonces, group } = this.#of(purpose)
      const signed = sign(this.#suite, { member, nonces, message: testMessage(session, purpose, group.key), commitments: commitmentsOf(inbox, purpose) })
      if (!signed.ok) return fault('test_failed', 'ids' in signed.error ? signed.error.ids : [])
      shares.push({ purpose, r: toBase64url(signed.value.r), z: toBase64url(signed.value.z) })
    }
    return ok({ shares })
  }

  /** The test signatures verify under the new keys, each with a share of every member. Gives what the certificate states. */
  groups(session: Base64url, inbox: Inbox): Made<CertifiedGroup[]> {
    for (const purpose of purposes) {
      const { keys, group } = this.#of(purpose)
      const replies = messagesOf(inbox, 'shares').map(({ sender, body }) => {
        const row = body.shares.find((share) => share.purpose === purpose)
        return { id: sender, r: bytesOf(row?.r ?? ('' as Base64url)), z: bytesOf(row?.z ?? ('' as Base64url)) }
      })
      const made = aggregate(this.#suite, { keys, message: testMessage(session, purpose, group.key), commitments: commitmentsOf(inbox, purpose), replies })
      if (!made.ok) return fault('test_failed', 'ids' in made.error ? made.error.ids : [])
      if (made.value.wrongR.length > 0) return fault('test_failed', made.value.wrongR)
    }
    return ok(this.#all(({ group }) => group))
  }

  wipe(): void {
    for (const { member, nonces } of this.#attendance.values()) {
      member.share.wipe()
      nonces.secret.wipe()
    }
    this.#attendance.clear()
  }

  async #attend(group: CertifiedGroup): Promise<Made<Attendance>> {
    const blob = this.#storage.readShare(group)
    const opened = blob === undefined ? undefined : await openShare({ keystore: this.#keystore, suite: this.#suite, group, plan: this.#terms.plan, blob })
    if (opened === undefined || !opened.ok) return fault('seal_failed', [this.#terms.self])
    const keys = loadGroup(this.#suite, { threshold: group.n, key: bytesOf(group.key), shares: group.shares.map(({ id, share }) => ({ id, share: bytesOf(share) })) })
    const member = keys.ok ? loadMember(this.#suite, keys.value, this.#terms.self, opened.value.share) : keys
    if (!keys.ok || !member.ok) throw new Error('a group that was just loaded does not load with another threshold')
    return ok({ group, keys: keys.value, member: member.value, nonces: commit(this.#suite, member.value) })
  }

  #of(purpose: Purpose): Attendance {
    const attendance = this.#attendance.get(purpose)
    if (attendance === undefined) throw new Error('no share has been unsealed yet')
    return attendance
  }

  #all<T>(map: (attendance: Attendance, purpose: Purpose) => T): T[] {
    return purposes.map((purpose) => map(this.#of(purpose), purpose))
  }
}

/** SEC-16. The messages that differ were signed by their sender; copies go out with the abort, so that the sender can be caught. */
export function compareTranscripts(session: Base64url, inbox: Inbox, self: number): Made<undefined> {
  const own = messagesOf(inbox, 'agree').find(({ sender }) => sender === self)
  if (own === undefined) throw new Error('our own agreement is not in the inbox')
  for (const other of othersOf(inbox, 'agree', self)) {
    if (other.body.transcript === own.body.transcript) continue
    const about = own.body.seen.filter((entry) => !other.body.seen.some((row) => row.phase === entry.phase && row.sender === entry.sender && row.digest === entry.digest))
    // A member that says it saw what we saw and hashes it to something else accuses itself.
    if (about.length === 0 || transcriptOf(session, other.body.seen) !== other.body.transcript) return fault('transcript_differs', [other.sender])
    const received = inbox.filter(({ phase, sender }) => about.some((row) => row.phase === phase && row.sender === sender)).slice(0, 4)
    return fault('transcript_differs', [...new Set([...about.map(({ sender }) => sender), other.sender])].filter((id) => id !== self), { received })
  }
  return ok(undefined)
}

const commitmentsOf = (inbox: Inbox, purpose: Purpose) =>
  messagesOf(inbox, 'nonces').map(({ sender, body }: MessageOf<'nonces'>) => {
    const row = body.commitments.find((commitment) => commitment.purpose === purpose)
    return { id: sender, hiding: bytesOf(row?.hiding ?? ('' as Base64url)), binding: bytesOf(row?.binding ?? ('' as Base64url)) }
  })

const certifiedGroup = ({ epoch, t, members }: DealingTerms, purpose: Purpose, keys: GroupKeys): CertifiedGroup => ({
  purpose,
  epoch,
  t,
  n: members.length,
  key: toBase64url(keys.key),
  shares: [...keys.shares].map(([id, share]) => ({ id, share: toBase64url(share) })),
})
