import { join } from 'node:path'
import { failed, ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { LocalFailure } from './failure.ts'
import type { Io } from './io.ts'
import type { Settings } from './settings.ts'
import { readPrivate, removePrivate, stateFolder, writePrivate } from './state.ts'

/* Where the keys of grants rest: in the OS keychain where one works, else in a file of 0600. Bytes are PKCS#8, and the caller's to wipe. */

export const keyPlaces = ['keychain', 'file'] as const
export type KeyPlace = (typeof keyPlaces)[number]

export interface KeyStore {
  readonly place: KeyPlace
  put(id: string, pkcs8: Uint8Array): Promise<void>
  get(id: string): Promise<Buffer | undefined>
  /** @returns false if there was none */
  remove(id: string): Promise<boolean>
}

/** A locked keychain asks its user; nobody is asked for longer. */
const patience = 60_000
const service = 'symbolon'

/** On Linux the Secret Service only: the kernel's keyring ends with the session and is shared with containers. */
async function keychain(): Promise<KeyStore> {
  const { AsyncEntry } = await import('@napi-rs/keyring')
  const entry = (id: string) => new AsyncEntry(service, id, { linux: { store: 'secret-service' } })
  const signal = () => AbortSignal.timeout(patience)
  return {
    place: 'keychain',
    put: (id, pkcs8) => entry(id).setSecret(pkcs8, signal()),
    get: async (id) => {
      const secret = await entry(id).getSecret(signal())
      return secret === null ? undefined : Buffer.from(secret)
    },
    remove: (id) => entry(id).deleteCredential(signal()),
  }
}

function file(io: Io): KeyStore {
  const path = (id: string) => join(stateFolder(io), 'keys', id)
  return {
    place: 'file',
    put: async (id, pkcs8) => writePrivate(path(id), pkcs8),
    get: async (id) => readPrivate(path(id)),
    remove: async (id) => {
      const bytes = readPrivate(path(id))
      bytes?.fill(0)
      removePrivate(path(id))
      return bytes !== undefined
    },
  }
}

/** The native module is missing, there is no service on the bus, it is locked: all the same to whoever needs another place. */
async function attempt<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return ok(await work())
  } catch (error) {
    if (error instanceof LocalFailure || !(error instanceof Error)) throw error
    // The module's own words may quote what it was given.
    return failed('keychain_unusable')
  }
}

/** Puts the key where it may rest, and reads it back. `auto` takes a file where no keychain works, and the caller says so. */
export async function putKey(id: string, pkcs8: Uint8Array, settings: Settings, io: Io): Promise<Outcome<KeyPlace>> {
  const wanted = wantedPlace(settings)
  if (wanted !== 'file') {
    const kept = await attempt(async () => {
      const store = await keychain()
      await store.put(id, pkcs8)
      const back = await store.get(id)
      const same = back !== undefined && Buffer.compare(back, pkcs8) === 0
      back?.fill(0)
      return same
    })
    if (kept.ok && kept.value) return ok('keychain')
    if (wanted === 'keychain') return failed('keychain_unusable')
  }
  await file(io).put(id, pkcs8)
  return ok('file')
}

const open = (place: KeyPlace, io: Io): Promise<KeyStore> => (place === 'file' ? Promise.resolve(file(io)) : keychain())
export const getKey = (place: KeyPlace, id: string, io: Io): Promise<Outcome<Buffer | undefined>> => attempt(async () => (await open(place, io)).get(id))
export const removeKey = (place: KeyPlace, id: string, io: Io): Promise<Outcome<boolean>> => attempt(async () => (await open(place, io)).remove(id))

function wantedPlace({ key_store }: Settings): KeyPlace | 'auto' {
  const wanted = key_store?.value ?? 'auto'
  const place = [...keyPlaces, 'auto' as const].find((each) => each === wanted)
  if (place === undefined) throw new LocalFailure(`There is no key store ${wanted}`, `${key_store?.origin ?? 'it'} names it`, 'Use auto, keychain or file.')
  return place
}
