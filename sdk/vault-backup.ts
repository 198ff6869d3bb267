import { createHash } from 'node:crypto'
import { z } from 'zod'
import { verifyRecord, type SecretKeys } from '@symbolon/envelope/keys.ts'
import { isBodyOf, labelOfVersion, sameLabel } from '@symbolon/envelope/head.ts'
import { bytesOf, type Base64url } from '@symbolon/protocol/bytes.ts'
import { ciphertextDigest } from '@symbolon/protocol/ciphertext.ts'
import { digestText, issuerUrl, seconds } from '@symbolon/protocol/fields.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { fieldsOf, secretPrefix } from '@symbolon/protocol/label.ts'
import { exportResponse, importRequest, importResponse, type ExportResponse, type ImportResponse } from '@symbolon/protocol/vault-http.ts'
import type { VaultRecord } from '@symbolon/protocol/record.ts'
import { failed, ok, type Outcome } from './errors.ts'
import { pages } from './vault-list.ts'
import type { VaultCalls } from './vault-calls.ts'

/*
 * Backup and restore: ciphertexts and records, nothing that a machine without t shares could read. docs/backup.md describes the file: JSON lines, a
 * head, one line for each secret or part of one, and an end that counts and hashes what stands before it, so that a file that was cut is noticed.
 */

const head = z.strictObject({ symbolon: z.literal('vault-backup'), v: z.literal(1), issuer: issuerUrl, lineage: digestText, at: seconds, prefixes: z.array(secretPrefix).min(1).max(256) })
const end = z.strictObject({ end: z.literal(true), lines: z.int().min(0), sha256: digestText })
const kept = importRequest.shape.secrets.element
type Kept = z.infer<typeof kept>

/** Of one line: a page of ciphertexts, and a history of the longest records. */
const lineBytes = 48 * 1024 * 1024
/** Of one request that restores. */
const pageBytes = 6 * 1024 * 1024

const lineOf = (value: unknown): string => `${JSON.stringify(value)}\n`

export interface ExportProgress {
  readonly secrets: number
  readonly bytes: number
  /** `path@version` whose ciphertext the vault has lost: their records are in the backup, their values are not. */
  readonly lacking: readonly string[]
}

/**
 * The file, line by line. Each secret is verified before it is written down: a backup that cannot be restored is none.
 *
 * @param prefixes absent: every namespace of the roster
 */
export async function* exportSecrets(calls: VaultCalls, { prefixes, onProgress }: { readonly prefixes?: readonly string[] | undefined; readonly onProgress?: ((progress: ExportProgress) => void) | undefined } = {}): AsyncGenerator<Outcome<string>> {
  const trusted = await calls.trust()
  if (!trusted.ok) return yield trusted
  const { keys, keyset } = trusted.value
  const all = prefixes ?? (keyset.namespaces ?? []).map(({ id }) => id)
  const hash = createHash('sha256')
  const progress = { lines: 0, bytes: 0 }
  const complete = newCompleteness()
  const written = (value: unknown): Outcome<string> => {
    const text = lineOf(value)
    hash.update(text)
    progress.bytes += text.length
    return ok(text)
  }
  yield written({ symbolon: 'vault-backup', v: 1, issuer: keyset.issuer, lineage: keys.lineage, at: calls.clock(), prefixes: all })
  for (const prefix of all) {
    for await (const page of pages<ExportResponse>('/v1/secrets/export', { kind: 'secret.list', prefix, recursive: true }, {}, exportResponse, calls)) {
      if (!page.ok) return yield page
      for (const secret of page.value.secrets) {
        const sound = checkKept(secret, keys)
        if (!sound.ok) return yield failed('answer_untrue', { detail: sound.why })
        if (!sound.record.path.startsWith(`${prefix}/`)) return yield failed('answer_untrue', { detail: `a secret outside ${prefix}` })
        progress.lines += 1
        complete.add(sound)
        yield written(secret)
        onProgress?.({ secrets: complete.secrets(), bytes: progress.bytes, lacking: complete.lacking() })
      }
    }
  }
  complete.end()
  onProgress?.({ secrets: complete.secrets(), bytes: progress.bytes, lacking: complete.lacking() })
  yield ok(lineOf({ end: true, lines: progress.lines, sha256: hash.digest('base64url') }))
}

type Checked = { readonly ok: true; readonly record: VaultRecord; readonly found: readonly number[] } | { readonly ok: false; readonly why: string }

/**
 * Every record is the quorum's and this secret's, each older than the one before it; every ciphertext is one that the newest names. A secret may come
 * in several parts, so which versions are lacking shows at its end.
 */
function checkKept({ record, history, versions }: Kept | ExportResponse['secrets'][number], keys: Pick<SecretKeys, 'records' | 'lineage'>): Checked {
  const newest = verifyRecord(record, keys)
  if (newest === undefined) return { ok: false, why: 'a record that no quorum signed' }
  const { path } = newest.record
  let below = newest.record.seq
  for (const signed of history) {
    const one = verifyRecord(signed, keys)
    if (one === undefined || one.record.path !== path || one.record.seq >= below) return { ok: false, why: `${path}: its history holds a record that is not its own` }
    below = one.record.seq
  }
  const found = versions.map(({ head: of, body }) => newest.record.versions.find((version) => version.ciphertext === ciphertextDigest(of) && sameLabel(of, labelOfVersion(path, version)) && isBodyOf(bytesOf(body), of))?.version)
  return found.every((version) => version !== undefined) ? { ok: true, record: newest.record, found } : { ok: false, why: `${path}: a ciphertext that its record does not name` }
}

