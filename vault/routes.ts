import { z } from 'zod'
import { refusalCodes } from '@symbolon/protocol/errors.ts'
import { explainResponse } from '@symbolon/protocol/http.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import * as wire from '@symbolon/protocol/vault-http.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { Readiness } from '@symbolon/runtime/health.ts'
import type { Metrics } from '@symbolon/runtime/metrics.ts'
import { problem, type Failure } from '@symbolon/front/failure.ts'
import { healthRoutes } from '@symbolon/front/health-routes.ts'
import { callOf, type Asked, type Call } from '@symbolon/front/judging.ts'
import { json, readJson, type FrontRequest, type Reply } from '@symbolon/front/route.ts'
import { changeSecret } from './change.ts'
import { explainSecret } from './explain.ts'
import { exportSecrets } from './exporting.ts'
import { facadeRoutes } from './facade-routes.ts'
import { readHistory, readRecords } from './history.ts'
import { importSecrets } from './importing.ts'
import { listSecrets } from './list.ts'
import { readReceipts } from './pending.ts'
import { readSecrets } from './read.ts'
import type { VaultRoute } from './serving.ts'
import type { Vaulting } from './vaulting.ts'

/** What every roster version is answered with. */
export interface Parts {
  readiness(): Promise<Readiness>
  readonly metrics: Metrics
}

const reading = ['malformed', 'too_large', 'unsupported_media_type', 'origin_not_allowed', 'limited', 'not_ready'] as const
const judging = [...reading, 'unauthenticated', ...refusalCodes, 'issuer_keys_unavailable', 'busy', 'timed_out', 'store_damaged'] as const
const signing = ['bytes_differ', 'roster_behind', 'policy_behind', 'quorum_unavailable', 'quorum_faulty'] as const

/** A ciphertext as base64url, with its head, intent and evidence. */
const changeBytes = Math.ceil((limits.secretBodyBytes * 4) / 3) + limits.apiBodyBytes
/** A page of a backup holds one such change at least, and the records of its secret. */
export const pageBytes = 16 * 1024 * 1024

