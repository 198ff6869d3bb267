import { createPrivateKey, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { encodeGrant } from '@symbolon/protocol/grant.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { publicJwk } from '@symbolon/sdk/credential.ts'
import { failed, ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { openGrant, type OpenedGrant } from '@symbolon/sdk/grant.ts'
import { LocalFailure } from './failure.ts'
import type { Io } from './io.ts'
import { getKey, keyPlaces, putKey, removeKey, type KeyPlace } from './key-store.ts'
import type { Settings } from './settings.ts'
import { readPrivate, removePrivate, stateFolder, writePrivate } from './state.ts'

/* The grants that this user holds: one for each deployment, named by its lineage. The grant itself is not secret, its key is. */

export interface HeldGrant extends OpenedGrant {
  readonly place: KeyPlace
}

const shape = z.strictObject({ v: z.literal(1), grant: z.string().max(16_384), key: z.enum(keyPlaces) })
const pathOf = (lineage: Base64url, io: Io): string => join(stateFolder(io), 'grants', `${lineage}.json`)

/** The key first: a grant without its key is worth nothing, a key without its grant neither. */
export async function holdGrant({ grant, intent }: OpenedGrant, key: KeyObject, settings: Settings, io: Io): Promise<Outcome<KeyPlace>> {
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' })
  try {
    const place = await putKey(intent.lineage, pkcs8, settings, io)
    if (place.ok) writePrivate(pathOf(intent.lineage, io), Buffer.from(`${JSON.stringify({ v: 1, grant: encodeGrant(grant), key: place.value })}\n`))
    return place
  } finally {
    pkcs8.fill(0)
  }
}

/** @returns undefined if nobody signed in to this deployment here */
export function heldGrant(lineage: Base64url, io: Io): HeldGrant | undefined {
  const path = pathOf(lineage, io)
  const bytes = readPrivate(path)
  if (bytes === undefined) return undefined
  const decoded = decodeAs(shape, bytes, 32_768)
  const opened = decoded.ok ? openGrant(decoded.value.grant) : undefined
  if (!decoded.ok || opened?.ok !== true || opened.value.intent.lineage !== lineage) throw new LocalFailure(`${path} cannot be used`, 'it is no grant for this deployment', `Remove it, and sign in again: symbolon login`)
  return { ...opened.value, place: decoded.value.key }
}

/** The key, if it is the one that the grant names. */
export async function keyOfGrant({ intent, place }: HeldGrant, io: Io): Promise<Outcome<KeyObject>> {
  const found = await getKey(place, intent.lineage, io)
  if (!found.ok) return found
  if (found.value === undefined) return failed('grant_key_missing')
  try {
    const key = createPrivateKey({ key: found.value, format: 'der', type: 'pkcs8' })
    const jwk = publicJwk(key)
    return jwk.ok && thumbprint(jwk.value) === intent.key ? ok(key) : failed('grant_key_missing')
  } catch (error) {
    // OpenSSL's message may quote the bytes.
    if (error instanceof Error && 'code' in error) return failed('grant_key_missing')
    throw error
  } finally {
    found.value.fill(0)
  }
}

/** Forgets grant and key. @returns whether the key is surely gone */
export async function dropGrant({ intent, place }: HeldGrant, io: Io): Promise<boolean> {
  const removed = await removeKey(place, intent.lineage, io)
  removePrivate(pathOf(intent.lineage, io))
  return removed.ok
}
