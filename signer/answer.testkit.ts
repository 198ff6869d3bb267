import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { openArena } from '@symbolon/core/arena.ts'
import { assemble } from '@symbolon/core/aggregate.ts'
import { deal } from '@symbolon/core/dealer.testkit.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import { decryptionMember } from '@symbolon/core/tdh2.ts'
import { bytesOf, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { encodeIntent, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { limits as bounds } from '@symbolon/protocol/limits.ts'
import type { Purpose } from '@symbolon/protocol/purpose.ts'
import type { Answer, Commitment, SignItem } from '@symbolon/protocol/sign.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { noStops } from '@symbolon/evidence/stops.ts'
import { openJudge, type GrantedToken, type Judge } from '@symbolon/policy/judge.ts'
import { at, intentOf, keyEvidence, makeWorld, type World, type WorldOptions } from '@symbolon/policy/judge.testkit.ts'
import type { Device } from '@symbolon/keystore/device.ts'
import { makeP256 } from '@symbolon/keystore/sealing.ts'
import { heapMemory } from '@symbolon/core/secret.ts'
import { softwareDevice } from '@symbolon/keystore/software.ts'
import { keysetOf, lineageOf } from '@symbolon/roster/keyset.ts'
import type { Group } from '@symbolon/roster/roster.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import { openMetrics } from '@symbolon/runtime/metrics.ts'
import { openAudit } from './audit.ts'
import { openCounters } from './counters.ts'
import type { Current } from './current.ts'
import { openBoot } from './boot.ts'
import { openChecked } from './checked.ts'
import { openJournal } from './journal.ts'
import { openLimits } from './limits.ts'
import { wipeMembers, type Members } from './load.ts'
import { nonceBytes, openNonces, type Coordinator } from './nonces.ts'
import type { Signer, Steps } from './signer.ts'

/* Signers in one process, complete but for channel and threads: real shares, judge, journal. And a coordinator that asks them. */

export const coordinator = 'symbolon:coordinator/1' as Coordinator

/** A signer, and what it told its operator. */
export interface Seat {
  readonly signer: Signer
  readonly events: Record<string, unknown>[]
  readonly folder: string
}

export interface Table {
  readonly world: World
  readonly judge: Judge
  readonly seats: readonly [Seat, Seat, Seat]
  readonly clock: { now: number; ms: number }
  close(): void
}

const suite = sodiumSuite(openArena(4 * nonceBytes + 256 * 1024))

function dealt(purpose: Purpose) {
  const { keys, members } = deal(suite, { threshold: 2, ids: [1, 2, 3] })
  const key = toBase64url(keys.key)
  const group: Group = { purpose, epoch: 1, t: 2, n: 3, key, kid: thumbprint({ kty: 'OKP', crv: 'Ed25519', x: key }), alg: 'EdDSA', shares: [...keys.shares].map(([id, share]) => ({ id, share: toBase64url(share) })) }
  return { members, group }
}

/** Three signers, of which two sign. */
export async function openTable(options: WorldOptions & { readonly steps?: Steps } = {}): Promise<Table> {
  const [token, record, vault] = [dealt('token'), dealt('record'), dealt('vault')]
  const devices = token.members.map(() => softwareDevice({ backend: 'memory', identity: makeP256(heapMemory), sealing: makeP256(heapMemory), memory: heapMemory }))
  const signers = devices.map(({ identity, sealing }, index) => ({ id: index + 1, name: `signer-${index + 1}`, address: `127.0.0.1:${9000 + index}`, identity, hpke: sealing }))
  const world = makeWorld({ ...options, roster: { groups: [token.group, record.group, vault.group], signers, ...options.roster } })
  const judge = openJudge({ ...world, stops: () => noStops, issuerKeys: () => new Map() })
  const clock = { now: at, ms: 0 }
  const [one, two, three] = await Promise.all([0, 1, 2].map((index) => {
    const [one, two, three] = [token, record, vault].map(({ members }) => members[index])
    if (one === undefined || two === undefined || three === undefined) throw new Error('three members')
    const members: Members = { token: { member: one, group: token.group }, record: { member: two, group: record.group }, vault: { member: decryptionMember(three, 1), group: vault.group } }
    return openSeat({ world, judge, members, device: devices[index], clock, steps: options.steps })
  }))
  if (one === undefined || two === undefined || three === undefined) throw new Error('three members')
  const close = () => {
    for (const { signer, folder } of [one, two, three]) {
      signer.nonces.wipe()
      wipeMembers(signer.members)
      signer.journal.close()
      signer.counters.close()
      rmSync(folder, { recursive: true })
    }
  }
  return { world, judge, seats: [one, two, three], clock, close }
}

type SeatParts = { world: World; judge: Judge; members: Members; device: Device | undefined; clock: Table['clock']; steps: Steps | undefined }

async function openSeat({ world, judge, members, device, clock, steps }: SeatParts): Promise<Seat> {
  const { member } = members.token
  const { roster } = world
  const folder = mkdtempSync(join(tmpdir(), 'signer-answer-'))
  const events: Record<string, unknown>[] = []
  const log = openLog({ process: `signer-${member.id}`, level: 'info', to: new Writable({ write: (line, _, done) => { events.push(JSON.parse(String(line)) as Record<string, unknown>); done() } }) })
  const versions = { epoch: 1, roster: roster.version, policy: roster.policy }
  const current: Current = {
    versions,
    document: roster,
    roster,
    bundle: world.bundle,
    judge: async ({ requests, clock: now }) => requests.map((request) => judge.judge(request, now)),
    rule: async ({ requests, clock: now }) => requests.map(({ whenever = false, ...request }) => judge.rule(request, now, { whenever })),
    keyset: async () => ({ keyset: keysetOf(roster), signatures: [] }),
    ready: true,
  }
  const boot = await openBoot(member.id, clock.now, async (bytes) => {
    const signed = await device?.sign(bytes)
    if (signed?.ok !== true) throw new Error('the device does not sign')
    return signed.value
  })
  const audit = openAudit({ log, metrics: openMetrics({ process: 'test' }), always: () => ({ signer: member.id, boot: boot.id, ...current.versions }) })
  const signer: Signer = {
    id: member.id,
    boot,
    lineage: lineageOf(roster),
    current: () => current,
    suite,
    members,
    limits: openLimits({ perPrincipal: () => roster.rate, clock: () => clock.ms }),
    journal: openJournal({ folder, signer: member.id, lineage: bytesOf(lineageOf(roster)), onFailure: (error) => audit.failed('journal_failed', error), onForked: ({ path, seq, digest }) => audit.alarm('record_forked', { path: toBase64url(path), seq, record: toBase64url(digest) }) }),
    nonces: openNonces(suite, member),
    checked: openChecked(),
    counters: openCounters(folder),
    audit,
    heads: { problem: () => undefined },
    now: () => clock.now,
    ...(steps === undefined ? {} : { steps }),
  }
  return { signer, events, folder }
}

/** What the coordinator holds: one unspent commitment of each seat that it will ask. */
export const stock = (seats: readonly Seat[], count = 1): Commitment[][] => seats.map(({ signer }) => signer.nonces.promise(coordinator, count))

export const listOf = (seats: readonly Seat[], commitments: readonly Commitment[]) => seats.map(({ signer }, at) => ({ id: signer.id, ...(commitments[at] ?? { hiding: '' as Base64url, binding: '' as Base64url }) }))

/** An honest item over a fresh list of two signers. */
export function itemOf(table: Table, intent: TokenIntent = intentOf(table.world), over: Partial<SignItem> & { readonly evidence?: Evidence[]; readonly quorum?: readonly Seat[] } = {}): SignItem {
  const { quorum = [table.seats[0], table.seats[1]], ...fields } = over
  const evidence = fields.evidence ?? [keyEvidence(table.world, intent)]
  return {
    attempt: toBase64url(randomBytes(16)),
    purpose: 'token',
    epoch: 1,
    roster: 1,
    policy: table.world.roster.policy,
    intent: toBase64url(encodeIntent(intent)),
    evidence,
    approvals: [],
    asserted: {},
    records: [],
    bytes_hash: granted(table, intent, evidence)?.bytesHash ?? toBase64url(new Uint8Array(32)),
    commitments: fields.commitments ?? listOf(quorum, stock(quorum).flat()),
    ...fields,
  }
}

export function granted({ judge, clock }: Table, intent: TokenIntent, evidence: readonly Evidence[]): GrantedToken | undefined {
  const judgement = judge.judge({ intent: encodeIntent(intent), evidence, approvals: [], asserted: {} }, clock.now)
  return judgement.verdict === 'granted' && judgement.grants === 'token' ? judgement : undefined
}

/** `signed`, or the code. */
export function outcome(answer: Answer | undefined): string {
  if (answer === undefined) return 'no answer'
  if (answer.result === 'signed') return 'signed'
  return answer.result === 'refused' ? `refused ${answer.refusal.reasons.map(({ code }) => code).join(' ')}` : answer.code
}

/** The signature that these shares make, verified; undefined if they do not. */
export function signatureOf(table: Table, signingInput: string, answers: readonly (Answer | undefined)[], purpose: 'token' | 'record' = 'token'): Uint8Array | undefined {
  const replies = answers.flatMap((each, at) => (each?.result === 'signed' ? [{ id: table.seats[at]?.signer.id ?? 0, r: bytesOf(each.R), z: bytesOf(each.share) }] : []))
  return assemble(suite, { keys: table.seats[0].signer.members[purpose].member.keys, message: utf8(signingInput), replies })
}

export const held = (seat: Seat): number => seat.signer.nonces.held(coordinator)
export { bounds, suite }
