import { utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { p256Jwk } from '@symbolon/protocol/fields.ts'
import { decodeGrant, encodeGrant, type Grant } from '@symbolon/protocol/grant.ts'
import { assembleJws } from '@symbolon/protocol/jws.ts'
import { proofSigningInput } from '@symbolon/protocol/proof.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import type { Assertion } from '@symbolon/protocol/webauthn.ts'
import type { Deployment } from './deployment.ts'
import { build, now, type Built } from './intents.ts'
import { touchPasskey } from './passkey.ts'
import { ok, type Result } from './result.ts'
import { readRecord, removeRecord, writeRecord } from './store.ts'
import type { Trouble } from './trouble.ts'

/*
 * Being signed in is holding a grant: a touch signed an intent that names this browser's key, and for some hours that key may ask. The key is
 * made by the browser, never leaves it, and cannot be read by any page, this one included.
 */

export const consoleClient = 'symbolon-console'

export interface Session {
  readonly sub: string
  readonly grant: Grant
  /** Digest of the grant's intent: its name, for ending it. */
  readonly id: Base64url
  /** NumericDate. */
  readonly end: number
  readonly keys: CryptoKeyPair
}

const record = 'session'
const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const

/** One touch; `seconds` from now the grant ends. */
export async function signIn(sub: string, seconds: number, deployment: Deployment): Promise<Result<Session, Trouble>> {
  const keys = await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify'])
  const end = now() + seconds
  const built = build({ kind: 'grant', sub, client: consoleClient, key: thumbprint(await publicJwk(keys)), ceiling: {}, end }, deployment)
  const touched = await touchPasskey(built.digest, sub, deployment)
  if (!touched.ok) return touched
  const session = { sub, grant: { intent: built.bytes, assertion: touched.value }, id: built.digestText, end, keys }
  await writeRecord(record, { v: 1, lineage: deployment.lineage, sub, grant: encodeGrant(session.grant), id: session.id, end, keys })
  return ok(session)
}

/** The session that this browser keeps for this deployment, if it has not ended. */
export async function openSession({ lineage }: Pick<Deployment, 'lineage'>): Promise<Session | undefined> {
  const kept = await readRecord(record)
  if (typeof kept !== 'object' || kept === null) return undefined
  const { sub, grant: text, id, end, keys, lineage: of } = kept as Readonly<Record<string, unknown>>
  const grant = typeof text === 'string' ? decodeGrant(text) : undefined
  if (grant === undefined || of !== lineage || typeof sub !== 'string' || typeof id !== 'string' || typeof end !== 'number' || end <= now()) return undefined
  return { sub, grant, id: id as Base64url, end, keys: keys as CryptoKeyPair }
}

/** Forgets the key, which ends what this browser can do; whether signers heard of it is another question (`revocation`). */
export const forgetSession = (): Promise<void> => removeRecord(record)

/** The intent that ends this session's grant at the signers. */
export const revocation = (session: Session, deployment: Deployment): Built => build({ kind: 'revoke', sub: session.sub, what: 'grant', id: session.id }, deployment)

/** The session's word for an intent. */
export async function grantEvidence({ grant, id, keys }: Session, { intent, digestText }: Built): Promise<Evidence> {
  const jwk = await publicJwk(keys)
  const input = proofSigningInput({ typ: 'symbolon-proof+jwt', alg: 'ES256', jwk }, { iss: intent.iss, intent: digestText, kind: intent.kind, iat: now(), of: id })
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, keys.privateKey, Uint8Array.from(utf8(input)))
  return { kind: 'grant', intent: grant.intent, assertion: grant.assertion, proof: assembleJws(input, new Uint8Array(signature)) }
}

export const passkeyEvidence = (assertion: Assertion): Evidence => ({ kind: 'passkey', assertion })

async function publicJwk({ publicKey }: CryptoKeyPair) {
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey)
  return p256Jwk.parse({ kty, crv, x, y })
}
