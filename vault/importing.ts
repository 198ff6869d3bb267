import { bytesOf } from '@symbolon/protocol/bytes.ts'
import { ciphertextDigest } from '@symbolon/protocol/ciphertext.ts'
import { decodeRecord } from '@symbolon/protocol/record.ts'
import { type ImportResponse, type importRequest } from '@symbolon/protocol/vault-http.ts'
import type { z } from 'zod'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import type { Call } from '@symbolon/front/judging.ts'
import { isProven, isWhole } from './ciphertext.ts'
import type { Found } from './history.ts'
import { admit } from './list.ts'
import type { Ciphertext, Verified } from './store.ts'
import type { Vaulting } from './vaulting.ts'

type ImportRequest = z.infer<typeof importRequest>
type Item = ImportRequest['secrets'][number]
type Left = ImportResponse['left'][number]['why']

/** Puts a backup back. Nothing is believed: each record is verified, each ciphertext is the one that the record names. */
export async function importSecrets(call: Call & { readonly request: ImportRequest }, parts: Vaulting): Promise<Found<Omit<ImportResponse, 'request_id'>> | Failure> {
  const admitted = await admit(call, parts)
  if (!admitted.ok) return admitted
  const { prefix, recursive } = admitted.intent
  if (prefix === undefined || recursive !== true) return fail('intent_malformed', { detail: 'A restore needs an intent with a prefix, recursive.' })
  const items = call.request.secrets.map((item) => ({ item, path: namedBy(item) }))
  const allowed = await parts.permits(call, items.map(({ path }) => path), 'write')
  const left: ImportResponse['left'] = []
  for (const [at, { item, path }] of items.entries()) {
    const within = path.startsWith(`${prefix}/`)
    const why = within && allowed[at] === true ? await call.timer.measure('store', () => takeItem(item, parts)) : 'denied'
    if (why !== undefined) left.push({ path, why })
  }
  call.event.note({ taken: items.length - left.length, left: left.length })
  return { ok: true, value: { taken: items.length - left.length, left }, headers: admitted.headers }
}

/** What it says it is of. */
function namedBy({ record }: Item): string {
  const decoded = decodeRecord(bytesOf(record.record))
  return decoded.ok ? decoded.value.path : ''
}

/** @returns why it was left; undefined: it was taken */
async function takeItem({ record, history, versions }: Item, { records, store, vaults }: Vaulting): Promise<Left | undefined> {
  const next = records.open(record)
  if (next === undefined) return 'unsigned'
  const { path } = next.record
  const former = history.flatMap((each) => {
    const opened = records.open(each)
    return opened !== undefined && opened.record.path === path && opened.record.seq < next.record.seq ? [opened] : []
  })
  if (former.length < history.length) return 'unsigned'
  const ciphertexts = versions.map(({ head, body }): Ciphertext => ({ digest: ciphertextDigest(head), version: head.label.version, head, body: bytesOf(body) }))
  if (!ciphertexts.every((each) => isNamed(each, next) && isWhole(each) && isProvenBy(each, vaults))) return 'ciphertext_invalid'
  const here = (await store.newest([path])).get(path)
  const held = here === undefined ? undefined : records.held(here)
  if (held?.digest === next.digest) return (await store.fill(path, ciphertexts)) > 0 ? undefined : 'same'
  if (held !== undefined && held.record.seq >= next.record.seq) return 'older'
  return (await store.adopt(next, { history: former, ciphertexts, ...(here === undefined ? {} : { instead: here.digest }) })) ? undefined : 'older'
}

const isNamed = ({ digest, version }: Ciphertext, { record }: Verified): boolean => record.versions.some((each) => each.version === version && each.ciphertext === digest && each.state !== 'destroyed')

/** By the key of its own epoch: a backup may be older than the newest one. */
const isProvenBy = ({ head }: Ciphertext, vaults: Vaulting['vaults']): boolean => {
  const group = vaults.find(({ kid, epoch }) => kid === head.group && epoch === head.epoch)
  return group !== undefined && isProven(head, bytesOf(group.key))
}
