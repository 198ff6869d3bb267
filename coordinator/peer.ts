import type { Suite } from '@symbolon/core/suite.ts'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { SignerStatus } from '@symbolon/protocol/mint.ts'
import type { Answer, BootCertificate, Refusal, SignReply } from '@symbolon/protocol/sign.ts'
import type { SignerRow } from '@symbolon/roster/roster.ts'
import { openBatches, type Batches } from './batch.ts'
import { openBoots } from './boots.ts'
import { openStock, type Held } from './commitments.ts'
import { certificateHolds, decoded, type Fault, type Said } from './evidence-of-fault.ts'
import { openExclusion } from './exclusion.ts'
import { openHealth, type Patience } from './health.ts'
import { heardOf, type Asked, type Heard, type Stocked } from './heard.ts'
import { openProber } from './prober.ts'
import { bodyOverhead, callCommitments, callSign, callStatus, keepsNonce, refusalHolds, type Nonsense, type Silence, type SignerChannel } from './signer-wire.ts'

/** What people must hear about. */
export type Alarm = 'two_live_boots' | 'commitment_unknown'

export interface PeerSettings {
  /** For one call to a signer, in milliseconds. */
  readonly callMs: number
  /** For a question about its state, in milliseconds. */
  readonly probeMs: number
  readonly patience: Patience
  /** Commitments to hold of each signer. */
  readonly stock: number
  /** Calls to one signer at once. */
  readonly calls: number
}

export interface PeerOptions {
  readonly row: Pick<SignerRow, 'id' | 'name' | 'identity'>
  readonly channel: SignerChannel
  readonly suite: Suite
  /** Of the group key that attempts are for: commitments of another epoch are of no use. */
  readonly epoch: number
  readonly settings: PeerSettings
  /** Milliseconds that only go forward. */
  clock(): number
  alarm(signer: number, alarm: Alarm): void
  /** Puts the evidence of a fault where it lasts. */
  keep(fault: Fault): void
  /** Told of the roster version that it says it holds. */
  stands?(signer: number, roster: number): void
}

interface Queued {
  readonly asked: Asked
  readonly at: number
}

/**
 * One signer as the coordinator knows it: how it fares, which of its commitments are left, which boot it is in, and the requests to it.
 * Nothing of this is authority. Losing it all costs time, and a signer that lies about it wastes an attempt.
 */
export class Peer {
  readonly id: number
  readonly health
  readonly #options: PeerOptions
  readonly #stock
  readonly #boots
  readonly #exclusion
  readonly #batches: Batches<Queued, Heard>
  readonly #prober = openProber(() => this.#findWell())
  #restocking: Promise<Stocked> | undefined
  #probing: Promise<void> | undefined
  #nextReply = Promise.withResolvers<void>()
  #report: Pick<SignerStatus, 'epoch' | 'roster' | 'policy'> = { epoch: 0, roster: 0, policy: '' }
  #problem: string | undefined = 'not asked yet'

