import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkShape } from '@symbolon/protocol/json.ts'
import { ed25519Jwk } from '@symbolon/protocol/fields.ts'
import { groupOf, type Roster } from '@symbolon/roster/roster.ts'
import type { z } from 'zod'

/* Honest people's keys, and the deployment's public one. */

export interface ServiceKey {
  readonly sub: string
  readonly kid: string
  readonly key: KeyObject
  readonly jwk: z.infer<typeof ed25519Jwk>
}

export function serviceKeyOf(sub: string, kid: string, key: KeyObject = generateKeyPairSync('ed25519').privateKey): ServiceKey {
  const jwk = checkShape(ed25519Jwk, createPublicKey(key).export({ format: 'jwk' }))
  if (!jwk.ok) throw new Error('not an Ed25519 key')
  return { sub, kid, key, jwk: jwk.value }
}

export function publicKeyOf(roster: Roster): KeyObject {
  const group = groupOf(roster, 'token')
  if (group === undefined) throw new Error('no token group')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: group.key }, format: 'jwk' })
}

/** The key of the development service, from the profile that the launcher left. */
export function developmentKeyOf(home: string): ServiceKey {
  const { service, key_id, key_file } = JSON.parse(readFileSync(join(home, 'profile.json'), 'utf8')) as { service: string; key_id: string; key_file: string }
  return serviceKeyOf(service, key_id, createPrivateKey(readFileSync(key_file)))
}
