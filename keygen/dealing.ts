import { startDkg, type DealtShare, type Dkg } from '@symbolon/core/dkg.ts'
import { blameOfDkg, fail, ok, type DkgError, type Result } from '@symbolon/core/errors.ts'
import type { Member } from '@symbolon/core/keys.ts'
import type { Secret } from '@symbolon/core/secret.ts'
import type { Suite } from '@symbolon/core/suite.ts'
import { bytesOf, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { ceremonyContext, seenOf, transcriptOf, type BodyOf, type CeremonyCode, type MessageOf } from '@symbolon/protocol/ceremony.ts'
import { isP256Key } from '@symbolon/protocol/p256.ts'
import { purposes, type Purpose } from '@symbolon/protocol/purpose.ts'
import { messagesOf, othersOf, type Fault, type Inbox } from './ceremony.ts'
import { disclose, makeSessionKey, openShares, sealShares, type SessionKey } from './sealed-shares.ts'

/* The first half of a ceremony, with the secrets in it: one DKG for each purpose, side by side, until every share has been dealt. */

export type Made<T> = Result<T, Fault>

/** What every purpose's DKG is about. */
export interface DealingTerms {
  readonly plan: Base64url
  readonly self: number
  readonly members: readonly number[]
  readonly t: number
  readonly epoch: number
}

export const fault = (code: CeremonyCode, culprits: readonly number[] = [], more: Partial<Fault> = {}): { ok: false; error: Fault } => fail({ code, culprits, ...more })

/** The context of one purpose's key: two ceremonies, epochs or purposes never share it (SEC-11). The threshold is bound by the DKG itself. */
export const dkgContext = ({ plan, epoch }: DealingTerms, session: Base64url, purpose: Purpose): Uint8Array => ceremonyContext('dkg', session, [plan, String(epoch), purpose])

export const packageOf = ({ sender, body }: MessageOf<'reveal'>, purpose: Purpose) => {
  const found = body.packages.find((row) => row.purpose === purpose)
  return { id: sender, commitments: (found?.commitments ?? []).map(bytesOf), proof: { r: bytesOf(found?.proof.r ?? ('' as Base64url)), mu: bytesOf(found?.proof.mu ?? ('' as Base64url)) } }
}

export class Dealing {
  readonly #suite: Suite
  readonly #terms: DealingTerms
  #key: SessionKey | undefined
  #dkgs = new Map<Purpose, Dkg>()
  #members = new Map<Purpose, Member>()

  constructor(suite: Suite, terms: DealingTerms) {
    this.#suite = suite
    this.#terms = terms
  }

  async accept(): Promise<BodyOf<'accept'>> {
    this.#key = await makeSessionKey()
    const nonce = new Uint8Array(32)
    this.#suite.group.random(nonce)
    return { receive: this.#key.jwk, nonce: toBase64url(nonce) }
  }

  commit(session: Base64url, inbox: Inbox): Made<BodyOf<'commit'>> {
    const off = messagesOf(inbox, 'accept').filter(({ body }) => !isP256Key(body.receive))
    if (off.length > 0) return fault('malformed', off.map(({ sender }) => sender))
    const { self: id, members, t: threshold } = this.#terms
    for (const purpose of purposes) {
      const dkg = startDkg(this.#suite, { id, members, threshold, context: dkgContext(this.#terms, session, purpose) })
      if (!dkg.ok) throw new Error(`a plan that was checked made no DKG: ${dkg.error.code}`)
      this.#dkgs.set(purpose, dkg.value)
    }
    return ok({ digests: purposes.map((purpose) => ({ purpose, digest: toBase64url(this.#dkg(purpose).digest) })) })
  }

  reveal(inbox: Inbox): Made<BodyOf<'reveal'>> {
    const digestsOf = (purpose: Purpose) => othersOf(inbox, 'commit', this.#terms.self).map(({ sender, body }) => ({ id: sender, digest: bytesOf(body.digests.find((row) => row.purpose === purpose)?.digest ?? ('' as Base64url)) }))
    return this.#each((purpose) => {
      const made = this.#dkg(purpose).reveal(digestsOf(purpose))
      if (!made.ok) return fail(faultOf(made.error))
      const { commitments, proof } = made.value
      return ok({ purpose, commitments: commitments.map((point) => toBase64url(point)), proof: { r: toBase64url(proof.r), mu: toBase64url(proof.mu) } })
    }, (packages) => ({ packages }))
  }

  async deal(session: Base64url, inbox: Inbox): Promise<Made<BodyOf<'deal'>>> {
    const dealt = this.#each((purpose) => {
      const shares = this.#dkg(purpose).deal(othersOf(inbox, 'reveal', this.#terms.self).map((message) => packageOf(message, purpose)))
      return shares.ok ? ok(shares.value) : fail(faultOf(shares.error))
    }, (all) => all)
    if (!dealt.ok) return dealt
    try {
      const shares: BodyOf<'deal'>['shares'] = []
      for (const { sender: receiver, body } of othersOf(inbox, 'accept', this.#terms.self)) {
        const own = dealt.value.flatMap((row) => row.get(receiver) ?? [])
        shares.push(await sealShares(body.receive, { session, dealer: this.#terms.self, receiver }, own))
      }
      return ok({ shares })
    } finally {
      dealt.value.forEach((row) => row.forEach((share) => share.wipe()))
    }
  }

  /** Opens and checks what was dealt to us. A bad envelope or share is a complaint that everybody can check. */
  async agree(session: Base64url, inbox: Inbox): Promise<Made<BodyOf<'agree'>>> {
    const opened = await this.#openAll(session, inbox)
    if (!opened.ok) return opened
    try {
      const finished = this.#each((purpose, at) => {
        const member = this.#dkg(purpose).finish(opened.value.flatMap(({ id, shares }): DealtShare[] => (shares[at] === undefined ? [] : [{ id, share: shares[at] }])))
        return member.ok ? ok([purpose, member.value] as const) : fail(faultOf(member.error))
      }, (members) => members)
      if (!finished.ok) return finished.error.code === 'share_invalid' ? this.#complain(finished.error) : finished
      this.#members = new Map(finished.value)
    } finally {
      opened.value.forEach(({ shares }) => shares.forEach((share) => share.wipe()))
    }
    const seen = seenOf(inbox)
    return ok({ transcript: transcriptOf(session, seen), seen })
  }

  /** After `agree`: our place in each new group. */
  member(purpose: Purpose): Member {
    const member = this.#members.get(purpose)
    if (member === undefined) throw new Error('no share has been made yet')
    return member
  }

  /** Wipes every secret that is left. Wanted on every path out. */
  wipe(): void {
    this.#dkgs.forEach((dkg) => dkg.abort())
    this.#members.forEach(({ share }) => share.wipe())
    this.#key = undefined
  }

  async #openAll(session: Base64url, inbox: Inbox): Promise<Made<{ id: number; shares: Secret[] }[]>> {
    const opened: { id: number; shares: Secret[] }[] = []
    for (const { sender: dealer, body } of othersOf(inbox, 'deal', this.#terms.self)) {
      const envelopes = body.shares.filter(({ to }) => to === this.#terms.self)
      const [only] = envelopes
      const shares = only === undefined || envelopes.length > 1 ? undefined : await openShares(this.#sessionKey(), { session, dealer, receiver: this.#terms.self }, only, this.#suite.memory)
      if (shares === undefined) {
        opened.forEach((row) => row.shares.forEach((share) => share.wipe()))
        return this.#complain({ code: 'share_unreadable', culprits: [dealer] })
      }
      opened.push({ id: dealer, shares })
    }
    return ok(opened)
  }

  async #complain(found: Fault): Promise<{ ok: false; error: Fault }> {
    const [dealer] = found.culprits
    return fail(dealer === undefined ? found : { ...found, complaint: { dealer, key: await disclose(this.#sessionKey()) } })
  }

  #each<T, B>(make: (purpose: Purpose, at: number) => Made<T>, body: (rows: T[]) => B): Made<B> {
    const rows: T[] = []
    for (const [at, purpose] of purposes.entries()) {
      const made = make(purpose, at)
      if (!made.ok) return made
      rows.push(made.value)
    }
    return ok(body(rows))
  }

  #dkg(purpose: Purpose): Dkg {
    const dkg = this.#dkgs.get(purpose)
    if (dkg === undefined) throw new Error('the DKG has not begun')
    return dkg
  }

  #sessionKey(): SessionKey {
    if (this.#key === undefined) throw new Error('no session key')
    return this.#key
  }
}

/** The set of packages is made from gathered phases, so what is wrong with the set is a bug of ours. */
export function faultOf(error: DkgError): Fault {
  const { culprits } = blameOfDkg(error)
  switch (error.code) {
    case 'digest_malformed':
    case 'reveal_differs':
    case 'commitment_length':
    case 'commitment_malformed':
    case 'possession_unproven':
    case 'degenerate_key':
      return { code: error.code, culprits }
    case 'package_reflected':
      return { code: 'message_reflected', culprits }
    case 'dealt_share_invalid':
      return { code: 'share_invalid', culprits }
    case 'wrong_round':
    case 'round_repeated':
    case 'package_missing':
    case 'package_unknown':
    case 'package_duplicate':
      throw new Error(`a gathered phase does not fit the DKG: ${error.code}`)
  }
}
