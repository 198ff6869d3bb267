import { join } from 'node:path'
import { fail, ok } from '@symbolon/core/errors.ts'
import type { Memory } from '@symbolon/core/secret.ts'
import type { P256Jwk } from '@symbolon/protocol/p256.ts'
import { blobBytesLimit } from './blob.ts'
import type { Device } from './device.ts'
import { keystoreError } from './errors.ts'
import { readBounded, writeWhole } from './folder.ts'
import type { Keystore, KeystoreResult } from './keystore.ts'
import { writeManifest, type Manifest } from './manifest.ts'
import { keystoreOver, makeReceiveKey } from './sealing.ts'

/** Where one signer's keystore lies, and where secrets lie once it is open. */
export interface KeystorePlace {
  readonly folder: string
  readonly signer: number
  readonly memory: Memory
}

const receiveKeyFile = (folder: string) => join(folder, 'hpke.sealed')

/** Makes the receive key of a device that is new, writes the manifest last, and proves once that all of it can be opened again. */
export async function finishKeystore(device: Device, place: KeystorePlace, manifestOf: (hpke: P256Jwk) => Manifest): Promise<KeystoreResult<Keystore>> {
  const made = makeReceiveKey(device.sealing, place.signer, place.memory)
  if (!made.ok) return made
  writeWhole(receiveKeyFile(place.folder), made.value.blob)
  const opened = await openWith(device, place, made.value.jwk)
  if (opened.ok) writeManifest(place.folder, manifestOf(made.value.jwk))
  return opened
}

/** The keystore over a device whose public keys have been compared with the manifest; closes the device if the receive key does not open. */
export async function openWith(device: Device, place: KeystorePlace, hpke: P256Jwk): Promise<KeystoreResult<Keystore>> {
  const blob = readBounded(receiveKeyFile(place.folder), blobBytesLimit)
  const keystore = keystoreOver(device, { signer: place.signer, memory: place.memory, hpke: { jwk: hpke, blob: blob ?? new Uint8Array() } })
  const key = blob === undefined ? fail(keystoreError('keystore_malformed', 'hpke.sealed')) : await keystore.receiveKey()
  if (key.ok) {
    key.value.wipe()
    return ok(keystore)
  }
  await keystore.close()
  return key
}
