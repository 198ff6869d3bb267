import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { assemble } from '@symbolon/core/aggregate.ts'
import { openArena } from '@symbolon/core/arena.ts'
import { commit, sign, type NoncePair } from '@symbolon/core/frost.ts'
import { loadGroup, type GroupKeys, type Member } from '@symbolon/core/keys.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import type { Suite } from '@symbolon/core/suite.ts'
import { openFileKeystore } from '@symbolon/keystore/file.ts'
import { loadShare } from '@symbolon/keystore/shares.ts'
import { bundleOf, type Bundle } from '@symbolon/policy/bundle.ts'
import { fromBase64url, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { canonical, decodeAs } from '@symbolon/protocol/json.ts'
import { bytesHash, commitmentsReply, signReply, type Answer, type Commitment, type ListedCommitment, type SignItem } from '@symbolon/protocol/sign.ts'
import { assembleToken } from '@symbolon/protocol/token.ts'
import type { Purpose } from '@symbolon/protocol/purpose.ts'
import { decodePlan, planDigest } from '@symbolon/roster/plan.ts'
import { book } from '@symbolon/protocol/book.ts'
import { openBook, type BookState } from '@symbolon/roster/book.ts'
import { decodeRoster, groupOf, type Roster } from '@symbolon/roster/roster.ts'
import { connectChannel, type Channel, type ChannelAnswer } from '@symbolon/runtime/channel-client.ts'

/*
 * The attacker of the claim: owns api, coordinator, their TLS keys and database, and one signer's files, passphrase and share. It
 * speaks to the honest signers directly, with the coordinator's stolen certificate, and completes with its own share whatever an
 * honest signer gives it: with t = 2, one honest share is a token.
 */

export interface Request {
  /** Canonical bytes of the intent, or whatever the attacker sends as such. */
  readonly intent: Uint8Array
  readonly evidence: readonly Evidence[]
  /** The JWS signing input that the attacker wants signed. */
  readonly bytes: string
  /** Changes to the item before it is sent. */
  readonly change?: (item: SignItem) => unknown
}

export interface Loot {
  readonly answer: Answer
  /** A token that verifies under the group key, if the honest signer's share made one. */
  readonly token?: string
}

/** Roles whose certificates it holds. */
export type Stolen = 'api' | 'coordinator' | 'signer'

export interface Attacker {
  /** What requests are judged by, as far as it has learnt: version 1, until `learn`. */
  readonly roster: Roster
  /** What the signers have shown it of who exists. */
  readonly book: BookState
  /** Asks an honest signer for its book, as a coordinator may. */
  learn(): Promise<BookState>
  /** By the identity key of the signer that it owns: r ‖ s. */
  certify(bytes: Uint8Array): Promise<Uint8Array>
  readonly bundle: Bundle
  /** Honest signers: everyone but the one it owns. */
  readonly victims: readonly number[]
  /** Asks one honest signer, with the attacker's own commitments and share beside it. */
  attempt(victim: number, request: Request): Promise<Loot>
  commitments(victim: number, count: number): Promise<readonly Commitment[]>
  /** Sends anything to any route of a signer, under a stolen certificate. */
  send(as: Stolen, victim: number, path: string, body: unknown): Promise<ChannelAnswer>
  /** One item as it is, for what `attempt` is too polite for. */
  ask(victim: number, items: readonly unknown[]): Promise<readonly Answer[]>
  item(request: Request, commitments: readonly ListedCommitment[]): SignItem
  own(): { readonly listed: ListedCommitment; readonly pair: NoncePair }
  close(): Promise<void>
}

/** The signer whose machine is the attacker's. */
export const owned = 1
const epoch = 1
const bytesOf = (text: string): Uint8Array => fromBase64url(text) ?? new Uint8Array()

interface TlsPaths {
  readonly key: string
  readonly certificate: string
  readonly ca: string
}
const configOf = <T>(home: string, name: string): T => JSON.parse(readFileSync(join(home, name, 'config.json'), 'utf8')) as T

export async function openAttacker(home: string): Promise<Attacker> {
  const coordinator = configOf<{ tls: TlsPaths; roster: string; signers: { id: number; address: { host: string; port: number } }[] }>(home, 'coordinator')
  const api = configOf<{ channel: TlsPaths; policy: string }>(home, 'api')
  const signer = configOf<{ tls: TlsPaths }>(home, `signer-${owned}`)
  const roster = valueOf(decodeRoster(readFileSync(coordinator.roster)))
  const opened = bundleOf(roster, { wasm: readFileSync(join(api.policy, 'policy.wasm')), data: readFileSync(join(api.policy, 'data.json')) })
  if (!opened.ok) throw new Error('the api holds another bundle than the roster names')

  const suite = sodiumSuite(openArena())
  const { member, keys, certify, close } = await stolenShare(home, suite, roster)
  let held = openBook(roster)
  const channels = new Map<string, Channel>()
  const channel = (as: Stolen, victim: number): Channel => {
    const name = `${as} ${victim}`
    const at = coordinator.signers.find(({ id }) => id === victim)?.address
    if (at === undefined) throw new Error(`no signer ${victim}`)
    const existing = channels.get(name) ?? connectChannel({ tls: tlsOf({ api: api.channel, coordinator: coordinator.tls, signer: signer.tls }[as]), address: at, expect: `symbolon:signer/${victim}` })
    channels.set(name, existing)
    return existing
  }
  const send = (as: Stolen, victim: number, path: string, body: unknown) =>
    body === undefined ? channel(as, victim).get(path, { timeoutMs: 10_000, maxBytes: 8_000_000 }) : channel(as, victim).post(path, canonical(body), { timeoutMs: 10_000, maxBytes: 8_000_000 })
  const commitments = async (victim: number, count: number) => valueOf(decodeAs(commitmentsReply, bodyOf(await send('coordinator', victim, '/v1/commitments', { v: 1, count })), 8_000_000)).commitments
  const ask = async (victim: number, items: readonly unknown[]) => valueOf(decodeAs(signReply, bodyOf(await send('coordinator', victim, '/v1/sign', { v: 1, items })), 8_000_000)).answers
  const own = () => {
    const pair = commit(suite, member)
    return { pair, listed: { id: owned, hiding: toBase64url(pair.commitment.hiding), binding: toBase64url(pair.commitment.binding) } }
  }
  const item = ({ intent, evidence, bytes }: Request, list: readonly ListedCommitment[]): SignItem => ({
    attempt: toBase64url(randomBytes(16)),
    purpose: 'token',
    epoch,
    roster: held.document.version,
    policy: held.document.policy,
    intent: toBase64url(intent),
    evidence: [...evidence],
    approvals: [],
    asserted: {},
    records: [],
    bytes_hash: bytesHash(bytes),
    commitments: [...list],
  })

  return {
    get roster() {
      return held.effective
    },
    get book() {
      return held
    },
    bundle: opened.bundle,
    certify,
    async learn() {
      const victim = roster.signers.find(({ id }) => id !== owned)?.id ?? 0
      const shown = valueOf(decodeAs(book, bodyOf(await send('coordinator', victim, '/v1/book', { v: 1, after: held.version() })), 64 * 1024 * 1024))
      held = held.take(shown).state
      return held
    },
    victims: roster.signers.map(({ id }) => id).filter((id) => id !== owned),
    commitments,
    send,
    ask,
    item,
    own,
    async attempt(victim, request) {
      const { listed, pair } = own()
      const [theirs] = await commitments(victim, 1)
      if (theirs === undefined) throw new Error(`signer ${victim} promises nothing`)
      const list = [listed, { id: victim, ...theirs }]
      const built = item(request, list)
      const [answer] = await ask(victim, [request.change?.(built) ?? built])
      if (answer === undefined) throw new Error(`signer ${victim} answers nothing`)
      if (answer.result !== 'signed') return { answer }
      const message = utf8(request.bytes)
      const commitmentsList = list.map(({ id, hiding, binding }) => ({ id, hiding: bytesOf(hiding), binding: bytesOf(binding) }))
      const ours = sign(suite, { member, nonces: pair, message, commitments: commitmentsList })
      if (!ours.ok) throw new Error(ours.error.code)
      const signature = assemble(suite, { keys, message, replies: [{ id: owned, r: ours.value.r, z: ours.value.z }, { id: victim, r: bytesOf(answer.R), z: bytesOf(answer.share) }] })
      return signature === undefined ? { answer } : { answer, token: assembleToken(request.bytes, signature) }
    },
    async close() {
      for (const each of channels.values()) each.close()
      await close()
    },
  }
}

const tlsOf = ({ key, certificate, ca }: TlsPaths) => ({ key: readFileSync(key), cert: readFileSync(certificate), ca: readFileSync(ca) })

function bodyOf(answer: ChannelAnswer): Uint8Array {
  if (!answer.ok) throw new Error(`${answer.reason} ${answer.detail}`)
  if (answer.status !== 200) throw new Error(`status ${answer.status}: ${answer.body.toString()}`)
  return answer.body
}

function valueOf<T>(decoded: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string }): T {
  if (decoded.ok) return decoded.value
  throw new Error(decoded.reason)
}

