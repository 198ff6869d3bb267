import { createPublicKey, verify } from 'node:crypto'
import { fromBase64url, toBase64url } from '@symbolon/protocol/bytes.ts'
import { mintOutcome, type MintOutcome } from '@symbolon/protocol/mint.ts'
import { openOutcome, type OpenOutcome, type OpenWish } from '@symbolon/protocol/open.ts'
import type { Wanted } from './attempt.ts'
import { findCulprits, type Blame } from './blame.ts'
import type { Bench, Fault, SignedPurpose } from './evidence-of-fault.ts'
import { suite, type Deployment } from './fake-signer.testkit.ts'
import { openWish } from './fake-vault-side.testkit.ts'
import { openHedgeBudget } from './hedge.ts'
import { openByQuorum, type OpenQuorum } from './open-quorum.ts'
import { openOpener } from './opener.ts'
import { Peer } from './peer.ts'
import { openRecorder, type Recorder } from './recorder.ts'
import type { Alarm, PeerSettings } from './repute.ts'
import { signByQuorum, type QuorumOptions } from './quorum.ts'

/** A coordinator over in-process signers, on a clock that a test moves by hand. */
export interface TestCoordinator {
  readonly faults: Fault[]
  readonly alarms: Alarm[]
  readonly peers: readonly Peer[]
  /** By purpose. */
  readonly options: Readonly<Record<SignedPurpose, QuorumOptions>>
  readonly bench: Bench
  readonly recorders: readonly Recorder[]
  /** Runs one wish to its end. */
  open(wish?: OpenWish): Promise<OpenOutcome>
  readonly openQuorum: OpenQuorum
  /** Runs one message to its end and checks whatever signature comes out by node:crypto. */
  mint(wanted?: Wanted): Promise<MintOutcome>
}

export const settings: PeerSettings = { callMs: 2_000, probeMs: 500, patience: { least: 20, most: 200 }, stock: 8, calls: 2 }

/** @param next moves the test's clock to its next timer and lets everything that is due then happen */
export function coordinate({ keys, signers, wanted: fresh }: Deployment, next: () => Promise<unknown>): TestCoordinator {
  const faults: Fault[] = []
  const alarms: Alarm[] = []
  const clock = () => performance.now()
  const known = signers.map(({ row, channel }) => {
    const options = { row, channel, suite, epoch: 1, settings, clock, alarm: (_: number, alarm: Alarm) => void alarms.push(alarm), keep: (fault: Fault) => void faults.push(fault) }
    const peer = new Peer(options)
    return { peer, opener: openOpener(options, peer.repute), recorder: openRecorder(options, peer.repute, () => 1_700_000_000) }
  })
  const peers = known.map(({ peer }) => peer)
  const blameOf = (purpose: SignedPurpose): Blame => ({
    judge: async (spoiled) => {
      // As long as a worker might take: what happens meanwhile must not spoil more.
      await new Promise((resolve) => setTimeout(resolve, 30))
      return findCulprits(suite, keys[purpose], spoiled)
    },
  })
  const hedging = { hedges: openHedgeBudget(), hedgePauseMs: 200, deadlineMs: 5_000 }
  const optionsOf = (purpose: SignedPurpose) => ({ suite, keys: keys[purpose], epoch: 1, peers, blame: blameOf(purpose), ...hedging })
  const options = { token: optionsOf('token'), record: optionsOf('record') }
  const mint = async (wanted: Wanted = fresh()) => {
    const { purpose } = wanted.item
    const value = mintOutcome.parse(await settle(signByQuorum(options[purpose], wanted), next))
    if (value.outcome === 'signed' && !isSignature(keys[purpose].key, wanted.message, value.signature)) throw new Error('a signature that does not verify has left')
    return value
  }
  const openQuorum: OpenQuorum = { epoch: 1, threshold: keys.token.threshold, openers: known.map(({ opener }) => opener), ...hedging }
  const open = async (wish: OpenWish = openWish()) => openOutcome.parse(await settle(openByQuorum(openQuorum, wish), next))
  const groups = { token: { keys: keys.token, epoch: 1 }, record: { keys: keys.record, epoch: 1 } }
  return { faults, alarms, peers, recorders: known.map(({ recorder }) => recorder), open, openQuorum, options, bench: { suite, groups, signers: signers.map(({ row }) => row) }, mint }
}

/** Lets time pass until the promise settles. */
export async function settle<T>(promise: Promise<T>, next: () => Promise<unknown>): Promise<T> {
  const state = { done: false }
  const end = () => void (state.done = true)
  promise.then(end, end)
  for (let steps = 0; !state.done && steps < 50_000; steps++) {
    await next()
    // What the timer set going has its say before the next one moves the clock.
    for (let turns = 0; turns < 32; turns++) await undefined
  }
  return promise
}

const isSignature = (key: Uint8Array, message: Uint8Array, signature: string): boolean =>
  verify(null, message, createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: toBase64url(key) }, format: 'jwk' }), fromBase64url(signature) ?? new Uint8Array())

/** How many runs of FROST the signers have seen. */
export const attemptsOf = ({ signers }: Deployment): number => new Set(signers.flatMap(({ asked }) => asked)).size
