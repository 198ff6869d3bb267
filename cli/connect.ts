import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { fromBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { openClient, type Client } from '@symbolon/sdk/client.ts'
import { findPlatform, platformCredential, platforms, type Platform } from '@symbolon/sdk/ci.ts'
import { idTokenCredential, keyCredential, type Credential } from '@symbolon/sdk/credential.ts'
import type { Pin } from '@symbolon/sdk/deployment.ts'
import { failed, ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { LocalFailure } from './failure.ts'
import type { Io } from './io.ts'
import { environmentName, flagName, type SettingName, type Settings } from './settings.ts'

const missing = (name: SettingName, why: string): LocalFailure => new LocalFailure(`${name} is not set`, why, `Give ${flagName(name)} or ${environmentName(name)}, or start a development deployment with \`make up\`.`)

/** @throws LocalFailure where a setting is missing or cannot be used */
export function clientOf(settings: Settings, io: Io): Outcome<Client> {
  const addr = settings.addr?.value
  if (addr === undefined) throw missing('addr', 'there is no server to ask')
  // Where a checkout leads goes what proves who asks: only to the issuer that the keyset names.
  return openClient({ addr, atIssuer: settings.addr?.from === 'project', pin: pinOf(settings), ...tlsOf(settings), timeoutMs: secondsOf(settings.timeout?.value ?? '30', 'timeout') * 1000, clock: io.now })
}

export function pinOf({ pin }: Settings): Pin {
  if (pin === undefined) throw missing('pin', 'without the keyset’s fingerprint a server could show its own keys')
  if (pin.value === 'unpinned') return 'unpinned'
  if (fromBase64url(pin.value)?.length === 32) return pin.value as Base64url
  throw new LocalFailure('The pin is no fingerprint', `${pin.origin} must be 43 characters of base64url`, 'Take it from what the ceremony or `make up` printed.')
}

function tlsOf(settings: Settings): Pick<Parameters<typeof openClient>[0], 'ca' | 'clientCertificate'> {
  const { cacert, client_cert, client_key } = settings
  if ((client_cert === undefined) !== (client_key === undefined)) throw missing(client_cert === undefined ? 'client_cert' : 'client_key', 'a client certificate and its key come together')
  return {
    ...(cacert === undefined ? {} : { ca: readText(cacert.value) }),
    ...(client_cert === undefined || client_key === undefined ? {} : { clientCertificate: { cert: readText(client_cert.value), key: readSecret(client_key.value) } }),
  }
}

/** Who asks, and how that is shown. */
export interface Asker {
  readonly sub: string
  readonly client: string | undefined
  readonly credential: Credential
  readonly source: 'key' | 'id_token' | Platform
}

/**
 * `auto`: a key that was named by flag, environment or file comes first; then a CI platform that offers an ID token; last the
 * development profile's key.
 */
export function askerOf(settings: Settings, io: Io): Outcome<Asker> {
  const source = sourceOf(settings, io)
  if (source === undefined) return failed('credential_missing', { detail: 'no key, no ID token, and no CI platform that this client knows' })
  const sub = settings.subject?.value
  if (sub === undefined) throw missing('subject', 'an intent names the roster id that the evidence will yield')
  return ok({ sub, client: settings.client?.value, source, credential: credentialOf(source, sub, settings, io) })
}

function sourceOf({ identity, key_file, id_token_file }: Settings, io: Io): Asker['source'] | undefined {
  const wanted = identity?.value ?? 'auto'
  if (isSource(wanted)) return wanted
  if (wanted !== 'auto') throw new LocalFailure(`There is no identity ${wanted}`, `${identity?.origin ?? 'it'} must be auto, key, id_token or a CI platform`, `Use auto, key, id_token, ${platforms.join(', ')}.`)
  if (key_file !== undefined && key_file.from !== 'home') return 'key'
  if (io.env['SYMBOLON_ID_TOKEN'] || id_token_file !== undefined) return 'id_token'
  return findPlatform(io.env) ?? (key_file === undefined ? undefined : 'key')
}

const isSource = (text: string): text is Asker['source'] => text === 'key' || text === 'id_token' || platforms.includes(text as Platform)

function credentialOf(source: Asker['source'], sub: string, settings: Settings, io: Io): Credential {
  if (source === 'key') return keyCredential({ key: keyOf(settings), kid: settings.key_id?.value ?? sub, sub })
  if (source === 'id_token') return idTokenCredential({ description: 'an ID token', fetch: async () => idTokenOf(settings, io) })
  return platformCredential(source, io.env)
}

function idTokenOf({ id_token_file }: Settings, io: Io): Outcome<string> {
  const token = io.env['SYMBOLON_ID_TOKEN'] || (id_token_file === undefined ? undefined : readSecret(id_token_file.value).toString('utf8').trim())
  return token === undefined ? failed('credential_missing', { detail: 'neither SYMBOLON_ID_TOKEN nor id_token_file is set' }) : ok(token)
}

function keyOf({ key_file }: Settings): KeyObject {
  if (key_file === undefined) throw missing('key_file', 'identity is `key`')
  const pem = readSecret(key_file.value)
  try {
    return createPrivateKey(pem)
  } catch (error) {
    // OpenSSL's message may quote the file.
    if (error instanceof Error && 'code' in error) throw new LocalFailure(`${key_file.value} is no private key`, 'it is not an unencrypted PKCS#8 PEM', 'Make one with `openssl genpkey -algorithm ed25519`, and register its public half.')
    throw error
  } finally {
    pem.fill(0)
  }
}

/** A file that only its owner may read; the bytes are the caller's to wipe. */
export function readSecret(path: string): Buffer {
  try {
    const { mode } = statSync(path)
    if ((mode & 0o077) !== 0) throw new LocalFailure(`${path} is open to others`, `its mode is ${(mode & 0o777).toString(8)}`, `chmod 600 ${path}`)
    return readFileSync(path)
  } catch (error) {
    throw unreadable(path, error)
  }
}

export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw unreadable(path, error)
  }
}

const unreadable = (path: string, error: unknown): unknown => (error instanceof Error && 'code' in error ? new LocalFailure(`${path} cannot be read`, String(error.code), 'Check the path, its owner and its mode.') : error)

/** `90`, `90s`, `15m`, `1h`. */
export function secondsOf(text: string, what: string): number {
  const [, amount, unit = 's'] = /^([0-9]{1,6})([smhd])?$/.exec(text) ?? []
  const seconds = Number(amount) * ({ s: 1, m: 60, h: 3_600, d: 86_400 }[unit] ?? 1)
  if (amount === undefined || seconds === 0) throw new LocalFailure(`${what} is no duration`, `${JSON.stringify(text.slice(0, 40))} is neither seconds nor like 15m`, 'Write 900, 15m or 1h.')
  return seconds
}
