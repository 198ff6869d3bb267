import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { taggedHash, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { parseJws } from '@symbolon/protocol/jws.ts'
import type { Client } from '@symbolon/sdk/client.ts'
import { idTokenCredential, type Credential } from '@symbolon/sdk/credential.ts'
import { failed, ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { sealedCredential } from '@symbolon/sdk/sealing.ts'
import { LocalFailure } from './failure.ts'
import type { Io } from './io.ts'
import type { Settings } from './settings.ts'
import { createWholeFile, readPrivate, readShared, removePrivate, stateFolder } from './state.ts'

/* ID tokens that the platform hands to a job, one for all its requests: sealed to the signers, unless somebody says that they may be shown. */

export const idTokenClasses = ['static', 'bearer'] as const

/** Class `static` unless said otherwise: a token that was sent in clear cannot be taken back. */
export function givenIdToken(settings: Settings, io: Io, client: Pick<Client, 'deployment'>): Credential {
  const fetch = async () => givenToken(settings, io)
  if (classOf(settings) === 'bearer') return idTokenCredential({ description: 'an ID token, in clear', fetch })
  return {
    description: 'an ID token, sealed to the signers',
    // Read once: the key belongs to this very token, and a projected one may be renewed between two looks.
    evidence: async (built, now) => {
      const token = givenToken(settings, io)
      if (!token.ok) return token
      const key = keyOfToken(token.value, io)
      return key.ok ? sealedCredential({ description: '', fetch: async () => token, key: key.value, deployment: client.deployment }).evidence(built, now) : key
    },
  }
}

function classOf({ id_token_class }: Settings): (typeof idTokenClasses)[number] {
  const wanted = id_token_class?.value ?? 'static'
  const found = idTokenClasses.find((each) => each === wanted)
  if (found === undefined) throw new LocalFailure(`There is no class ${wanted} of ID tokens that are given`, `${id_token_class?.origin ?? 'it'} names it`, `Use ${idTokenClasses.join(' or ')}.`)
  return found
}

function givenToken({ id_token_file }: Settings, io: Io): Outcome<string> {
  const token = io.env['SYMBOLON_ID_TOKEN'] || (id_token_file === undefined ? undefined : readShared(id_token_file.value).toString('utf8').trim())
  return token === undefined ? failed('credential_missing', { detail: 'neither SYMBOLON_ID_TOKEN nor id_token_file is set' }) : ok(token)
}

const folderOf = (io: Io): string => join(stateFolder(io), 'id-token-keys')
/** Seconds past a token's end after which no clock still takes it. */
const grace = 3_600

/**
 * The key that shows this token. The first one that the signers see owns it, so that every later request of the job must find the same: it rests
 * in a file of 0600 whose name is the token's end and hash. Of two that start together, one writes and the other reads.
 */
function keyOfToken(token: string, io: Io): Outcome<KeyObject> {
  const end = endOf(token)
  if (end === undefined) return failed('credential_unusable', { detail: 'the ID token is no JWT with an `exp`' })
  const path = join(folderOf(io), `${end}.${toBase64url(taggedHash('id-token-key/v1', utf8(token)))}`)
  const kept = readKey(path)
  if (kept !== undefined) return ok(kept)
  const { privateKey } = generateKeyPairSync('ed25519')
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' })
  try {
    forgetEnded(io)
    if (createWholeFile(path, pkcs8)) return ok(privateKey)
  } catch (error) {
    if (!(error instanceof LocalFailure)) throw error
    // A job in a container may have no home: its first request is granted all the same.
    io.err.write(`warning: the key that owns this ID token cannot be kept (${error.what}: ${error.why}); another request with the same token will be refused\n`)
    return ok(privateKey)
  } finally {
    pkcs8.fill(0)
  }
  const other = readKey(path)
  return other === undefined ? failed('credential_unusable', { detail: `the key in ${path} was removed meanwhile` }) : ok(other)
}

function endOf(token: string): number | undefined {
  const exp = parseJws(token)?.payload['exp']
  return typeof exp === 'number' && Number.isSafeInteger(exp) && exp > 0 ? exp : undefined
}

/** @throws LocalFailure if the file is open to others, or holds no key */
function readKey(path: string): KeyObject | undefined {
  const bytes = readPrivate(path)
  if (bytes === undefined) return undefined
  try {
    return createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' })
  } catch (error) {
    // OpenSSL's message may quote the bytes.
    if (error instanceof Error && 'code' in error) throw new LocalFailure(`${path} is no private key`, 'it should hold the key that owns this job’s ID token', 'Remove it, and start the job again: its ID token belongs to the lost key.')
    throw error
  } finally {
    bytes.fill(0)
  }
}

function forgetEnded(io: Io): void {
  for (const name of namesIn(folderOf(io))) {
    const [, end] = /^([0-9]{1,16})\.[A-Za-z0-9_-]{43}$/.exec(name) ?? []
    if (end !== undefined && Number(end) + grace < io.now()) removePrivate(join(folderOf(io), name))
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    // What is wrong with it is said when the key is written.
    if (error instanceof Error && 'code' in error) return []
    throw error
  }
}
