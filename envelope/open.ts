import { fail, ok, type Result } from '@symbolon/core/errors.ts'
import type { Secret } from '@symbolon/core/secret.ts'
import { blame, combine } from '@symbolon/core/tdh2-combine.ts'
import type { Partial } from '@symbolon/core/tdh2.ts'
import { bytesOf, type Base64url } from '@symbolon/protocol/bytes.ts'
import { dataKeyHash } from '@symbolon/protocol/ciphertext.ts'
import { labelBytes, type SecretPath } from '@symbolon/protocol/label.ts'
import { openedInfo, type SealedPartials, type WirePartial } from '@symbolon/protocol/open.ts'
import type { RecordVersion, VaultRecord } from '@symbolon/protocol/record.ts'
import type { SecretValue } from '@symbolon/protocol/secret.ts'
import { decrypt } from '#platform'
import { spoilersOf, type OpenError } from './errors.ts'
import type { SecretKeys, VaultGroup } from './keys.ts'
import { unsealPartials, type ReplyKey } from './reply.ts'
import { checkRow, type CheckedRow, type Row, type Wanted } from './row.ts'
import { decodeValue } from './value.ts'

/* The reader's end of `secret.read`: everything that came is judged, then t signers' partials are put together, and nowhere else. */

export interface OpenRequest {
  /** Digest of the intent. */
  readonly intent: Base64url
  /** The intent's labels. */
  readonly labels: readonly Wanted[]
  readonly replyKey: ReplyKey
  readonly keys: SecretKeys
  /** NumericDate. */
  readonly now: number
  /** The answer: a row for each label, in order. */
  readonly rows: readonly Row[]
  /** Of the `vault` key that the partials are of. */
  readonly epoch: number
  readonly opened: readonly { readonly signer: number; readonly sealed: SealedPartials }[]
}

export interface OpenedSecret {
  readonly path: SecretPath
  readonly record: VaultRecord
  /** Of the record. */
  readonly digest: Base64url
  readonly version: RecordVersion
  /** `kid` of the `vault` key that it is closed to. */
  readonly group: Base64url
  readonly value: SecretValue
}

/** All or none. On a false partial it goes on without that signer, while t others are left. */
export async function openSecrets(request: OpenRequest): Promise<Result<OpenedSecret[], OpenError>> {
  const rows = checkRows(request)
  if (!rows.ok) return rows
  const [first] = rows.value
  if (first === undefined) return fail({ code: 'answer_differs', what: 'paths' })
  const gathered = await unsealAll(request, first.group, rows.value)
  if (gathered.bySigner.size < first.group.threshold) return fail({ code: 'partials_missing', got: gathered.bySigner.size, wanted: first.group.threshold, unreadable: gathered.unreadable })
  const secrets: OpenedSecret[] = []
  for (const [at, row] of rows.value.entries()) {
    const one = await openRow(row, at, gathered, request.keys)
    if (!one.ok) return one
    secrets.push(one.value)
  }
  return ok(secrets)
}

/** What an answer brings. */
export type Brought = Pick<OpenRequest, 'rows' | 'epoch' | 'opened'>

/**
 * Opens what `ask` brings. A signer that answers first and seals garbage could spoil every read: the same intent is asked again, with those signers
 * avoided that the answer was spoiled by. t−1 corrupt ones spoil no more than t−1 answers, so t are asked for at most.
 *
 * @param ask sends the intent with these signers in `avoid`; its failure is handed back as it is
 */
export async function openAsking<F extends { readonly ok: false }>(
  request: Omit<OpenRequest, keyof Brought>,
  ask: (avoid: readonly number[]) => Promise<{ readonly ok: true; readonly value: Brought } | F>,
): Promise<{ readonly failed: F } | { readonly opened: Result<OpenedSecret[], OpenError> }> {
  const avoid = new Set<number>()
  for (let asked = 1; ; asked++) {
    const brought = await ask([...avoid])
    if (!brought.ok) return { failed: brought }
    const opened = await openSecrets({ ...request, ...brought.value })
    const spoilers = opened.ok ? [] : spoilersOf(opened.error).filter((id) => !avoid.has(id))
    if (spoilers.length === 0 || asked >= request.keys.newest.threshold) return { opened }
    for (const id of spoilers) avoid.add(id)
  }
}