  constructor(options: PeerOptions) {
    this.id = options.row.id
    this.#options = options
    this.health = openHealth(options.settings.patience, options.clock)
    this.#stock = openStock(limits.commitmentsHeld)
    this.#boots = openBoots(options.clock)
    this.#exclusion = openExclusion(options.clock)
    this.#batches = openBatches<Queued, Heard>({
      call: (items) => this.#call(items),
      maxItems: limits.batchItems,
      maxWeight: limits.batchBodyBytes - bodyOverhead,
      weigh: ({ asked }) => asked.json.length + 1,
      unwanted: ({ asked }) => !asked.wanted(),
      calls: options.settings.calls,
      stalledMs: 100,
      maxCalls: 8,
    })
  }

  get excluded(): boolean {
    return this.#exclusion.excluded
  }

  /** The order in which signers are chosen: well first, down last; those with commitments at hand first, then by expected answer time. */
  get rank(): number {
    const order = { well: 0, unwilling: 1e9, late: 2e9, down: 3e9 }[this.health.state]
    return order + (this.#stock.size > 0 ? 0 : 1e6) + this.health.cost(this.#batches.load)
  }

  takeCommitment(): Held | undefined {
    return this.#stock.take()
  }

  giveBack(held: Held): void {
    this.#stock.giveBack(held)
  }

  async ask(asked: Asked): Promise<Heard> {
    const sent = await this.#batches.add({ asked, at: this.#options.clock() })
    if (sent.sent) return sent.value
    this.giveBack(asked.held)
    return { heard: 'unsent' }
  }

  /** Keeps the evidence and leaves the signer out for a while. */
  blame(fault: Fault): void {
    if (this.#exclusion.begin(fault.kind)) this.#options.keep(fault)
  }

  /** Fetches commitments, and with them the certificate of the present boot. Those who ask meanwhile share the call. */
  restock(): Promise<Stocked> {
    this.#restocking ??= this.#restock().finally(() => (this.#restocking = undefined))
    return this.#restocking
  }

  /** Of the boot that gave an answer; fetched if it is a new one. */
  async certificateOf(boot: Base64url): Promise<BootCertificate | undefined> {
    const known = this.#boots.certificateOf(boot)
    if (known !== undefined) return known
    await this.restock()
    return this.#boots.certificateOf(boot)
  }

  /** Asks how the signer is. Those who ask meanwhile share the call. */
  probe(): Promise<void> {
    this.#probing ??= this.#probe().finally(() => (this.#probing = undefined))
    return this.#probing
  }

  async #probe(): Promise<void> {
    const askedAt = this.#options.clock()
    const report = await callStatus(this.#options.channel, this.#options.settings.probeMs)
    if (!report.ok) return this.#noteFailure(report)
    if (!this.#admit(report.value.certificate, askedAt)) return
    this.#noteReport(report.value, report.value.problems[0])
    this.health.alive()
  }

  status(): SignerStatus {
    const problem = this.#exclusion.reason === undefined ? this.#problem : `left out: ${this.#exclusion.reason}`
    const boot = this.#boots.current?.boot
    const healthy = this.health.state !== 'down' && problem === undefined
    return { id: this.id, name: this.#options.row.name, healthy, ...(problem === undefined ? {} : { problem }), ...this.#report, ...(boot === undefined ? {} : { boot }), commitments: this.#stock.size }
  }

  close(): void {
    this.#prober.stop()
  }

  async #call(queued: readonly Queued[]): Promise<readonly Heard[]> {
    const { channel, settings, clock } = this.#options
    const [sentAt, items] = [clock(), queued.map(({ asked }) => asked)]
    const reply = await callSign(channel, items, settings.callMs)
    this.#nextReply.resolve()
    this.#nextReply = Promise.withResolvers()
    if (!reply.ok) {
      this.#noteFailure(reply)
      return items.map(() => heardOf(reply))
    }
    // From when the first of them was asked for: what callers wait for includes the queue.
    this.health.answered(clock() - (queued[0]?.at ?? sentAt))
    this.#problem = undefined
    this.#noteBoot(reply.value, sentAt)
    const said: Said = { boot: reply.value.boot, signature: reply.value.signature, items: items.map(({ item }) => item), answers: reply.value.answers }
    return Promise.all(items.map((asked, at) => this.#hear(asked, said, reply.value.answers[at])))
  }

  async #hear(asked: Asked, said: Said, answer: Answer | undefined): Promise<Heard> {
    if (answer === undefined) throw new TypeError('the count of answers was checked')
    if (keepsNonce(answer)) this.giveBack(asked.held)
    switch (answer.result) {
      case 'signed':
        return { heard: 'signed', r: decoded(answer.R), z: decoded(answer.share), said }
      case 'refused':
        return this.#hearRefusal(asked, answer.refusal)
      case 'not_now':
        // A limit speaks of the one who asks, not of the signer.
        if (answer.code !== 'limited') this.health.unwilling()
        return { heard: 'not_now', code: answer.code, ...(answer.retry_after === undefined ? {} : { retryAfter: answer.retry_after }), again: answer.code === 'commitment_unknown' }
    }
  }

  async #hearRefusal(asked: Asked, refusal: Refusal): Promise<Heard> {
    const certificate = await this.certificateOf(refusal.boot)
    // The signer restarted and its new certificate could not be had: nothing is proven, neither a veto nor a fault.
    if (certificate === undefined) return { heard: 'silent', timedOut: false, again: true }
    if (refusalHolds(this.#options.suite, certificate, asked.item, refusal)) return { heard: 'refused', refusal }
    this.blame({ signer: this.id, kind: 'signature_invalid' })
    return { heard: 'nonsense' }
  }

  #noteBoot({ boot, answers, commitments }: SignReply, askedAt: number): void {
    const sighting = this.#boots.sighted(boot, askedAt)
    if (sighting === 'late_answer') return
    if (sighting === 'alternates') this.#alarm('two_live_boots')
    const stale = answers.some((answer) => answer.result === 'not_now' && answer.code === 'commitment_unknown')
    if (sighting === 'current' && stale) this.#alarm('commitment_unknown')
    // What is left is as dead as the one that was tried.
    if (stale || sighting !== 'current') this.#stock.drop()
    else this.#stock.add(boot, commitments)
    if (this.#stock.size < this.#options.settings.stock / 2) void this.restock()
  }

  async #restock(): Promise<Stocked> {
    const { channel, settings, clock, epoch } = this.#options
    const askedAt = clock()
    const lacking = this.#lacking()
    if (lacking <= 0) return this.#stockFromReply()
    const reply = await callCommitments(channel, lacking, settings.callMs)
    if (!reply.ok) {
      this.#noteFailure(reply)
      return { ok: false, why: heardOf(reply) }
    }
    if (!this.#admit(reply.value.certificate, askedAt)) return { ok: false, why: { heard: 'nonsense' } }
    this.#noteReport(reply.value, undefined)
    if (reply.value.epoch !== epoch) return { ok: false, why: { heard: 'not_now', code: 'epoch_unknown', again: false } }
    this.health.alive()
    this.#stock.add(reply.value.certificate.boot, reply.value.commitments)
    return this.#stock.size > 0 ? { ok: true } : { ok: false, why: { heard: 'not_now', code: 'busy', again: false } }
  }

  /** As many as bring the stock to its mark, counting what replies under way will bring; some in any case if there are none, but never more than the signer keeps for us. */
  #lacking(): number {
    const { stock } = this.#options.settings
    const out = this.#stock.size + this.#batches.load
    const wanted = Math.max(stock - out, this.#stock.size === 0 ? Math.min(stock, limits.batchItems) : 0)
    return Math.min(wanted, limits.commitmentsHeld - out)
  }

  /** All that the signer keeps for us is in use: the next reply brings new ones. */
  async #stockFromReply(): Promise<Stocked> {
    if (this.#stock.size === 0) await this.#nextReply.promise
    return this.#stock.size > 0 ? { ok: true } : { ok: false, why: { heard: 'not_now', code: 'busy', again: false } }
  }

  /** Takes note of a boot certificate. False if it is not this signer's: then nothing that came with it is believed. */
  #admit(certificate: BootCertificate, askedAt: number): boolean {
    const known = this.#boots.certificateOf(certificate.boot)
    if (known?.signature !== certificate.signature && (certificate.signer !== this.id || !certificateHolds(certificate, this.#options.row.identity))) {
      this.blame({ signer: this.id, kind: 'signature_invalid' })
      return false
    }
    const sighting = this.#boots.sighted(certificate.boot, askedAt)
    if (sighting === 'late_answer') return true
    if (sighting === 'alternates') this.#alarm('two_live_boots')
    this.#boots.begin(certificate)
    this.#stock.begin(certificate.boot)
    return true
  }

  #noteReport({ epoch, roster, policy }: Pick<SignerStatus, 'epoch' | 'roster' | 'policy'>, problem: string | undefined): void {
    this.#report = { epoch, roster, policy }
    this.#options.stands?.(this.id, roster)
    this.#problem = problem ?? (epoch === this.#options.epoch ? undefined : `holds epoch ${epoch}`)
  }

  #noteFailure(failure: Silence | Nonsense): void {
    if ('fault' in failure) return this.blame({ signer: this.id, kind: failure.fault })
    this.#problem = failure.detail
    if (failure.silent === 'busy') return
    this.health.failed()
    this.#prober.begin()
  }

  async #findWell(): Promise<boolean> {
    if (this.health.state === 'down') await this.probe()
    if (this.health.state === 'down') return false
    await this.restock()
    return true
  }

  #alarm(alarm: Alarm): void {
    this.#options.alarm(this.id, alarm)
  }
}
