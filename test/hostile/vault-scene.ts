import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { assemble } from '@symbolon/core/aggregate.ts'
import { openArena } from '@symbolon/core/arena.ts'
import { commit, sign } from '@symbolon/core/frost.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import type { Suite } from '@symbolon/core/suite.ts'
import { secretKeys, type SecretKeys } from '@symbolon/envelope/keys.ts'
import { openSecrets } from '@symbolon/envelope/open.ts'
import { openRequestKey, type ReplyKey } from '@symbolon/envelope/reply.ts'
import { seal } from '@symbolon/envelope/seal.ts'
import { noStops } from '@symbolon/evidence/stops.ts'
import { openJudge, type Judge } from '@symbolon/policy/judge.ts'
import type { CiphertextHead } from '@symbolon/protocol/ciphertext.ts'
import { bytesOf, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { encodeIntent, intentDigest, type Intent, type RecordIntent, type SecretReadIntent, type SecretWriteIntent, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { fieldsOf, labelOf, pathDigest, secretPath, type Combine, type SecretPath } from '@symbolon/protocol/label.ts'
import { knownReply, openReply, signerReceipts, type OpenAnswer, type OpenItem } from '@symbolon/protocol/open.ts'
import { decodeRecord, recordDigest, recordMessage, type SignedRecord, type VaultRecord } from '@symbolon/protocol/record.ts'
import { bytesHash, type SignItem } from '@symbolon/protocol/sign.ts'
import { lineageOf } from '@symbolon/roster/keyset.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { startStack, type Stack } from '../stack.ts'
import { openAttacker, owned, stolenShare, type Attacker, type StolenShare } from './attacker.ts'
import { serviceKeyOf, type ServiceKey } from './people.ts'
import { proofOfKey } from './scene.ts'

/*
 * The attacker of the claim, before secrets: it owns vault, coordinator, their certificates and database, and one of three signers with its
 * shares. It speaks to the honest signers directly and completes with its own share whatever one of them gives it.
 */

export const path = (text: string): SecretPath => secretPath.parse(text)
const now = () => Math.floor(Date.now() / 1000)
const random = () => toBase64url(randomBytes(16))

/** One finished change, as a vault keeps it. */
export interface Kept {
  readonly signed: SignedRecord
  readonly record: VaultRecord
  readonly digest: Base64url
  readonly head: CiphertextHead
  readonly body: Uint8Array
}

export type Who = ServiceKey
type Place<I> = I extends RecordIntent ? Omit<I, 'v' | 'nonce' | 'iat' | 'exp' | 'iss' | 'lineage' | 'sub' | 'client' | 'previous' | 'seq'> : never
/** A change: what it asks for; whom it is asked of besides the signer that the attacker owns. */
export interface Change {
  readonly on?: Kept | undefined
  readonly seq?: number
  readonly victim?: number
}
export interface Reading {
  readonly intent: SecretReadIntent
  readonly replyKey: ReplyKey
  readonly evidence: readonly Evidence[]
}

export class VaultScene {
  readonly stack: Stack
  readonly attacker: Attacker
  readonly keys: SecretKeys
  /** May do everything everywhere. */
  readonly writer: Who
  /** May read `app/mine/**` and `secret/mine/**`. */
  readonly reader: Who
  readonly #judge: Judge
  readonly #roster: Roster
  readonly #folder: string
  readonly #suite: Suite
  readonly #share: StolenShare

  private constructor(parts: { stack: Stack; attacker: Attacker; writer: Who; reader: Who; folder: string; suite: Suite; share: StolenShare }) {
    this.stack = parts.stack
    this.attacker = parts.attacker
    this.writer = parts.writer
    this.reader = parts.reader
    this.#folder = parts.folder
    this.#suite = parts.suite
    this.#share = parts.share
    this.#roster = parts.attacker.roster
    const made = secretKeys({ keyset: this.#roster, lineage: lineageOf(this.#roster) })
    this.keys = made.ok ? made.value : expect.unreachable()
    this.#judge = openJudge({ roster: this.#roster, bundle: this.attacker.bundle, stops: () => noStops, issuerKeys: () => new Map() })
  }

  static async open(): Promise<VaultScene> {
    const folder = mkdtempSync(join(tmpdir(), 'symbolon-hostile-'))
    const [writer, reader] = [serviceKeyOf('svc-writer', 'svc-writer-1'), serviceKeyOf('svc-reader', 'svc-reader-1')]
    const write = (name: string, value: unknown): string => {
      writeFileSync(join(folder, name), JSON.stringify(value))
      return join(folder, name)
    }
    const service = ({ sub, kid, jwk }: ServiceKey, role: string) => ({ id: sub, name: sub, roles: [role], groups: [], keys: [{ id: kid, jwk }] })
    const all = ['read', 'list', 'write', 'delete', 'destroy']
    const scopes = ['secret:read', 'secret:list', 'secret:write', 'secret:delete', 'secret:destroy']
    const env = {
      ROSTER_FILE: write('roster.json', { services: [service(writer, 'keeper'), service(reader, 'guest')] }),
      POLICY_FILE: write('policy.json', {
        roles: {
          engineer: { allow_scopes: ['read:logs', ...scopes], max_ttl_seconds: 900, secrets: [{ path: 'app/**', actions: all }] },
          keeper: { allow_scopes: ['read:logs', ...scopes], max_ttl_seconds: 900, secrets: [{ path: 'app/**', actions: all }, { path: 'secret/**', actions: all }] },
          guest: { allow_scopes: ['secret:read', 'secret:list'], max_ttl_seconds: 900, secrets: [{ path: 'app/mine/**', actions: ['read', 'list'] }, { path: 'secret/mine/**', actions: ['read', 'list'] }] },
        },
      }),
    }
    const stack = await startStack({ env })
    if (stack.first.code !== 0) throw new Error(stack.first.stderr)
    const attacker = await openAttacker(stack.home.path)
    const suite = sodiumSuite(openArena())
    return new VaultScene({ stack, attacker, writer, reader, folder, suite, share: await stolenShare(stack.home.path, suite, attacker.roster, { purpose: 'record' }) })
  }

  common(who: Who) {
    return { v: 1, nonce: random(), iat: now(), exp: now() + 300, iss: this.#roster.deployment.issuer, lineage: lineageOf(this.#roster), sub: who.sub, client: 'symbolon-cli' } as const
  }

  combineOf(at: string): Combine {
    return this.#roster.namespaces?.find(({ id }) => id === fieldsOf(path(at)).namespace)?.combine ?? expect.unreachable()
  }

  /** Asks one honest signer for a share under the `record` key, and completes it. */
  async sign(victim: number, intent: Intent, { evidence, records = [], message = '', change = (item) => item }: { evidence: readonly Evidence[]; records?: readonly SignedRecord[]; message?: string; change?: (item: SignItem) => unknown }): Promise<{ code: string; signature?: Base64url }> {
    const share = this.#share
    const pair = commit(this.#suite, share.member)
    const [theirs] = await this.attacker.commitments(victim, 1)
    const list = [{ id: owned, hiding: toBase64url(pair.commitment.hiding), binding: toBase64url(pair.commitment.binding) }, { id: victim, ...(theirs ?? expect.unreachable()) }]
    const bytes = utf8(message)
    const item: SignItem = { ...this.attacker.item({ intent: encodeIntent(intent), evidence, bytes: message }, list), purpose: 'record', records: [...records], bytes_hash: bytesHash(message) }
    const [answer] = await this.attacker.ask(victim, [change(item)])
    if (answer?.result !== 'signed') return { code: codeOf(answer) }
    const ours = sign(this.#suite, { member: share.member, nonces: pair, message: bytes, commitments: list.map(({ id, hiding, binding }) => ({ id, hiding: bytesOf(hiding), binding: bytesOf(binding) })) })
    if (!ours.ok) throw new Error(ours.error.code)
    const signature = assemble(this.#suite, { keys: share.keys, message: bytes, replies: [{ id: owned, r: ours.value.r, z: ours.value.z }, { id: victim, r: bytesOf(answer.R), z: bytesOf(answer.share) }] })
    return { code: 'signed', ...(signature === undefined ? {} : { signature: toBase64url(signature) }) }
  }

  /** What the honest judgement of this would have signed; the reason, where it is refused. */
  judged(intent: Intent, evidence: readonly Evidence[], records: readonly SignedRecord[]) {
    return this.#judge.judge({ intent: encodeIntent(intent), evidence, approvals: [], records, asserted: {} }, now())
  }

  /** A change that policy grants, finished by one honest signer and the attacker's own. */
  async finish(intent: RecordIntent, { on, victim = 2 }: Change, who = this.writer): Promise<SignedRecord> {
    const evidence = proofOfKey(intent, who)
    const records = on === undefined ? [] : [on.signed]
    const judged = this.judged(intent, evidence, records)
    if (judged.verdict !== 'granted' || judged.grants !== 'record') throw new Error(`the control is refused: ${JSON.stringify(judged)}`)
    const { code, signature } = await this.sign(victim, intent, { evidence, records, message: judged.message })
    if (signature === undefined) throw new Error(`signer ${victim}: ${code}`)
    return { record: toBase64url(utf8(judged.message.slice(judged.message.indexOf('{')))), signature }
  }

  async closed(at: string, value: string, version: number, combine = this.combineOf(at)) {
    const sealed = await seal({ value: { type: 'string', data: { value } }, label: labelOf(path(at), { combine, version, type: 'string' }), keys: this.keys })
    return sealed.ok ? sealed.value : expect.unreachable()
  }

  writeIntent(at: string, { digest, size }: { digest: Base64url; size: number }, { on, seq }: Change = {}, who = this.writer): SecretWriteIntent {
    return { ...this.common(who), kind: 'secret.write', path: path(at), previous: on?.digest ?? null, seq: seq ?? (on?.record.seq ?? 0) + 1, version: (on?.record.current ?? 0) + 1, type: 'string', combine: this.combineOf(at), ciphertext: digest, size }
  }

  async write(at: string, value: string, change: Change = {}): Promise<Kept> {
    const closed = await this.closed(at, value, (change.on?.record.current ?? 0) + 1)
    const signed = await this.finish(this.writeIntent(at, closed, change), change)
    return { ...keptOf(signed), head: closed.head, body: closed.body }
  }

  async change(kept: Kept, what: Place<RecordIntent>, change: Change = {}): Promise<Kept> {
    const signed = await this.finish(this.changeIntent(kept, what, change), { ...change, on: kept })
    return { ...kept, ...keptOf(signed) }
  }

  changeIntent(kept: Kept, what: Place<RecordIntent>, { seq }: Change = {}): RecordIntent {
    return { ...this.common(this.writer), previous: kept.digest, seq: seq ?? kept.record.seq + 1, ...what } as RecordIntent
  }

  async reading(labels: readonly (readonly [string, number | 'latest'])[], who = this.reader, change: Partial<SecretReadIntent> = {}): Promise<Reading> {
    const replyKey = await openRequestKey()
    const intent: SecretReadIntent = { ...this.common(who), kind: 'secret.read', labels: labels.map(([at, version]) => ({ path: path(at), version })), reply: replyKey.reply, ...change }
    return { intent, replyKey, evidence: proofOfKey(intent, who) }
  }

  openItem({ intent, evidence }: Pick<Reading, 'evidence'> & { readonly intent: Intent }, kept: readonly Pick<Kept, 'signed' | 'head'>[]): OpenItem {
    return { attempt: random(), epoch: 1, roster: 1, policy: this.#roster.policy, intent: toBase64url(encodeIntent(intent)), evidence: [...evidence], approvals: [], asserted: {}, records: kept.map(({ signed }) => signed), heads: kept.map(({ head }) => head) }
  }

  async openAt(victim: number, items: readonly unknown[]): Promise<readonly OpenAnswer[]> {
    return (await this.#post(victim, '/v1/open', { v: 1, items }, openReply)).answers
  }

  /** What each honest signer says to it. */
  async opens(reading: Parameters<VaultScene['openItem']>[0], kept: readonly Pick<Kept, 'signed' | 'head'>[], change: (item: OpenItem) => unknown = (item) => item): Promise<string[]> {
    const said: string[] = []
    for (const victim of this.attacker.victims) said.push(codeOf((await this.openAt(victim, [change(this.openItem(reading, kept))]))[0]))
    return said
  }

  /** The honest reader's end, with what these signers gave. */
  async read(reading: Reading, kept: readonly Kept[], victims: readonly number[] = this.attacker.victims): Promise<readonly unknown[] | string> {
    const opened = []
    for (const signer of victims) {
      const [answer] = await this.openAt(signer, [this.openItem(reading, kept)])
      if (answer?.result !== 'opened') return codeOf(answer)
      opened.push({ signer, sealed: answer.sealed })
    }
    const { intent, replyKey } = reading
    const result = await openSecrets({ intent: toBase64url(intentDigest(encodeIntent(intent))), labels: intent.labels, replyKey, keys: this.keys, now: now(), rows: kept.map(({ signed, head, body }) => ({ record: signed, head, body })), epoch: 1, opened })
    return result.ok ? result.value.map(({ value }) => (value.type === 'string' ? value.data['value'] : value)) : result.error.code
  }

  /** Which of these each signer receipts: their sequence numbers. */
  async receipts(victim: number, ...records: readonly SignedRecord[]) {
    return (await this.#post(victim, '/v1/receipts', { v: 1, records }, signerReceipts)).receipts.map((each) => each?.seq ?? null)
  }

  async known(victim: number, at: string): Promise<SignedRecord | null> {
    return (await this.#post(victim, '/v1/known', { v: 1, paths: [pathDigest(at)] }, knownReply)).records[0] ?? null
  }

  /** A token for the façade, bound to no key. */
  async facadeToken(who: Who, scope: readonly string[] = ['secret:read'], change: Partial<TokenIntent> = {}): Promise<string> {
    const intent: TokenIntent = { ...this.common(who), kind: 'token', aud: this.#roster.vault?.audience ?? expect.unreachable(), scope: [...scope], ...change }
    const evidence = proofOfKey(intent, who)
    const judged = this.judged(intent, evidence, [])
    if (judged.verdict !== 'granted' || judged.grants !== 'token') throw new Error(JSON.stringify(judged))
    const { token } = await this.attacker.attempt(2, { intent: encodeIntent(intent), evidence, bytes: judged.message })
    return token ?? expect.unreachable()
  }

  async #post<T>(victim: number, route: string, body: unknown, schema: Parameters<typeof decodeAs<T>>[0]): Promise<T> {
    const answer = await this.attacker.send('coordinator', victim, route, body)
    if (!answer.ok || answer.status !== 200) throw new Error(answer.ok ? `${answer.status} ${answer.body.toString()}` : answer.detail)
    const decoded = decodeAs(schema, answer.body, 8_000_000)
    if (!decoded.ok) throw new Error(decoded.reason)
    return decoded.value
  }

  async close(): Promise<void> {
    this.#share.member.share.wipe()
    await this.#share.close()
    await this.attacker.close()
    await this.stack.stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

export function keptOf(signed: SignedRecord): Pick<Kept, 'signed' | 'record' | 'digest'> {
  const decoded = decodeRecord(bytesOf(signed.record))
  if (!decoded.ok) throw new Error(decoded.reason)
  return { signed, record: decoded.value, digest: recordDigest(bytesOf(signed.record)) }
}

/** A message that a signature by the `record` key would be worth something under. */
export const messageOf = (record: Uint8Array): string => Buffer.from(recordMessage(record)).toString()

type Said = { readonly result: string; readonly code?: string; readonly refusal?: { readonly reasons: readonly { readonly code: string }[] } } | undefined
export const codeOf = (answer: Said): string => answer?.refusal?.reasons[0]?.code ?? answer?.code ?? answer?.result ?? 'nothing'
