import { generateKeyPairSync } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import { answerOf, recordOf, testSecrets, write, type TestDeployment } from '@symbolon/envelope/envelope.testkit.ts'
import { bytesOf, toBase64url } from '@symbolon/protocol/bytes.ts'
import { decodeIntent, intentDigest, type Intent, type RecordIntent } from '@symbolon/protocol/intent.ts'
import type { CiphertextHead } from '@symbolon/protocol/ciphertext.ts'
import { readable, recordDigest, type RecordVersion, type SignedRecord, type VaultRecord } from '@symbolon/protocol/record.ts'
import type { SecretValue } from '@symbolon/protocol/secret.ts'
import { openClient } from './client.ts'
import { keyCredential } from './credential.ts'
import type { RecordMemory } from './record-memory.ts'
import { openVault, type Vault } from './vault.ts'

/* An api and a vault behind one address, with signers that judge nothing but sequences: what a client sees of a deployment, and every way to lie. */

interface Stored {
  readonly plain: VaultRecord
  readonly signed: SignedRecord
}
export type Body = Record<string, unknown>
export interface Reply {
  readonly status: number
  readonly body: unknown
}
export interface Held {
  /** By path, oldest first. */
  readonly records: Map<string, Stored[]>
  /** By digest. */
  readonly ciphertexts: Map<string, { readonly head: CiphertextHead; readonly body: string }>
  /** What was asked, in order. */
  readonly asked: string[]
  /** How many signers receipt at once. */
  receipting: number
}

const problem = (status: number, code: string): Reply => ({ status, body: { type: 'about:blank', title: code, status, code, request_id: 'r' } })
const good = (body: Body): Reply => ({ status: 200, body: { ...body, request_id: 'r' } })
export const seconds = (): number => Math.floor(Date.now() / 1000)
export const newestOf = (held: Held, path: string): Stored | undefined => held.records.get(path)?.at(-1)

export function stateAfter(deployment: TestDeployment, before: VaultRecord | undefined, intent: RecordIntent, digest: string): VaultRecord {
  const kept = before ?? recordOf(deployment, { path: intent.path, current: 0 })
  const state = (to: RecordVersion['state'], only: readonly number[]): RecordVersion[] => kept.versions.map((one) => (only.includes(one.version) ? { ...one, state: to } : one))
  const next = { ...kept, removed: false, seq: intent.seq, previous: intent.previous, act: intent.kind, intent: digest as VaultRecord['intent'], by: intent.sub, at: intent.iat }
  switch (intent.kind) {
    case 'secret.write':
      return { ...next, current: intent.version, versions: [...kept.versions, { version: intent.version, state: 'live', type: intent.type, combine: intent.combine, ciphertext: intent.ciphertext, size: intent.size, at: intent.iat, by: intent.sub }] }
    case 'secret.delete':
      return { ...next, versions: state('deleted', intent.versions) }
    case 'secret.undelete':
      return { ...next, versions: state('live', intent.versions) }
    case 'secret.destroy':
      return intent.all === true ? { ...next, versions: [], removed: true } : { ...next, versions: state('destroyed', intent.versions ?? []) }
    case 'secret.meta':
      return { ...next, settings: intent.settings ?? kept.settings, custom: intent.custom ?? kept.custom, tags: intent.tags ?? kept.tags }
  }
}

