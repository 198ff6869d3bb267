import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { SecretPath } from '@symbolon/protocol/label.ts'
import type { ExportResponse, exportRequest } from '@symbolon/protocol/vault-http.ts'
import type { z } from 'zod'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import type { Call } from '@symbolon/front/judging.ts'
import { openStored } from './ciphertext.ts'
import type { Question } from './cursor.ts'
import { page, type Found } from './history.ts'
import { admit, behind, endOf, heldOr, mostLookedAt } from './list.ts'
import type { Ciphertext, Verified } from './store.ts'
import type { Vaulting } from './vaulting.ts'

type Kept = ExportResponse['secrets'][number]
type ExportCall = Call & { readonly request: z.infer<typeof exportRequest> }

/** Bytes of ciphertext in one page; a page of records alone ends sooner by their number. */
const pageBytes = 6 * 1024 * 1024
const mostSecrets = 64
const mostHistory = 1_000

/** A place in a backup: a path, and the version behind which its next part begins. */
interface Place {
  readonly from: string
  readonly version: number
}

export async function exportSecrets(call: ExportCall, parts: Vaulting): Promise<Found<Omit<ExportResponse, 'request_id'>> | Failure> {
  const { request, timer } = call
  const admitted = await admit(call, parts)
  if (!admitted.ok) return admitted
  const { prefix, recursive } = admitted.intent
  if (prefix === undefined || recursive !== true) return fail('intent_malformed', { detail: 'A backup needs an intent with a prefix, recursive.' })
  const question: Question = { kind: 'export', principal: admitted.principal, prefix, recursive }
  const place = request.cursor === undefined ? { from: `${prefix}/`, version: 0 } : placeOf(parts.cursors.open(question, request.cursor))
  if (place === undefined) return fail('malformed', { detail: 'The cursor is not one of this backup.' })
  const { secrets, next } = await timer.measure('store', () => collect(place, endOf(prefix), { call, parts }))
  return { ok: true, value: { secrets, ...(next === undefined ? {} : { cursor: parts.cursors.seal(question, `${next.version} ${next.from}`) }) }, headers: admitted.headers }
}

function placeOf(text: string | undefined): Place | undefined {
  if (text === undefined) return undefined
  const space = text.indexOf(' ')
  return { version: Number(text.slice(0, space)), from: text.slice(space + 1) }
}

interface Asking {
  readonly call: Call
  readonly parts: Vaulting
}

async function collect(place: Place, before: string, asking: Asking): Promise<{ readonly secrets: Kept[]; readonly next?: Place }> {
  const { store, permits } = asking.parts
  const secrets: Kept[] = []
  let at = place
  let room = pageBytes
  for (let looked = 0; looked < mostLookedAt; ) {
    const rows = await store.scan({ from: at.from, before, limit: mostSecrets })
    if (rows.length === 0) return { secrets }
    looked += rows.length
    const shown = await permits(asking.call, rows.map(({ path }) => path), 'list')
    for (const [index, { path }] of rows.entries()) {
      if (secrets.length >= mostSecrets || room <= 0) return { secrets, next: at }
      if (shown[index] === true) {
        const taken = await takeSecret(path, { after: path === at.from ? at.version : 0, room }, asking)
        if (taken !== undefined) {
          secrets.push(taken.kept)
          room -= taken.bytes
          if (taken.version !== undefined) return { secrets, next: { from: path, version: taken.version } }
        }
      }
      at = { from: behind(path), version: 0 }
    }
  }
  return { secrets, next: at }
}

/** One secret, or as many of its versions as there is room for; at least one. `version`: the last one, where there are more. */
async function takeSecret(path: string, { after, room }: { readonly after: number; readonly room: number }, { parts }: Asking): Promise<{ readonly kept: Kept; readonly bytes: number; readonly version?: number } | undefined> {
  const row = (await parts.store.newest([path])).get(path)
  const held = row === undefined ? undefined : heldOr(row, parts)
  if (held === undefined) return undefined
  const wanted = held.record.versions.filter(({ version, state }) => version > after && state !== 'destroyed')
  let bytes = 0
  const fits = wanted.filter(({ size }, index) => ((bytes += size) <= room || index === 0))
  const ciphertexts = await soundOf(held, fits.map(({ ciphertext }) => ciphertext), parts)
  const history = after === 0 ? (await page(path as SecretPath, { below: held.record.seq, limit: mostHistory }, parts)).records : []
  const last = fits.at(-1)
  return {
    kept: { record: held.signed, history: [...history], versions: ciphertexts.map(({ head, body }) => ({ head, body: toBase64url(body) })) },
    bytes: fits.reduce<number>((sum, { size }) => sum + size, limits.recordBytes),
    ...(last === undefined || fits.length === wanted.length ? {} : { version: last.version }),
  }
}

/** What was lost or altered is left out, and named in the log: the rest can still be saved. Whoever reads the backup sees that it lacks. */
async function soundOf({ record }: Verified, digests: readonly Ciphertext['digest'][], { store, log }: Vaulting): Promise<readonly Ciphertext[]> {
  const stored = await store.ciphertexts(digests)
  return digests.flatMap((digest) => {
    const found = stored.get(digest)
    const sound = found === undefined ? undefined : openStored(found)
    if (sound === undefined) log.error({ path: record.path, ciphertext: digest, lost: found === undefined }, 'the ciphertext that a record names is lost or was altered')
    return sound ?? []
  })
}
