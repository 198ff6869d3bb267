import { generateKeyPairSync, randomBytes, sign as signNode, type KeyObject } from 'node:crypto'
import { deal } from '@symbolon/core/dealer.testkit.ts'
import { commit, sign, type NoncePair } from '@symbolon/core/frost.ts'
import type { GroupKeys, Member } from '@symbolon/core/keys.ts'
import { heapMemory } from '@symbolon/core/secret.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import { toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import type { MintItem } from '@symbolon/protocol/mint.ts'
import { recordTag } from '@symbolon/protocol/record.ts'
import { bootBytes, bytesHash, refusalBytes, replyBytes, requestHash, shownDigest, type Answer, type BootCertificate, type Commitment, type SignItem } from '@symbolon/protocol/sign.ts'
import type { SignerRow } from '@symbolon/roster/roster.ts'
import type { ChannelAnswer } from '@symbolon/runtime/channel-client.ts'
import type { Wanted } from './attempt.ts'
import { decoded } from './evidence-of-fault.ts'
import { FakeVaultSide, type Speaker, type VaultMisbehaviour } from './fake-vault-side.testkit.ts'
import type { SignerChannel } from './signer-wire.ts'

/* Signers in this process, with real keys, real nonces and real bytes on the wire, that can be told to misbehave. */

export const suite = sodiumSuite(heapMemory)

/** How a signer can fail. All but the first three concern what it is asked to sign, open or receipt. */
export type Misbehaviour =
  | 'down' // nothing listens
  | 'silent' // takes everything and never answers
  | 'slow' // answers in a second
  | 'bad_share'
  | 'short_share' // 31 bytes
  | 'share_over_order' // z + L: another encoding of the right share
  | 'zero_share'
  | 'share_of_another_attempt'
  | 'wrong_R'
  | 'wrong_R_and_share' // a share that fits the wrong R
  | 'bad_commitment' // hands out points that are none
  | 'false_list_invalid'
  | 'stale_nonce'
  | 'wrong_epoch'
  | 'ill'
  | 'refuses'
  | 'forged_refusal'
  | 'refusal_of_another_request'
  | 'refusal_of_other_evidence'
  | 'unsigned_reply' // right shares, wrong signature over the reply
  | 'bad_share_unsigned'
  | 'nonsense'
  | 'too_few_answers'
  | 'flapping' // every second call fails
  | 'foreign_certificate' // another identity key than the roster's vouches for its boot key
  | VaultMisbehaviour

const identityRow = (key: KeyObject): SignerRow['identity'] => {
  const { x, y } = key.export({ format: 'jwk' })
  return { kty: 'EC', crv: 'P-256', x: x as Base64url, y: y as Base64url }
}

const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })

