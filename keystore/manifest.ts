import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { fail, ok } from '@symbolon/core/errors.ts'
import { base64urlOf, line, p256Jwk, signerId } from '@symbolon/protocol/fields.ts'
import { canonical, decodeAs } from '@symbolon/protocol/json.ts'
import { keystoreError } from './errors.ts'
import { readBounded, writeWhole } from './folder.ts'
import type { KeystoreResult } from './keystore.ts'

const common = { v: z.literal(1), signer: signerId, identity: p256Jwk, sealing: p256Jwk, hpke: p256Jwk }

/** `keys.json`: whose keystore this is, and which public keys the device must have. Not trusted: the device is compared with it. */
export const manifest = z.discriminatedUnion('backend', [
  z.strictObject({
    ...common,
    backend: z.literal('file'),
    /** Argon2id (RFC 9106) over the passphrase. Bounded, so that a changed file cannot exhaust the machine. */
    argon2id: z.strictObject({ salt: base64urlOf(16), opslimit: z.int().min(1).max(10), memlimit: z.int().min(8_192).max(1024 * 1024 * 1024) }),
    /** The two private scalars, each AES-256-GCM under a key of its own. */
    wrapped: z.strictObject({ identity: base64urlOf(48), sealing: base64urlOf(48) }),
  }),
  z.strictObject({ ...common, backend: z.literal('pkcs11'), token: line(32) }),
  z.strictObject({ ...common, backend: z.literal('memory') }),
])
export type Manifest = z.infer<typeof manifest>
export type ManifestOf<B extends Manifest['backend']> = Extract<Manifest, { backend: B }>

const fileOf = (folder: string) => join(folder, 'keys.json')
const maxBytes = 8_192

export const hasManifest = (folder: string): boolean => existsSync(fileOf(folder))

export function writeManifest(folder: string, value: Manifest): void {
  writeWhole(fileOf(folder), canonical(manifest.parse(value)))
}

/** The manifest, if it is this signer's and of this backend. */
export function readManifest<B extends Manifest['backend']>(folder: string, wanted: { backend: B; signer: number }): KeystoreResult<ManifestOf<B>> {
  if (!hasManifest(folder)) return fail(keystoreError('keystore_missing', 'keys.json'))
  const bytes = readBounded(fileOf(folder), maxBytes)
  const decoded = bytes === undefined ? undefined : decodeAs(manifest, bytes, maxBytes)
  if (decoded === undefined || !decoded.ok) return fail(keystoreError('keystore_malformed', 'keys.json'))
  if (!isBackend(decoded.value, wanted.backend)) return fail(keystoreError('keystore_other_backend', decoded.value.backend))
  if (decoded.value.signer !== wanted.signer) return fail(keystoreError('keystore_other_signer', `signer ${decoded.value.signer}`))
  return ok(decoded.value)
}

const isBackend = <B extends Manifest['backend']>(value: Manifest, backend: B): value is ManifestOf<B> => value.backend === backend
