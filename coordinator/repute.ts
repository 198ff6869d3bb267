import type { Element } from '@symbolon/core/group.ts'
import type { Suite } from '@symbolon/core/suite.ts'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { SignerStatus } from '@symbolon/protocol/mint.ts'
import type { BootCertificate } from '@symbolon/protocol/sign.ts'
import type { SignerRow } from '@symbolon/roster/roster.ts'
import { openBoots, type Sighting } from './boots.ts'
import { certificateHolds, decoded, type Fault } from './evidence-of-fault.ts'
import { openExclusion } from './exclusion.ts'
import { openHealth, type Patience } from './health.ts'
import { openProber } from './prober.ts'
import { callStatus, type Nonsense, type Silence, type SignerChannel } from './signer-wire.ts'

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
  /** The one that a signer says it holds, if it is up to date: of the group key for tokens. */
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

/** Told what changes for whoever asks the signer for something. */
export interface Heeding {
  /** Another boot has begun: what was had of the one before is dead. */
  began(boot: Base64url): void
  /** It is up again after it was down. */
  recovered(): Promise<unknown>
}

/**
 * What the coordinator has come to know of one signer, by whatever that one answers: the boots that it was seen with, how it fares, and why it
 * is left out. Nothing of this is authority. Losing it all costs time.
 */
export class Repute {
  readonly id: number
  /** One for each kind of question that takes a time of its own. A signer that is down is down for all. */
  readonly health
  readonly #options: PeerOptions
  readonly #heeding: Heeding
  readonly #boots
  readonly #exclusion
  readonly #prober = openProber(() => this.#findWell())
  /** The boot key that last spoke. */
  #voice: { readonly key: Base64url; readonly element: Element | undefined } | undefined
  #probing: Promise<void> | undefined
  #report: Pick<SignerStatus, 'epoch' | 'roster' | 'policy'> = { epoch: 0, roster: 0, policy: '' }
  #problem: string | undefined = 'not asked yet'

  constructor(options: PeerOptions, heeding: Heeding) {
    const { row, settings, clock } = options
    this.id = row.id
    this.#options = options
    this.#heeding = heeding
    this.health = { signing: openHealth(settings.patience, clock), opening: openHealth(settings.patience, clock) }
    this.#boots = openBoots(clock)
    this.#exclusion = openExclusion(clock)
  }

  get excluded(): boolean {
    return this.#exclusion.excluded
  }

  /** Of the current boot or of one of the last few. */
  certificateOf(boot: Base64url): BootCertificate | undefined {
    return this.#boots.certificateOf(boot)
  }

  /** An answer that names its boot without a certificate. */
  sighted(boot: Base64url, askedAt: number): Sighting {
    const sighting = this.#boots.sighted(boot, askedAt)
    if (sighting === 'alternates') this.alarm('two_live_boots')
    return sighting
  }

  /** Takes note of a boot certificate. False if it is not this signer's: then nothing that came with it is believed. */
  admit(certificate: BootCertificate, askedAt: number): boolean {
    const known = this.#boots.certificateOf(certificate.boot)
    if (known?.signature !== certificate.signature && (certificate.signer !== this.id || !certificateHolds(certificate, this.#options.row.identity))) {
      this.blame({ signer: this.id, kind: 'signature_invalid' })
      return false
    }
    if (this.sighted(certificate.boot, askedAt) === 'late_answer') return true
    this.#boots.begin(certificate)
    this.#heeding.began(certificate.boot)
    return true
  }

  /** Whether the boot key of a certificate that was admitted signed this. As a point it is validated once, not for each answer. */
  said({ key }: BootCertificate, bytes: Uint8Array, signature: Base64url): boolean {
    const { suite } = this.#options
    if (this.#voice?.key !== key) {
      const element = decoded(key)
      this.#voice = { key, element: suite.group.isElement(element) ? element : undefined }
    }
    const { element } = this.#voice
    return element !== undefined && suite.verify(decoded(signature), bytes, element)
  }

  /** Keeps the evidence and leaves the signer out for a while. */
  blame(fault: Fault): void {
    if (this.#exclusion.begin(fault.kind)) this.#options.keep(fault)
  }

  alarm(alarm: Alarm): void {
    this.#options.alarm(this.id, alarm)
  }

  /** It answers. How long that took is for those to say who measure it. */
  alive(): void {
    for (const health of Object.values(this.health)) health.alive()
  }

  /** What it says of itself, and why it would not sign. */
  noteReport({ epoch, roster, policy }: Pick<SignerStatus, 'epoch' | 'roster' | 'policy'>, problem?: string): void {
    this.#report = { epoch, roster, policy }
    this.#options.stands?.(this.id, roster)
    this.#problem = problem ?? (epoch === this.#options.epoch ? undefined : `holds epoch ${epoch}`)
  }

  /** It has done what it was asked for. */
  noteWell(): void {
    this.#problem = undefined
  }

  noteFailure(failure: Silence | Nonsense): void {
    if ('fault' in failure) return this.blame({ signer: this.id, kind: failure.fault })
    this.#problem = failure.detail
    if (failure.silent === 'busy') return
    for (const health of Object.values(this.health)) health.failed()
    this.#prober.begin()
  }

  /** Asks how the signer is. Those who ask meanwhile share the call. */
  probe(): Promise<void> {
    this.#probing ??= this.#probe().finally(() => (this.#probing = undefined))
    return this.#probing
  }

  async #probe(): Promise<void> {
    const { channel, settings, clock } = this.#options
    const askedAt = clock()
    const report = await callStatus(channel, settings.probeMs)
    if (!report.ok) return this.noteFailure(report)
    if (!this.admit(report.value.certificate, askedAt)) return
    this.noteReport(report.value, report.value.problems[0])
    this.alive()
  }

  async #findWell(): Promise<boolean> {
    if (this.health.signing.state === 'down') await this.probe()
    if (this.health.signing.state === 'down') return false
    await this.#heeding.recovered()
    return true
  }

  status(commitments: number): SignerStatus {
    const problem = this.#exclusion.reason === undefined ? this.#problem : `left out: ${this.#exclusion.reason}`
    const boot = this.#boots.current?.boot
    const healthy = this.health.signing.state !== 'down' && problem === undefined
    return { id: this.id, name: this.#options.row.name, healthy, ...(problem === undefined ? {} : { problem }), ...this.#report, ...(boot === undefined ? {} : { boot }), commitments }
  }

  close(): void {
    this.#prober.stop()
  }
}