export class FakeSigner {
  readonly id: number
  readonly row: Pick<SignerRow, 'id' | 'name' | 'identity'>
  misbehaves: Misbehaviour | undefined
  /** Chosen anew for each item, where it is set: an attacker that sees every attempt before it decides. */
  plan: ((item: SignItem) => Misbehaviour | undefined) | undefined
  /** The attempts that it was asked to take part in, in order. */
  readonly asked: string[] = []
  /** Messages for which it was asked again before it had answered: TST-31 says never. */
  overlaps = 0
  readonly #open = new Map<string, number>()
  readonly calls: number[] = []
  /** What it does beside signing. */
  readonly vault = new FakeVaultSide(() => this.#speaker())
  epoch = 1
  readonly #members: Members
  readonly #bytes: ReadonlyMap<string, string>
  readonly #identity = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  #boot = freshBoot()
  #nonces = new Map<string, NoncePair>()
  /** Commitments that were out at once; a signer forgets the oldest beyond 512. */
  mostHeld = 0
  #flap = false
  #lastShare: Base64url | undefined

  constructor(members: Members, bytes: ReadonlyMap<string, string>) {
    const { id } = members.token
    this.id = id
    this.#members = members
    this.#bytes = bytes
    this.row = { id, name: `signer-${id}`, identity: identityRow(this.#identity.publicKey) }
  }

  get channel(): SignerChannel {
    return { get: (path) => this.#route(path, '{}'), post: (path, body) => this.#route(path, String(body)) }
  }

  get boot(): Base64url {
    return this.#boot.id
  }

  /** As after a restart: another boot id and boot key, and no nonces. */
  restart(): void {
    this.#boot = freshBoot()
    this.#nonces = new Map()
  }

  /** Puts another boot in the place of this one, as where two copies of a signer answer in turn. */
  swapBoot(other: Boot): Boot {
    const was = this.#boot
    this.#boot = other
    return was
  }

  certificate(): BootCertificate {
    const statement = { signer: this.id, boot: this.#boot.id, key: this.#boot.key, iat: 1_700_000_000 }
    return { ...statement, signature: toBase64url(signNode('sha256', bootBytes(statement), { key: this.misbehaves === 'foreign_certificate' ? stranger.privateKey : this.#identity.privateKey, dsaEncoding: 'ieee-p1363' })) }
  }

  async #route(path: string, body: string): Promise<ChannelAnswer> {
    if (this.misbehaves === 'down') return { ok: false, reason: 'unreachable', detail: 'ECONNREFUSED' }
    if (path !== '/v1/sign') return this.#answer(path, body)
    const messages = (JSON.parse(body).items as SignItem[]).map(({ bytes_hash }) => bytes_hash)
    for (const message of messages) this.#enter(message)
    try {
      return await this.#answer(path, body)
    } finally {
      for (const message of messages) this.#open.set(message, (this.#open.get(message) ?? 1) - 1)
    }
  }

  #enter(message: string): void {
    const open = this.#open.get(message) ?? 0
    if (open > 0) this.overlaps += 1
    this.#open.set(message, open + 1)
  }

  async #answer(path: string, body: string): Promise<ChannelAnswer> {
    const items: SignItem[] = path === '/v1/sign' ? JSON.parse(body).items : []
    const [first] = items
    if (this.plan !== undefined && first !== undefined) this.misbehaves = this.plan(first)
    if (this.misbehaves === 'silent') return new Promise((resolve) => setTimeout(() => resolve({ ok: false, reason: 'timeout', detail: 'no_answer' }), 2_000))
    await new Promise((resolve) => setTimeout(resolve, this.misbehaves === 'slow' ? 1_000 : 1))
    const answer = this.#answerTo(path, body, items)
    return { ok: true, status: 200, body: Buffer.from(JSON.stringify(answer)) }
  }

  #answerTo(path: string, body: string, items: SignItem[]): unknown {
    if (path === '/v1/sign') return this.#sign(items)
    if (path === '/v1/commitments') return this.#commitments(JSON.parse(body).count)
    return this.vault.answer(path, body) ?? this.#status()
  }

  /** What it says is signed by the boot key that it has at that moment. */
  #speaker(): Speaker {
    return { id: this.id, boot: this.#boot.id, misbehaves: this.misbehaves, certificate: this.certificate(), sign: (bytes) => this.#bootSign(bytes) }
  }

  #status() {
    const journal = { seq: 0, head: toBase64url(new Uint8Array(32)) }
    return { v: 1, certificate: this.certificate(), epoch: this.epoch, roster: 1, policy: toBase64url(new Uint8Array(32)), journal, problems: [] }
  }

  #commitments(count: number) {
    const { journal: _, problems: _problems, ...report } = this.#status()
    return { ...report, commitments: this.#promise(count) }
  }

  #promise(count: number): Commitment[] {
    return Array.from({ length: count }, () => {
      const pair = commit(suite, this.#members.token)
      const hiding = this.misbehaves === 'bad_commitment' ? toBase64url(new Uint8Array(32).fill(255)) : toBase64url(pair.commitment.hiding)
      this.#nonces.set(hiding, pair)
      this.mostHeld = Math.max(this.mostHeld, this.#nonces.size)
      return { hiding, binding: toBase64url(pair.commitment.binding) }
    })
  }

  #sign(items: SignItem[]): unknown {
    this.calls.push(items.length)
    this.asked.push(...items.map(({ attempt }) => attempt))
    this.#flap = !this.#flap
    if (this.misbehaves === 'nonsense') return { v: 1, hello: 'there' }
    const honest = items.map((item) => this.#one(item))
    const answers = (this.misbehaves === 'too_few_answers' ? honest.slice(1) : honest) as Answer[]
    const requests = items.slice(items.length - answers.length).map(requestHash)
    const unsigned = this.misbehaves === 'unsigned_reply' || this.misbehaves === 'bad_share_unsigned'
    const signature = unsigned ? toBase64url(randomBytes(64)) : this.#bootSign(replyBytes(this.#boot.id, requests, answers))
    const spent = answers.filter(({ result }) => result === 'signed').length
    return { v: 1, boot: this.#boot.id, answers, commitments: this.#promise(spent), signature }
  }

  #one(item: SignItem): unknown {
    const notNow = (code: NotNowCode) => ({ result: 'not_now', code })
    switch (this.misbehaves) {
      case 'refuses':
        return this.#refusal(item, item)
      case 'forged_refusal': {
        const { result, refusal } = this.#refusal(item, item)
        return { result, refusal: { ...refusal, signature: toBase64url(randomBytes(64)) } }
      }
      case 'refusal_of_other_evidence':
        return this.#refusal(item, { ...item, asserted: { address: '192.0.2.66' } })
      case 'refusal_of_another_request':
        return this.#refusal(item, { ...item, attempt: toBase64url(randomBytes(16)) })
      case 'wrong_epoch':
        return notNow('epoch_unknown')
      case 'ill':
        return notNow('ill')
      case 'stale_nonce':
        return notNow('commitment_unknown')
      case 'false_list_invalid':
        return notNow('list_invalid')
      case 'flapping':
        return this.#flap ? notNow('commitment_unknown') : this.#signOne(item)
      default:
        return this.#signOne(item)
    }
  }

  #refusal(item: SignItem, of: SignItem) {
    const statement = { v: 1 as const, signer: this.id, boot: this.#boot.id, request: toBase64url(requestHash(of)), shown: shownDigest(of), iat: 1_700_000_000, reasons: [{ code: 'scope_not_allowed' as const, message: 'not for you' }] }
    return { result: 'refused', refusal: { ...statement, signature: this.#bootSign(refusalBytes(statement)) } }
  }

  #signOne(item: SignItem): unknown {
    const own = item.commitments.find(({ id }) => id === this.id)
    const nonces = own === undefined ? undefined : this.#nonces.get(own.hiding)
    if (own === undefined || nonces === undefined) return { result: 'not_now', code: 'commitment_unknown' }
    this.#nonces.delete(own.hiding)
    const message = utf8(this.#bytes.get(item.bytes_hash) ?? '')
    const commitments = item.commitments.map(({ id, hiding, binding }) => ({ id, hiding: decoded(hiding), binding: decoded(binding) }))
    const share = sign(suite, { member: this.#members[item.purpose], nonces, message, commitments })
    if (!share.ok) return { result: 'not_now', code: this.misbehaves === 'bad_commitment' ? 'ill' : 'list_invalid' }
    return this.#spoil(toBase64url(share.value.r), share.value.z, this.#members[item.purpose].keys)
  }

  #spoil(R: Base64url, z: Uint8Array, keys: GroupKeys): unknown {
    const earlier = this.#lastShare ?? toBase64url(z)
    this.#lastShare = toBase64url(z)
    const signed = (share: Uint8Array, r: string = R) => ({ result: 'signed', R: r, share: toBase64url(share) })
    const other = toBase64url(keys.key)
    switch (this.misbehaves) {
      case 'bad_share':
      case 'bad_share_unsigned':
        return signed(flipped(z, this.id))
      case 'short_share':
        return signed(z.subarray(0, 31))
      case 'share_over_order':
        return signed(plusOrder(z))
      case 'zero_share':
        return signed(new Uint8Array(32))
      case 'share_of_another_attempt':
        return { result: 'signed', R, share: earlier }
      case 'wrong_R':
        return signed(z, other)
      case 'wrong_R_and_share':
        return signed(flipped(z, this.id), other)
      default:
        return signed(z)
    }
  }

  #bootSign(bytes: Uint8Array): Base64url {
    return toBase64url(signNode(null, bytes, this.#boot.privateKey))
  }
}

type Boot = ReturnType<typeof freshBoot>

export function freshBoot() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return { id: toBase64url(randomBytes(16)), key: publicKey.export({ format: 'jwk' }).x as Base64url, privateKey }
}

/** Another byte for each signer: the errors of two cheaters could else cancel, and the sum would be right. */
const flipped = (z: Uint8Array, id: number): Uint8Array => z.map((byte, at) => (at === id % 31 ? byte ^ 1 : byte))

/** z + L, little-endian: the same scalar, spelled as no honest signer spells it. */
function plusOrder(z: Uint8Array): Uint8Array {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  let sum = BigInt(`0x${Buffer.from(z).reverse().toString('hex')}`) + order
  return z.map(() => {
    const byte = Number(sum & 255n)
    sum >>= 8n
    return byte
  })
}

type Purpose = SignItem['purpose']
/** One place in the group of each purpose. */
export type Members = Readonly<Record<Purpose, Member>>

export interface Deployment {
  readonly keys: Readonly<Record<Purpose, GroupKeys>>
  readonly signers: readonly FakeSigner[]
  /** A new message, and what the coordinator is asked about it. */
  wanted(change?: Partial<Pick<MintItem, 'bytes' | 'purpose'>>): Wanted
}

const policy = toBase64url(new Uint8Array(32))

export function deploy(t: number, n: number): Deployment {
  const ids = Array.from({ length: n }, (_, at) => at + 1)
  const groups = { token: deal(suite, { threshold: t, ids }), record: deal(suite, { threshold: t, ids }) }
  const messages = new Map<string, string>()
  const signers = groups.token.members.flatMap((token, at) => {
    const record = groups.record.members[at]
    return record === undefined ? [] : [new FakeSigner({ token, record }, messages)]
  })
  let count = 0
  return {
    keys: { token: groups.token.keys, record: groups.record.keys },
    signers,
    wanted({ purpose = 'token', bytes = messageFor(purpose, ++count) } = {}) {
      messages.set(bytesHash(bytes), bytes)
      const item: MintItem = { request_id: `request-${count}`, purpose, roster: 1, policy, intent: toBase64url(utf8('{}')), evidence: [{ kind: 'key', proof: 'a.b.c' }], approvals: [], asserted: {}, records: [], bytes }
      return { item, message: utf8(bytes), bytesHash: bytesHash(bytes) }
    },
  }
}

const messageFor = (purpose: Purpose, count: number): string => (purpose === 'token' ? `e30.${toBase64url(utf8(`{"jti":${count}}`))}` : `${recordTag}{"seq":${count}}`)
