import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { SignerStatus } from '@symbolon/protocol/mint.ts'
import { requestHash, type Answer, type BootCertificate, type Refusal, type SignReply } from '@symbolon/protocol/sign.ts'
import { openBatches, type Batches } from './batch.ts'
import { openStock, type Held } from './commitments.ts'
import { decoded, type Fault, type Said } from './evidence-of-fault.ts'
import type { Health } from './health.ts'
import { heardNotNow, heardOf, type Asked, type Heard, type Stocked } from './heard.ts'
import { Repute, type PeerOptions } from './repute.ts'
import { bodyOverhead, callCommitments, callSign, keepsNonce, refusalHolds } from './signer-wire.ts'

interface Queued {
  readonly asked: Asked
  readonly at: number
}

/** One signer as it is asked for signatures: which of its commitments are left, and the requests to it. A signer that lies about any of it wastes an attempt. */
export class Peer {
  readonly id: number
  readonly repute: Repute
  readonly #options: PeerOptions
  readonly #stock
  readonly #batches: Batches<Queued, Heard>
  #restocking: Promise<Stocked> | undefined
  #nextReply = Promise.withResolvers<void>()

  constructor(options: PeerOptions) {
    this.id = options.row.id
    this.#options = options
    this.#stock = openStock(limits.commitmentsHeld)
    this.repute = new Repute(options, { began: (boot) => this.#stock.begin(boot), recovered: () => this.restock() })
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

  get health(): Health {
    return this.repute.health.signing
  }

  get excluded(): boolean {
    return this.repute.excluded
  }

  /** The order in which signers are chosen: well first, down last; those with commitments at hand first, then by expected answer time. */
  get rank(): number {
    return this.health.rank(this.#batches.load) + (this.#stock.size > 0 ? 0 : 1e6)
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

  blame(fault: Fault): void {
    this.repute.blame(fault)
  }

  /** Fetches commitments, and with them the certificate of the present boot. Those who ask meanwhile share the call. */
  restock(): Promise<Stocked> {
    this.#restocking ??= this.#restock().finally(() => (this.#restocking = undefined))
    return this.#restocking
  }

  /** Of the boot that gave an answer; fetched if it is a new one. */
  async certificateOf(boot: Base64url): Promise<BootCertificate | undefined> {
    const known = this.repute.certificateOf(boot)
    if (known !== undefined) return known
    await this.restock()
    return this.repute.certificateOf(boot)
  }

  probe(): Promise<void> {
    return this.repute.probe()
  }

  status(): SignerStatus {
    return this.repute.status(this.#stock.size)
  }

  close(): void {
    this.repute.close()
  }

  async #call(queued: readonly Queued[]): Promise<readonly Heard[]> {
    const { channel, settings, clock } = this.#options
    const [sentAt, items] = [clock(), queued.map(({ asked }) => asked)]
    const reply = await callSign(channel, items, settings.callMs)
    this.#nextReply.resolve()
    this.#nextReply = Promise.withResolvers()
    if (!reply.ok) {
      this.repute.noteFailure(reply)
      return items.map(() => heardOf(reply))
    }
    // From when the first of them was asked for: what callers wait for includes the queue.
    this.health.answered(clock() - (queued[0]?.at ?? sentAt))
    this.repute.alive()
    this.repute.noteWell()
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
        return heardNotNow(answer, this.health)
    }
  }

  async #hearRefusal(asked: Asked, refusal: Refusal): Promise<Heard> {
    const certificate = await this.certificateOf(refusal.boot)
    // The signer restarted and its new certificate could not be had: nothing is proven, neither a veto nor a fault.
    if (certificate === undefined) return { heard: 'silent', timedOut: false, again: true }
    if (refusalHolds(this.#options.suite, certificate, { item: asked.item, request: requestHash(asked.item) }, refusal)) return { heard: 'refused', refusal }
    this.blame({ signer: this.id, kind: 'signature_invalid' })
    return { heard: 'nonsense' }
  }

  #noteBoot({ boot, answers, commitments }: SignReply, askedAt: number): void {
    const sighting = this.repute.sighted(boot, askedAt)
    if (sighting === 'late_answer') return
    const stale = answers.some((answer) => answer.result === 'not_now' && answer.code === 'commitment_unknown')
    if (sighting === 'current' && stale) this.repute.alarm('commitment_unknown')
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
      this.repute.noteFailure(reply)
      return { ok: false, why: heardOf(reply) }
    }
    if (!this.repute.admit(reply.value.certificate, askedAt)) return { ok: false, why: { heard: 'nonsense' } }
    this.repute.noteReport(reply.value)
    if (reply.value.epoch !== epoch) return { ok: false, why: { heard: 'not_now', code: 'epoch_unknown', again: false } }
    this.repute.alive()
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
}