/** Parts of one secret follow each other. */
function newCompleteness() {
  let open: { readonly record: VaultRecord; readonly found: Set<number> } | undefined
  let secrets = 0
  const lacking: string[] = []
  const end = () => {
    for (const { version, state } of open?.record.versions ?? []) if (state !== 'destroyed' && open?.found.has(version) !== true) lacking.push(`${open?.record.path}@${version}`)
    open = undefined
  }
  return {
    add: ({ record, found }: Extract<Checked, { ok: true }>) => {
      if (open?.record.path !== record.path) {
        end()
        open = { record, found: new Set() }
        secrets += 1
      }
      for (const version of found) open.found.add(version)
    },
    end,
    secrets: () => secrets,
    lacking: (): readonly string[] => [...lacking],
  }
}

export interface Restored {
  /** Lines that the vault took; with `dry`, that would have been sent. */
  readonly taken: number
  /** Those that it left out, and why. */
  readonly left: ImportResponse['left']
  readonly secrets: number
  /** `path@version` whose ciphertext is not in the file. */
  readonly lacking: readonly string[]
}

/**
 * Restores a file, page by page. What is cut or altered is noticed before its page is sent; that the whole file is there, at its end: so a cut file
 * restores what it holds and then fails. The vault leaves out what is older than what it has.
 *
 * @param lines of the file, without their line ends
 */
export async function importSecrets(lines: AsyncIterable<string>, calls: VaultCalls, { dry = false, onProgress }: { readonly dry?: boolean; readonly onProgress?: ((restored: Restored) => void) | undefined } = {}): Promise<Outcome<Restored>> {
  const trusted = await calls.trust()
  if (!trusted.ok) return trusted
  const complete = newCompleteness()
  const total = { taken: 0, left: [] as ImportResponse['left'] }
  const restored = (): Restored => ({ taken: total.taken, left: [...total.left], secrets: complete.secrets(), lacking: complete.lacking() })
  let page = emptyPage
  const flush = async (): Promise<Outcome<true>> => {
    const sent = dry || page.secrets.length === 0 ? ok({ taken: page.secrets.length, left: [] }) : await send(page, calls)
    page = emptyPage
    if (!sent.ok) return sent
    total.taken += sent.value.taken
    total.left.push(...sent.value.left)
    onProgress?.(restored())
    return ok(true)
  }
  for await (const read of linesOf(lines, trusted.value.keys)) {
    if (!read.ok) return failed('backup_invalid', { detail: read.why })
    const { checked, secret, bytes } = read
    const { namespace } = fieldsOf(checked.record.path)
    const fits = page.secrets.length === 0 || (page.namespace === namespace && page.secrets.length < 64 && page.bytes + bytes <= pageBytes)
    const sent = fits ? ok(true) : await flush()
    if (!sent.ok) return sent
    complete.add(checked)
    page = { namespace, secrets: [...page.secrets, secret], bytes: page.bytes + bytes }
  }
  complete.end()
  const last = await flush()
  return last.ok ? ok(restored()) : last
}

interface Page {
  readonly namespace: string
  readonly secrets: readonly Kept[]
  readonly bytes: number
}

const emptyPage: Page = { namespace: '', secrets: [], bytes: 0 }

type Line = { readonly ok: true; readonly secret: Kept; readonly checked: Extract<Checked, { ok: true }>; readonly bytes: number } | { readonly ok: false; readonly why: string }

/** The secrets of a file, each verified; at last whether it was whole. */
async function* linesOf(lines: AsyncIterable<string>, keys: SecretKeys): AsyncGenerator<Line> {
  const hash = createHash('sha256')
  let count = -1
  let ended = false
  for await (const line of lines) {
    if (ended) return yield { ok: false, why: 'something stands behind its end' }
    const bytes = Buffer.from(line)
    const last = bytes.length < 1_024 ? decodeAs(end, bytes, 1_024) : undefined
    if (count === -1) {
      const wrong = checkHead(bytes, keys.lineage)
      if (wrong !== undefined) return yield { ok: false, why: wrong }
    } else if (last?.ok === true) {
      if (last.value.lines !== count || last.value.sha256 !== hash.digest('base64url')) return yield { ok: false, why: 'it is not whole: its end counts or hashes something else' }
      ended = true
      continue
    } else {
      const read = readLine(bytes, keys)
      yield read.ok ? read : { ok: false, why: `line ${count + 2}: ${read.why}` }
      if (!read.ok) return
    }
    count += 1
    hash.update(bytes).update('\n')
  }
  if (!ended) yield { ok: false, why: 'it has no end: it was cut' }
}

function checkHead(bytes: Uint8Array, lineage: Base64url): string | undefined {
  const decoded = decodeAs(head, bytes, 65_536)
  if (!decoded.ok) return 'not a backup of a vault'
  return decoded.value.lineage === lineage ? undefined : `it is of another deployment: ${decoded.value.lineage}`
}

function readLine(bytes: Uint8Array, keys: SecretKeys): Line {
  const decoded = decodeAs(kept, bytes, lineBytes)
  if (!decoded.ok) return { ok: false, why: `no secret of a backup: ${decoded.reason}` }
  const checked = checkKept(decoded.value, keys)
  return checked.ok ? { ok: true, secret: decoded.value, checked, bytes: bytes.length } : checked
}

async function send({ namespace, secrets }: Page, calls: VaultCalls): Promise<Outcome<ImportResponse>> {
  const asking = await calls.ask({ kind: 'secret.list', prefix: namespace, recursive: true })
  return asking.ok ? calls.post('/v1/secrets/import', { ...asking.value.body, secrets }, importResponse) : asking
}