/** Every route of the vault's own interface, each with what it asks for. */
export function routesOf({ readiness, metrics }: Parts): readonly VaultRoute[] {
  return [
    evidenced({
      path: '/v1/secrets/read', event: 'secret_read', summary: 'Open versions of secrets, all or none. What each signer gives is sealed to the key that the intent names.', codes: signing,
      takes: wire.readRequest, gives: wire.readResponse, given: 'Ciphertexts, records, and t sealed partial decryptions.',
      answer: async (call, vaulting) => {
        const read = await readSecrets(call, vaulting)
        if (!read.ok) return read
        const { secrets, epoch, opened, signers, headers } = read
        return json({ secrets: secrets.map(({ body, ...secret }) => ({ ...secret, body: toBase64url(body) })), epoch, opened, request_id: call.requestId, signers }, { headers })
      },
    }),
    evidenced({
      path: '/v1/secrets/change', event: 'secret_change', summary: 'Write, delete, undelete, destroy, or change what stands beside the versions.', codes: signing, maxBytes: changeBytes,
      takes: wire.changeSecretRequest, gives: wire.changeSecretResponse, given: 'The signed record, with receipts of t signers. 202: signed and kept, with fewer.',
      answer: async (call, vaulting) => {
        const changed = await changeSecret(call, vaulting)
        if (!changed.ok) return changed
        const { record, receipts, pending, signers, headers } = changed
        return { ...json({ record, receipts, pending, request_id: call.requestId, signers }, { headers }), status: pending ? 202 : 200 }
      },
    }),
    evidenced({
      path: '/v1/secrets/receipts', event: 'secret_receipts', summary: 'Ask the signers again for receipts of a change that was pending.', codes: [],
      takes: wire.readRequest, gives: wire.receiptsResponse, given: 'The secret’s newest record, and its receipts.',
      answer: async (call, vaulting) => replyTo(await readReceipts(call, vaulting), call),
    }),
    evidenced({
      path: '/v1/secrets/list', event: 'secret_list', summary: 'Names and records below a prefix, as far as the policy would show each of them; no values.', codes: [],
      takes: wire.listRequest, gives: wire.listResponse, given: 'Folders and rows. Verify each record.',
      answer: async (call, vaulting) => {
        const listed = await listSecrets(call, vaulting)
        return listed.ok ? json({ entries: listed.entries, cursor: listed.cursor, request_id: call.requestId }, { headers: listed.headers }) : listed
      },
    }),
    evidenced({
      path: '/v1/secrets/records', event: 'secret_records', summary: 'The newest record of each path.', codes: [],
      takes: wire.recordsRequest, gives: wire.recordsResponse, given: 'In the order of the paths; null where there is none.',
      answer: async (call, vaulting) => {
        const found = await readRecords(call, vaulting)
        return found.ok ? json({ records: found.value, request_id: call.requestId }, { headers: found.headers }) : found
      },
    }),
    evidenced({
      path: '/v1/secrets/history', event: 'secret_history', summary: 'Every record of a secret that there was: who changed what, and when.', codes: [],
      takes: wire.historyRequest, gives: wire.historyResponse, given: 'Newest first.',
      answer: async (call, vaulting) => replyTo(await readHistory(call, vaulting), call),
    }),
    evidenced({
      path: '/v1/secrets/export', event: 'secret_export', summary: 'Ciphertexts and records below a prefix, for a backup. Only t signers can open what is in it.', codes: [], heavy: true,
      takes: wire.exportRequest, gives: wire.exportResponse, given: 'A page. A large secret comes in parts, each with its record.',
      answer: async (call, vaulting) => replyTo(await exportSecrets(call, vaulting), call),
    }),
    evidenced({
      path: '/v1/secrets/import', event: 'secret_import', summary: 'Put a backup back. What the quorum did not sign, or is older than what is there, is left out and named.', codes: [], heavy: true, maxBytes: pageBytes,
      takes: wire.importRequest, gives: wire.importResponse, given: 'How many were taken, and why others were not.',
      answer: async (call, vaulting) => replyTo(await importSecrets(call, vaulting), call),
    }),
    evidenced({
      path: '/v1/secrets/explain', event: 'secret_explain', summary: 'Say what a dry intent about secrets would come to, and why, without asking the signers.', codes: [],
      takes: wire.explainSecretRequest, gives: explainResponse, given: 'The judgement about the caller’s own evidence.',
      answer: async (call, vaulting) => replyTo(await explainSecret(call, vaulting), call),
    }),
    ...facadeRoutes(readiness),
    ...healthRoutes({ readiness, ready: 'A secret could be opened now.', metrics }),
  ]
}

interface Evidenced<T extends Asked> {
  readonly path: string
  readonly event: string
  readonly summary: string
  readonly codes: VaultRoute['codes']
  readonly takes: z.ZodType<T>
  readonly gives: z.ZodType
  readonly given: string
  readonly maxBytes?: number
  readonly heavy?: boolean
  answer(call: Call & { readonly request: T }, vaulting: Vaulting): Promise<Reply | Failure>
}

/** All of them take an intent and evidence in the body, and are judged. */
const evidenced = <T extends Asked>({ path, event, summary, codes, takes, gives, given, maxBytes = limits.apiBodyBytes, heavy = false, answer }: Evidenced<T>): VaultRoute => ({
  method: 'POST', path, auth: { kind: 'evidence' }, summary, errors: problem, codes: [...judging, ...codes],
  takes: { type: 'application/json', maxBytes, schema: takes }, gives: { type: 'application/json', schema: gives, summary: given }, costly: true, heavy, event,
  handle: async (request: FrontRequest, { vaulting }) => {
    const read = readJson(takes, request.body, { shows: ['evidence'], maxBytes })
    return read.ok ? answer(callOf(request, read.value), vaulting) : read
  },
})

type Answered = { readonly ok: true; readonly value: object; readonly headers: Readonly<Record<string, string>> } | Failure
const replyTo = (answer: Answered, { requestId }: Pick<Call, 'requestId'>): Reply | Failure => (answer.ok ? json({ ...answer.value, request_id: requestId }, { headers: answer.headers }) : answer)