export interface StolenShare {
  readonly member: Member
  readonly keys: GroupKeys
  readonly certify: Attacker['certify']
  readonly close: () => Promise<void>
}

/** The development keystore's folder and passphrase are files; whoever has the machine has them. */
export async function stolenShare(home: string, suite: Suite, roster: Roster, { signer = owned, purpose = 'token' }: { readonly signer?: number; readonly purpose?: Purpose } = {}): Promise<StolenShare> {
  const { keystore: place, state } = configOf<{ keystore: { folder: string; passphrase_file: string }; state: string }>(home, `signer-${signer}`)
  const keystore = await openFileKeystore({ folder: place.folder, signer, memory: suite.memory, passphrase: () => readFileSync(place.passphrase_file) })
  if (!keystore.ok) throw new Error(keystore.error.code)
  const group = groupOf(roster, purpose)
  const plan = decodePlan(readFileSync(join(state, 'plan.json')))
  if (group === undefined) throw new Error(`no ${purpose} group`)
  const member = await loadShare({ keystore: keystore.value, suite, folder: place.folder, group, plan: planDigest(valueOf(plan)) })
  if (!member.ok) throw new Error(member.error.code)
  const keys = loadGroup(suite, { threshold: group.t, key: bytesOf(group.key), shares: group.shares.map(({ id, share }) => ({ id, share: bytesOf(share) })) })
  if (!keys.ok) throw new Error(keys.error.code)
  const certify = async (bytes: Uint8Array) => {
    const signed = await keystore.value.sign(bytes)
    if (!signed.ok) throw new Error(signed.error.code)
    return signed.value
  }
  return { member: member.value, keys: keys.value, certify, close: () => keystore.value.close() }
}
