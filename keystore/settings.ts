import { z } from 'zod'
import type { Memory } from '@symbolon/core/secret.ts'
import { line } from '@symbolon/protocol/fields.ts'
import { createFileKeystore, openFileKeystore, type FileSettings } from './file.ts'
import type { Keystore, KeystoreResult } from './keystore.ts'
import { createPkcs11Keystore, openPkcs11Keystore, type Pkcs11Settings } from './pkcs11.ts'

/** A secret that rests in a file of its owner: `SecretFile` of the runtime. */
interface SecretSource {
  readonly path: string
  read(): Buffer
}

/** The `keystore` setting of signer and keygen, over the field types that every config uses. */
export const keystoreSettings = <P extends z.ZodType<string>, S extends z.ZodType<SecretSource>>(field: { absolutePath(): P; secretFile(): S }) =>
  z.discriminatedUnion('backend', [
    z.strictObject({
      backend: z.literal('file').describe('Keys under a passphrase. For development.'),
      folder: field.absolutePath().describe('Where the keystore lies, 0700.'),
      passphrase_file: field.secretFile().describe('Passphrase, 0600.'),
    }),
    z.strictObject({
      backend: z.literal('pkcs11').describe('Keys in a PKCS#11 device.'),
      folder: field.absolutePath().describe('Where sealed shares and the list of public keys lie, 0700.'),
      module: field.absolutePath().describe('The device’s PKCS#11 library.'),
      token: line(32).describe('Label of the token.'),
      pin_file: field.secretFile().describe('User PIN, 0600. A wrong one is never tried twice.'),
      environment: z.record(z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/), z.string().max(4096)).default({}).describe('Variables that the library reads, such as SOFTHSM2_CONF. The module’s process gets no others.'),
      timeout_ms: z.int().min(100).max(120_000).default(10_000).describe('How long the device may take for one operation.'),
    }),
  ])
export type KeystoreSettings = z.output<ReturnType<typeof keystoreSettings<z.ZodType<string>, z.ZodType<SecretSource>>>>

/** Whose keystore, and where its secrets lie once it is open. */
export interface Owner {
  readonly signer: number
  readonly memory: Memory
}

/** Makes identity and receive key. Refuses to replace any. */
export const createKeystore = (settings: KeystoreSettings, owner: Owner): Promise<KeystoreResult<Keystore>> =>
  settings.backend === 'file' ? createFileKeystore(fileSettings(settings, owner)) : createPkcs11Keystore(pkcs11Settings(settings, owner))

export const openKeystore = (settings: KeystoreSettings, owner: Owner): Promise<KeystoreResult<Keystore>> =>
  settings.backend === 'file' ? openFileKeystore(fileSettings(settings, owner)) : openPkcs11Keystore(pkcs11Settings(settings, owner))

type Of<B extends KeystoreSettings['backend']> = Extract<KeystoreSettings, { backend: B }>

const fileSettings = ({ folder, passphrase_file }: Of<'file'>, owner: Owner): FileSettings => ({ ...owner, folder, passphrase: () => passphrase_file.read() })

export const pkcs11Settings = ({ folder, module, token, pin_file, environment, timeout_ms }: Of<'pkcs11'>, owner: Owner): Pkcs11Settings => ({ ...owner, folder, module, token, pin: pin_file, environment, timeoutMs: timeout_ms })
