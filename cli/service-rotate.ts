import { createPrivateKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { entryBytes, entryDigest, type Entry, type EntryStatement } from '@symbolon/protocol/book.ts'
import { rosterId } from '@symbolon/protocol/fields.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { effectiveRoster } from '@symbolon/roster/effective.ts'
import type { Service } from '@symbolon/roster/roster.ts'
import { publicJwk } from '@symbolon/sdk/credential.ts'
import { failed, ok, type Outcome } from '@symbolon/sdk/errors.ts'
import type { RosterRead } from '@symbolon/sdk/people.ts'
import { keyFileOf } from './connect.ts'
import { readSecret } from './key-file.ts'
import { LocalFailure } from './failure.ts'
import { slowly, type Io } from './io.ts'
import { withRoster } from './roster-read.ts'
import type { Settings } from './settings.ts'
import { createPrivateFile } from './state.ts'
import type { View } from './view.ts'

export const rotateFlags = z.object({ newKeyFile: z.string(), newKeyId: z.string(), dryRun: z.boolean().default(false) })

/**
 * A service's row takes another key, signed by the one that it has: no guardian is asked. The last two keys are kept, so whoever still has the
 * old one may go on until the next rotation.
 */
export async function rotateKey({ newKeyFile, newKeyId, dryRun }: z.infer<typeof rotateFlags>, settings: Settings, io: Io): Promise<Outcome<View>> {
  if (!rosterId.safeParse(newKeyId).success) throw new LocalFailure('--new-key-id is not usable', `${JSON.stringify(newKeyId.slice(0, 80))} is no id of the roster`, 'Give another one, for example worker-2.')
  const current = keyFileOf(settings)
  return withRoster(settings, io, async ({ client, asker, read }) => {
    const row = effectiveRoster(read.document, read.entries).services.find(({ id }) => id === asker.sub)
    if (row === undefined) throw new LocalFailure(`${asker.sub} is no service`, 'only a service’s row has keys of its own', 'Give --subject, --key-file and --key-id of the service.')
    const fresh = dryRun ? generateKeyPairSync('ed25519').privateKey : newKey(newKeyFile)
    const entry = rotation({ row, read, current, fresh, id: newKeyId, now: io.now() })
    if (!entry.ok) return entry
    const { statement } = entry.value
    const what = { row: row.id, key: newKeyId, seq: statement.kind === 'rotation' ? statement.seq : 1, digest: entryDigest(statement) }
    if (dryRun) return ok(view({ sent: false, ...what }, `would give ${row.id} the key ${newKeyId}`))
    const sent = await slowly(io, 'asking the signers', client.sendEntry(entry.value))
    return sent.ok ? ok(view({ ...what, state: sent.value.state, signers: sent.value.signers, key_file: newKeyFile }, `${row.id} has the key ${newKeyId}; set key_file and key_id to it`)) : sent
  })
}

const view = (data: View['data'], sentence: string): View => ({ data, raw: sentence, tables: [{ rows: [[sentence]] }] })

/** As it lies there, else made: asked again after a lost answer, the same rotation is sent. */
function newKey(path: string): KeyObject {
  const key = generateKeyPairSync('ed25519').privateKey
  if (createPrivateFile(path, String(key.export({ type: 'pkcs8', format: 'pem' })))) return key
  const pem = readSecret(path)
  try {
    return createPrivateKey(pem)
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw new LocalFailure(`${path} is no private key`, 'it lies there already, and is not an unencrypted PKCS#8 PEM', 'Name a file that does not exist yet.')
    throw error
  } finally {
    pem.fill(0)
  }
}

interface Rotation {
  readonly row: Service
  readonly read: RosterRead
  readonly current: KeyObject
  readonly fresh: KeyObject
  readonly id: string
  readonly now: number
}

function rotation({ row, read, current, fresh, id, now }: Rotation): Outcome<Entry> {
  const [by, jwk] = [publicJwk(current), publicJwk(fresh)]
  if (!by.ok) return by
  if (!jwk.ok) return jwk
  const [newest] = row.keys
  if (newest === undefined || thumbprint(newest.jwk) !== thumbprint(by.value)) return failed('credential_unusable', { detail: `the newest key of ${row.id} signs for the next one; this is another` })
  const root = read.document.services.find((other) => other.id === row.id)?.keys[0]
  if (root === undefined) return failed('credential_unusable', { detail: `${row.id} is not in the roster document` })
  const rootPrint = thumbprint(root.jwk)
  const chain = read.entries.filter(({ entry: { statement } }) => statement.kind === 'rotation' && statement.row === row.id && statement.root === rootPrint)
  const statement: EntryStatement = { v: 1, kind: 'rotation', lineage: read.lineage, row: row.id, root: rootPrint, seq: chain.length + 1, by: thumbprint(by.value), key: { id, jwk: jwk.value }, iat: now }
  return ok({ statement, signature: signed(current, statement), possession: signed(fresh, statement) })
}

const signed = (key: KeyObject, statement: EntryStatement): Base64url => {
  const bytes = entryBytes(statement)
  return toBase64url(key.asymmetricKeyType === 'ed25519' ? sign(null, bytes, key) : sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }))
}
