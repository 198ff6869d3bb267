import { fail } from '@symbolon/core/errors.ts'
import type { Device } from './device.ts'
import { keystoreError } from './errors.ts'
import { hasManifest, readManifest } from './manifest.ts'
import { finishKeystore, openWith, type KeystorePlace } from './open.ts'
import type { Keystore, KeystoreResult } from './keystore.ts'
import { makeP256 } from './sealing.ts'
import { softwareDevice, type KeyPair } from './software.ts'

/* The simplest device that passes the contract: its keys are gone with the test. No file but tests may import it. */

/** The "hardware": what a real device would hold, by folder. */
export type Shelf = Map<string, { readonly identity: KeyPair; readonly sealing: KeyPair }>

const copyOf = (pair: KeyPair, { memory }: KeystorePlace): KeyPair => {
  const secret = memory.take(32)
  secret.borrow((into) => pair.secret.borrow((bytes) => into.set(bytes)))
  return { jwk: pair.jwk, secret }
}

/** A session: closing it leaves the shelf as it is. */
const session = (shelf: Shelf, place: KeystorePlace): Device | undefined => {
  const keys = shelf.get(place.folder)
  return keys === undefined ? undefined : softwareDevice({ backend: 'memory', identity: copyOf(keys.identity, place), sealing: copyOf(keys.sealing, place), memory: place.memory })
}

export async function createMemoryKeystore(shelf: Shelf, place: KeystorePlace): Promise<KeystoreResult<Keystore>> {
  if (hasManifest(place.folder)) return fail(keystoreError('keystore_exists', 'keys.json'))
  const keys = { identity: makeP256(place.memory), sealing: makeP256(place.memory) }
  shelf.set(place.folder, keys)
  const device = session(shelf, place)
  if (device === undefined) throw new Error('just put there')
  return finishKeystore(device, place, (hpke) => ({ v: 1, backend: 'memory', signer: place.signer, identity: keys.identity.jwk, sealing: keys.sealing.jwk, hpke }))
}

export async function openMemoryKeystore(shelf: Shelf, place: KeystorePlace): Promise<KeystoreResult<Keystore>> {
  const found = readManifest(place.folder, { backend: 'memory', signer: place.signer })
  if (!found.ok) return found
  const device = session(shelf, place)
  return device === undefined ? fail(keystoreError('key_missing', place.folder)) : openWith(device, place, found.value.hpke)
}