/** One signer's answer seals the partials of all labels under one group and epoch. */
function checkRows({ rows, labels, keys, now, epoch }: OpenRequest): Result<CheckedRow[], OpenError> {
  if (rows.length !== labels.length) return fail({ code: 'answer_differs', what: 'paths' })
  const checked: CheckedRow[] = []
  for (const [at, wanted] of labels.entries()) {
    const row = rows[at]
    if (row === undefined) return fail({ code: 'answer_differs', what: 'paths' })
    const one = checkRow(row, wanted, keys, now)
    if (!one.ok) return one
    if (one.value.group.epoch !== epoch || one.value.group.kid !== (checked[0] ?? one.value).group.kid) return fail({ code: 'answer_differs', what: 'epoch' })
    checked.push(one.value)
  }
  return ok(checked)
}

interface Gathered {
  /** Duplicates are gone: t answers of one signer are one answer. */
  readonly bySigner: ReadonlyMap<number, readonly WirePartial[]>
  /** Named as signers, but nothing that opens came under their name. */
  readonly unreadable: readonly number[]
}

async function unsealAll({ opened, intent, replyKey }: OpenRequest, { kid, epoch, keys }: VaultGroup, rows: readonly CheckedRow[]): Promise<Gathered> {
  const ciphertexts = rows.map(({ ciphertext }) => ciphertext)
  const bySigner = new Map<number, readonly WirePartial[]>()
  const tried = new Set<number>()
  for (const { signer, sealed } of opened) {
    if (bySigner.has(signer) || !keys.group.shares.has(signer)) continue
    tried.add(signer)
    const partials = await unsealPartials(sealed, replyKey, openedInfo({ intent, group: kid, epoch, signer, ciphertexts }), rows.length)
    if (partials !== undefined) bySigner.set(signer, partials)
  }
  return { bySigner, unreadable: [...tried].filter((signer) => !bySigner.has(signer)) }
}

async function openRow(row: CheckedRow, at: number, gathered: Gathered, keys: SecretKeys): Promise<Result<OpenedSecret, OpenError>> {
  const { path, head, body, version, record, digest, group } = row
  const unwrapped = unwrap(row, at, gathered, keys)
  if (!unwrapped.ok) return unwrapped
  using dataKey = unwrapped.value
  const plain = await decrypt({ key: dataKey, iv: bytesOf(head.iv), additional: labelBytes(head.label) }, body)
  if (plain === undefined) return fail({ code: 'body_unauthentic', path })
  try {
    const value = decodeValue(plain)
    return value?.type === version.type ? ok({ path, record, digest, version, group: group.kid, value }) : fail({ code: 'value_malformed', path })
  } finally {
    plain.fill(0)
  }
}

/** The data key that the head names. Proofs are checked only once something came out wrong. */
function unwrap({ path, group, checked, head }: CheckedRow, at: number, { bySigner, unreadable }: Gathered, { suite }: SecretKeys): Result<Secret, OpenError> {
  const all = [...bySigner].flatMap(([id, partials]): Partial[] => {
    const one = partials[at]
    return one === undefined ? [] : [{ id, epoch: group.epoch, point: bytesOf(one.point), e: bytesOf(one.e), f: bytesOf(one.f) }]
  })
  const culprits: number[] = []
  for (let left = all; left.length >= group.threshold; left = all.filter(({ id }) => !culprits.includes(id))) {
    const request = { keys: group.keys, ciphertext: checked, partials: left.slice(0, group.threshold) }
    const key = combine(suite, request)
    if (key.ok && key.value.borrow(dataKeyHash) === head.key_hash) return key
    if (key.ok) key.value.wipe()
    const found = blame(suite, { ...request, partials: left })
    if (found === undefined || !('ids' in found)) return fail({ code: 'data_key_differs', path })
    culprits.push(...found.ids)
  }
  return fail({ code: 'partials_invalid', path, culprits, unreadable })
}
