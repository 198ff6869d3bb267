import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import sodium from 'sodium-native'
import { fail, ok } from '@symbolon/core/errors.ts'
import type { Memory, Secret } from '@symbolon/core/secret.ts'
import { bytesOf, concat, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { P256Jwk } from '@symbolon/protocol/p256.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import type { Device } from './device.ts'
import { keystoreError } from './errors.ts'
import { hasManifest, readManifest, type ManifestOf } from './manifest.ts'
import { finishKeystore, openWith, type KeystorePlace } from './open.ts'
import type { Keystore, KeystoreResult } from './keystore.ts'
import { makeP256 } from './sealing.ts'
import { softwareDevice, type KeyPair } from './software.ts'

/*
 * Two private keys under a passphrase. For development: whoever copies the folder and the passphrase file, which the same
 * machine must hold to start by itself, has the share.
 */
const warning = 'keystore "file" is for development: a copy of this machine’s disk is a copy of its share; use a PKCS#11 device'

/** RFC 9106, section 4, second recommended option, with the one lane that libsodium has. */
const cost = { opslimit: 3, memlimit: 64 * 1024 * 1024 }

export interface FileSettings extends KeystorePlace {
  /** The caller wipes what this gives. One newline at the end does not count. */
  passphrase(): Uint8Array
}

/** Makes the keys. Refuses to replace any. */
export async function createFileKeystore(settings: FileSettings): Promise<KeystoreResult<Keystore>> {
  const { folder, signer, memory } = settings
  if (hasManifest(folder)) return fail(keystoreError('keystore_exists', 'keys.json'))
  const salt = new Uint8Array(16)
  sodium.randombytes_buf(salt)
  const argon2id = { salt: toBase64url(salt), ...cost }
  using master = await stretch(settings, argon2id)
  const [identity, sealing] = [makeP256(memory), makeP256(memory)]
  const wrapped = { identity: wrap(master, 'identity', identity), sealing: wrap(master, 'sealing', sealing) }
  const device = softwareDevice({ backend: 'file', warning, identity, sealing, memory })
  return finishKeystore(device, settings, (hpke) => ({ v: 1, backend: 'file', signer, identity: identity.jwk, sealing: sealing.jwk, hpke, argon2id, wrapped }))
}

export async function openFileKeystore(settings: FileSettings): Promise<KeystoreResult<Keystore>> {
  const found = readManifest(settings.folder, { backend: 'file', signer: settings.signer })
  if (!found.ok) return found
  using master = await stretch(settings, found.value.argon2id)
  const device = unwrapDevice(found.value, master, settings.memory)
  return device.ok ? openWith(device.value, settings, found.value.hpke) : device
}

async function stretch({ passphrase, memory }: FileSettings, { salt, opslimit, memlimit }: ManifestOf<'file'>['argon2id']): Promise<Secret> {
  const given = passphrase()
  const master = memory.take(32)
  // The buffer is the arena's until the call has ended: nobody else can wipe or take it meanwhile.
  const out = master.borrow((bytes) => bytes)
  try {
    await sodium.crypto_pwhash_async(out, given.at(-1) === 0x0a ? given.subarray(0, -1) : given, bytesOf(salt), opslimit, memlimit, sodium.crypto_pwhash_ALG_ARGON2ID13)
    return master
  } catch (error) {
    master.wipe()
    throw error
  } finally {
    given.fill(0)
  }
}

/** Key and nonce for one of the two, from the master key, its role and its public half. */
function wrappingKey(master: Secret, role: 'identity' | 'sealing', jwk: P256Jwk): { key: Uint8Array; nonce: Uint8Array } {
  const okm = new Uint8Array(master.borrow((bytes) => hkdfSync('sha256', bytes, new Uint8Array(), utf8(`symbolon/keystore-file/v1 ${role} ${thumbprint(jwk)}`), 44)))
  return { key: okm.subarray(0, 32), nonce: okm.subarray(32) }
}

function wrap(master: Secret, role: 'identity' | 'sealing', pair: KeyPair) {
  const { key, nonce } = wrappingKey(master, role, pair.jwk)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  key.fill(0)
  return toBase64url(pair.secret.borrow((bytes) => concat(cipher.update(bytes), cipher.final(), cipher.getAuthTag())))
}

function unwrap(master: Secret, found: ManifestOf<'file'>, role: 'identity' | 'sealing', memory: Memory): KeyPair | undefined {
  const jwk = found[role]
  const sealed = bytesOf(found.wrapped[role])
  const { key, nonce } = wrappingKey(master, role, jwk)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 })
  key.fill(0)
  decipher.setAuthTag(sealed.subarray(32))
  const plain = decipher.update(sealed.subarray(0, 32))
  try {
    decipher.final()
    const secret = memory.take(32)
    secret.borrow((bytes) => bytes.set(plain))
    return { jwk, secret }
  } catch (error) {
    if (error instanceof Error && error.message.includes('unable to authenticate')) return undefined
    throw error
  } finally {
    plain.fill(0)
  }
}

function unwrapDevice(found: ManifestOf<'file'>, master: Secret, memory: Memory): KeystoreResult<Device> {
  const identity = unwrap(master, found, 'identity', memory)
  const sealing = unwrap(master, found, 'sealing', memory)
  if (identity !== undefined && sealing !== undefined) return ok(softwareDevice({ backend: 'file', warning, identity, sealing, memory }))
  identity?.secret.wipe()
  sealing?.secret.wipe()
  // Which of the two it was cannot be told apart: both make the tag wrong.
  return fail(keystoreError('passphrase_wrong', 'or keys.json was altered'))
}
