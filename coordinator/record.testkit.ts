import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Ed25519Jwk } from '@symbolon/protocol/ed25519.ts'
import { parsePath } from '@symbolon/protocol/label.ts'
import { defaultSettings, encodeRecord, recordMessage, type SignedRecord } from '@symbolon/protocol/record.ts'

/** A key that signs records, where it does not matter that t signers hold it. */
export function recordKey(): { readonly jwk: Ed25519Jwk; readonly privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return { jwk: { kty: 'OKP', crv: 'Ed25519', x: publicKey.export({ format: 'jwk' }).x as Base64url }, privateKey }
}

export const lineage = toBase64url(new Uint8Array(32).fill(1))

/** @param by who wrote it: two records with one number that differ */
export function finished({ privateKey }: { readonly privateKey: KeyObject }, { path = 'app/db', seq = 1, by = 'ann', of = lineage }: { readonly path?: string; readonly seq?: number; readonly by?: string; readonly of?: Base64url } = {}): SignedRecord {
  const parsed = parsePath(path)
  if (parsed === undefined) throw new RangeError(path)
  const digest = toBase64url(new Uint8Array(32))
  const bytes = encodeRecord({ v: 1, lineage: of, path: parsed, seq, previous: seq === 1 ? null : digest, current: 0, versions: [], settings: defaultSettings, custom: {}, tags: [], removed: false, created: 1, by, at: 1, act: 'secret.meta', intent: digest })
  return { record: toBase64url(bytes), signature: toBase64url(sign(null, recordMessage(bytes), privateKey)) }
}