/** The vault's answers, as an honest one gives them. */
export function honest(deployment: TestDeployment, held: Held): (path: string, body: Body) => Promise<Reply> {
  const receipts = (signed: SignedRecord) => Array.from({ length: held.receipting }, (_, at) => deployment.receipt(at + 1, signed))
  const change = (intent: RecordIntent, digest: string, { head, body }: Body): Reply => {
    const before = newestOf(held, intent.path)
    const done = held.records.get(intent.path)?.find(({ plain }) => plain.intent === digest)
    if (done === undefined && (before === undefined ? null : recordDigest(bytesOf(before.signed.record))) !== intent.previous) return problem(409, 'record_stale')
    const plain = done?.plain ?? stateAfter(deployment, before?.plain, intent, digest)
    const signed = done?.signed ?? deployment.sign(plain)
    if (done === undefined) held.records.set(intent.path, [...(held.records.get(intent.path) ?? []), { plain, signed }])
    if (intent.kind === 'secret.write') held.ciphertexts.set(intent.ciphertext, { head: head as CiphertextHead, body: String(body) })
    return { status: held.receipting >= 2 ? 200 : 202, body: { record: signed, receipts: receipts(signed), pending: held.receipting < 2, request_id: 'r', signers: [] } }
  }
  const read = async (intent: Extract<Intent, { kind: 'secret.read' }>, digest: string): Promise<Reply> => {
    const found = intent.labels.map(({ path, version }) => {
      const stored = newestOf(held, path)
      const at = stored === undefined ? undefined : readable(stored.plain, version, seconds())
      const ciphertext = at === undefined ? undefined : held.ciphertexts.get(at.ciphertext)
      return stored === undefined || ciphertext === undefined ? undefined : { path, record: stored.signed, ...ciphertext }
    })
    const rows = found.flatMap((row) => row ?? [])
    if (rows.length < found.length) return problem(404, 'secret_not_found')
    if (new Set(rows.map(({ head }) => head.epoch)).size > 1) return problem(503, 'epoch_unknown')
    const opened = await Promise.all([1, 2].map((id) => answerOf(deployment, id, rows.map(({ head }) => head), { intent: digest as SignedRecord['record'], reply: intent.reply })))
    return good({ secrets: rows, epoch: rows[0]?.head.epoch ?? 1, opened, signers: [] })
  }
  const listed = (intent: Extract<Intent, { kind: 'secret.list' }>) => [...held.records.keys()].filter((path) => path.startsWith(`${intent.prefix}/`)).sort()
  const list = (intent: Extract<Intent, { kind: 'secret.list' }>, { cursor, limit = 2 }: Body): Reply => {
    const all = listed(intent).filter((path) => cursor === undefined || path > Buffer.from(String(cursor), 'base64url').toString())
    const shown = all.slice(0, Number(limit))
    return good({ entries: shown.map((path) => ({ path, record: newestOf(held, path)?.signed })), ...(all.length > shown.length ? { cursor: Buffer.from(shown.at(-1) ?? '').toString('base64url') } : {}) })
  }
  const keptOf = (path: string) => ({
    record: newestOf(held, path)?.signed,
    history: (held.records.get(path) ?? []).slice(0, -1).map(({ signed }) => signed).toReversed(),
    versions: (newestOf(held, path)?.plain.versions ?? []).flatMap(({ ciphertext }) => held.ciphertexts.get(ciphertext) ?? []),
  })
  return async (path, body) => {
    if (path === '/v1/keyset') return { status: 200, body: deployment.signKeyset(seconds()) }
    const bytes = bytesOf(String(body['intent']) as SignedRecord['record'])
    const decoded = decodeIntent(bytes)
    if (!decoded.ok) return problem(400, 'intent_malformed')
    const intent = decoded.value
    const digest = toBase64url(intentDigest(bytes))
    held.asked.push(`${path} ${intent.kind}`)
    if (path === '/v1/secrets/explain') return good({ granted: true, reasons: [], roster: 1, policy: 'p' })
    if (intent.kind === 'secret.read') return read(intent, digest)
    if (intent.kind === 'secret.list') {
      const [one = ''] = intent.paths ?? []
      if (path === '/v1/secrets/records') return good({ records: (intent.paths ?? []).map((each) => newestOf(held, each)?.signed ?? null) })
      if (path === '/v1/secrets/history') return good({ records: (held.records.get(one) ?? []).map(({ signed }) => signed).toReversed() })
      if (path === '/v1/secrets/receipts') {
        const signed = newestOf(held, one)?.signed
        return signed === undefined ? problem(404, 'secret_not_found') : good({ record: signed, receipts: receipts(signed), pending: held.receipting < 2 })
      }
      if (path === '/v1/secrets/list') return list(intent, body)
      if (path === '/v1/secrets/export') {
        const paths = listed(intent).filter((each) => body['cursor'] === undefined || each > Buffer.from(String(body['cursor']), 'base64url').toString())
        return good({ secrets: paths.slice(0, 2).map(keptOf), ...(paths.length > 2 ? { cursor: Buffer.from(paths[1] ?? '').toString('base64url') } : {}) })
      }
      if (path === '/v1/secrets/import') {
        const rows = body['secrets'] as ReturnType<typeof keptOf>[]
        for (const { record, history, versions } of rows) {
          if (record === undefined) return problem(400, 'malformed')
          const all = [record, ...history].map((signed) => ({ signed, plain: JSON.parse(Buffer.from(bytesOf(signed.record)).toString()) as VaultRecord })).toReversed()
          held.records.set(all[0]?.plain.path ?? '', all)
          for (const one of versions) held.ciphertexts.set(all.flatMap(({ plain }) => plain.versions).find(({ version }) => version === one.head.label.version)?.ciphertext ?? '', one)
        }
        return good({ taken: rows.length, left: [] })
      }
    }
    return path === '/v1/secrets/change' ? change(intent as RecordIntent, digest, body) : problem(404, 'not_found')
  }
}

export interface TestVault {
  readonly deployment: TestDeployment
  readonly held: Held
  readonly addr: string
  /** As if it had been written while the `vault` key was of that epoch. */
  closeTo(path: string, value: SecretValue, epoch: number): Promise<void>
  open(options?: { memory?: RecordMemory; sub?: string; unpinned?: boolean }): Promise<Vault>
  close(): Promise<void>
}

/** @param lie takes the honest answer, gives another; `hang up` ends the connection instead */
export async function serveVault({ deployment = testSecrets(), lie }: { deployment?: TestDeployment; lie?: (path: string, reply: Reply, body: Body) => Reply | 'hang up' } = {}): Promise<TestVault> {
  const held: Held = { records: new Map(), ciphertexts: new Map(), asked: [], receipting: 3 }
  const answer = honest(deployment, held)
  const server = createServer(async (request, response) => {
    const path = request.url ?? ''
    const body = JSON.parse((await textOf(request)) || '{}') as Body
    const reply = await answer(path, body)
    const said = lie?.(path, reply, body) ?? reply
    if (said === 'hang up') return void request.socket.destroy()
    response.writeHead(said.status, { 'content-type': 'application/json' }).end(JSON.stringify(said.body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  const addr = `http://127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`
  const closing: (() => Promise<unknown>)[] = []
  const { privateKey: key } = generateKeyPairSync('ed25519')
  return {
    deployment,
    held,
    addr,
    closeTo: async (at, value, epoch) => {
      const { plain, record, sealed, body } = await write(deployment, at, value, { epoch })
      held.records.set(at, [{ plain, signed: record }])
      held.ciphertexts.set(sealed.digest, { head: sealed.head, body: toBase64url(body) })
    },
    open: async ({ memory, sub = 'ann', unpinned = false } = {}) => {
      const client = openClient({ addr, pin: unpinned ? 'unpinned' : deployment.lineage })
      if (!client.ok) throw client.error
      const vault = await openVault({ client: client.value, addr, asker: { sub, credential: keyCredential({ key, kid: `${sub}-1`, sub }) }, memory, sleep: async () => undefined })
      if (!vault.ok) throw vault.error
      closing.push(() => vault.value.close(), () => client.value.close())
      return vault.value
    },
    close: async () => {
      for (const end of closing) await end()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
