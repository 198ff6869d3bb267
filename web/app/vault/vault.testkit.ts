import { recordOf, testSecrets, type TestDeployment } from '@symbolon/envelope/envelope.testkit.ts'
import { bytesOf, type Base64url } from '@symbolon/protocol/bytes.ts'
import { decodeIntent, intentDigest, type Intent, type RecordIntent } from '@symbolon/protocol/intent.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { recordDigest, type OpenedRecord, type SignedRecord, type VaultRecord } from '@symbolon/protocol/record.ts'
import { p256Jwk } from '@symbolon/protocol/fields.ts'
import type { Deployment } from '../deployment.ts'
import { failed, ok, type Result } from '../result.ts'
import type { Session } from '../session.ts'
import { trouble, type Trouble } from '../trouble.ts'
import { openVault, type Vault } from './vault.ts'

/* A vault that answers as a test says, over a deployment whose keys are all here. */

export interface Posted {
  readonly path: string
  readonly intent: Intent
  readonly digest: Base64url
  readonly body: Readonly<Record<string, unknown>>
}
export type Answering = (posted: Posted) => Result<unknown, Trouble> | Promise<Result<unknown, Trouble>>

export const refusal = (code: string): Result<never, Trouble> => failed(trouble(code, code))

/** What the browser keeps, for the time of a test. */
export function storage(): Pick<Storage, 'getItem' | 'setItem'> & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>()
  return { kept, getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) }
}

export interface TestVault {
  readonly vault: Vault
  readonly test: TestDeployment
  readonly posted: Posted[]
  signed(change: Partial<VaultRecord> & Pick<VaultRecord, 'path'>): SignedRecord
}

export async function testVault(answer: Answering = () => refusal('unasked')): Promise<TestVault> {
  const test = testSecrets()
  const row = p256Jwk.parse(test.signers[0]?.row.hpke)
  const deployment: Deployment = { api: 'http://localhost:1', vault: 'http://localhost:2', issuer: test.keyset.issuer, rpId: 'localhost', lineage: test.lineage, keyset: { ...test.keyset, vault: { hpke: row, audience: 'http://localhost:1/secrets' } } }
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify'])
  const assertion = { credential: 'AA', authenticator_data: 'AA', client_data: 'AA', signature: 'AA' } as unknown as Session['grant']['assertion']
  const session: Session = { sub: 'ann', grant: { intent: 'AA' as Base64url, assertion }, id: 'A'.repeat(43) as Base64url, end: 2_000_000_000, keys }
  const opened = openVault(deployment, session, storage())
  if (!opened.ok) throw new Error(opened.error.code)
  const posted: Posted[] = []
  const post: Vault['post'] = async (path, body, schema) => {
    const { intent } = body as { readonly intent: Base64url }
    const decoded = decodeIntent(bytesOf(intent))
    if (!decoded.ok) throw new Error(decoded.reason)
    const one = { path, intent: decoded.value, digest: toBase64url(intentDigest(bytesOf(intent))), body: body as Posted['body'] }
    posted.push(one)
    const answered = await answer(one)
    return answered.ok ? ok(schema.parse(answered.value)) : answered
  }
  return { vault: { ...opened.value, post }, test, posted, signed: (change) => test.sign(recordOf(test, change)) }
}

export const openedOf = (signed: SignedRecord): OpenedRecord => ({ record: JSON.parse(new TextDecoder().decode(bytesOf(signed.record))) as VaultRecord, digest: recordDigest(bytesOf(signed.record)) })

/** The record that honest signers make of an intent, as far as these pages look at it. */
export function nextOf({ intent, digest }: Posted, before: VaultRecord | undefined, { lineage }: Pick<TestDeployment, 'lineage'>): VaultRecord {
  const asked = intent as RecordIntent
  const base = before ?? recordOf({ lineage }, { path: asked.path, current: 0 })
  const next = { ...base, seq: asked.seq, previous: asked.previous, act: asked.kind, intent: digest, by: 'ann', at: asked.iat }
  if (asked.kind !== 'secret.write') return next
  const { version, type, combine, ciphertext, size } = asked
  return { ...next, current: version, versions: [...base.versions, { version, state: 'live', type, combine, ciphertext, size, at: asked.iat, by: 'ann' }] }
}
