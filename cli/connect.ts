import type { KeyObject } from 'node:crypto'
import { fromBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { openClient, type Client } from '@symbolon/sdk/client.ts'
import { findPlatform, platformCredential, platforms, type Platform } from '@symbolon/sdk/ci.ts'
import { grantCredential, keyCredential, type Credential } from '@symbolon/sdk/credential.ts'
import type { Pin } from '@symbolon/sdk/deployment.ts'
import { failed, ok, type Outcome } from '@symbolon/sdk/errors.ts'
import type { OpenedGrant } from '@symbolon/sdk/grant.ts'
import { LocalFailure } from './failure.ts'
import { heldGrant, keyOfGrant, type HeldGrant } from './grants.ts'
import { givenIdToken } from './id-tokens.ts'
import type { Io } from './io.ts'
import { keyIn, readSecret, readText } from './key-file.ts'
import { environmentName, flagName, type SettingName, type Settings } from './settings.ts'
import { keysetMemory } from './state.ts'
import { givenToken, isTokenGiven } from './token-key.ts'

const missing = (name: SettingName, why: string): LocalFailure => new LocalFailure(`${name} is not set`, why, `Give ${flagName(name)} or ${environmentName(name)}, or start a development deployment with \`make up\`.`)

/** @throws LocalFailure where a setting is missing or cannot be used */
export function clientOf(settings: Settings, io: Io): Outcome<Client> {
  const addr = settings.addr?.value
  if (addr === undefined) throw missing('addr', 'there is no server to ask')
  // Where a checkout leads goes what proves who asks: only to the issuer that the keyset names.
  return openClient({ addr, atIssuer: settings.addr?.from === 'project', pin: pinOf(settings), ...connectionOf(settings), clock: io.now, memory: keysetMemory(io) })
}

/** How a server is reached, whichever it is. @throws LocalFailure */
export const connectionOf = (settings: Settings): Pick<Parameters<typeof openClient>[0], 'ca' | 'clientCertificate' | 'timeoutMs'> => ({ ...tlsOf(settings), timeoutMs: secondsOf(settings.timeout?.value ?? '30', 'timeout') * 1000 })

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
  readonly source: 'key' | 'token' | 'id_token' | 'grant' | Platform
  /** Where the source is one. */
  readonly grant?: OpenedGrant
}

/**
 * `auto`: a key that was named by flag, environment or file comes first; then a token with its key; then a CI platform that offers an ID token; then a grant that
 * somebody signed in for; last the development profile's key. A grant that has ended is said, not passed over: else somebody would go on
 * as somebody else.
 */
export async function askerOf(settings: Settings, io: Io, client: Pick<Client, 'deployment'>): Promise<Outcome<Asker>> {
  const named = namedSource(settings, io)
  if (named === undefined || named === 'grant') {
    const lineage = await lineageHere(settings, client)
    if (!lineage.ok) return lineage
    const held = heldGrant(lineage.value, io)
    if (held !== undefined && (named === 'grant' || isWanted(held, settings))) return grantAsker(held, settings, io)
    if (named === 'grant') return failed('credential_missing', { detail: 'nobody has signed in to this deployment here: symbolon login' })
  }
  if (named === 'token') {
    const { claims, credential } = givenToken(settings, io)
    return ok({ sub: claims.sub, client: claims.client_id, source: named, credential })
  }
  const source = named ?? (settings.key_file === undefined ? undefined : 'key')
  if (source === undefined) return failed('credential_missing', { detail: 'no key, no ID token, no CI platform that this client knows, and nobody has signed in: symbolon login' })
  const sub = settings.subject?.value
  if (sub === undefined) throw missing('subject', 'an intent names the roster id that the evidence will yield')
  return ok({ sub, client: settings.client?.value, source, credential: credentialOf(source, sub, { settings, io, client }) })
}

/** The deployment that the pin names; without a pin, the one that the server shows. */
export async function lineageHere(settings: Settings, client: Pick<Client, 'deployment'>): Promise<Outcome<Base64url>> {
  const pin = pinOf(settings)
  if (pin !== 'unpinned') return ok(pin)
  const found = await client.deployment()
  return found.ok ? ok(found.value.lineage) : found
}

/** A subject that was named is somebody; the development profile's is only the service that has the key there. */
const isWanted = ({ intent }: HeldGrant, { subject }: Settings): boolean => subject === undefined || subject.from === 'home' || subject.value === intent.sub

async function grantAsker(held: HeldGrant, settings: Settings, io: Io): Promise<Outcome<Asker>> {
  const { grant, intent } = held
  if (!isWanted(held, settings)) throw new LocalFailure(`The grant is ${intent.sub}’s`, `${settings.subject?.origin ?? 'the subject'} names ${settings.subject?.value ?? 'somebody else'}`, 'Leave the subject out, or sign in as that person: symbolon login')
  if (intent.end <= io.now()) return failed('grant_ended', { detail: `it was good until ${new Date(intent.end * 1000).toISOString()}` })
  const key = await keyOfGrant(held, io)
  return key.ok ? ok({ sub: intent.sub, client: intent.client, source: 'grant', grant: held, credential: grantCredential({ grant, key: key.value, description: `a grant of ${intent.sub}` }) }) : key
}

/** What was named, or is offered to this very job; undefined: whatever lies here. */
function namedSource(settings: Settings, io: Io): Asker['source'] | undefined {
  const { identity, key_file, id_token_file } = settings
  const wanted = identity?.value ?? 'auto'
  if (isSource(wanted)) return wanted
  if (wanted !== 'auto') throw new LocalFailure(`There is no identity ${wanted}`, `${identity?.origin ?? 'it'} must be auto, key, token, id_token, grant or a CI platform`, `Use auto, key, token, id_token, grant, ${platforms.join(', ')}.`)
  if (key_file !== undefined && key_file.from !== 'home') return 'key'
  if (isTokenGiven(settings, io)) return 'token'
  if (io.env['SYMBOLON_ID_TOKEN'] || id_token_file !== undefined) return 'id_token'
  return findPlatform(io.env)
}

const isSource = (text: string): text is Asker['source'] => text === 'key' || text === 'token' || text === 'id_token' || text === 'grant' || platforms.includes(text as Platform)

function credentialOf(source: Exclude<Asker['source'], 'grant' | 'token'>, sub: string, { settings, io, client }: { readonly settings: Settings; readonly io: Io; readonly client: Pick<Client, 'deployment'> }): Credential {
  if (source === 'key') return keyCredential({ key: keyFileOf(settings), kid: settings.key_id?.value ?? sub, sub })
  return source === 'id_token' ? givenIdToken(settings, io, client) : platformCredential(source, io.env)
}

/** @throws LocalFailure where there is none, or none that can be used */
export function keyFileOf({ key_file }: Settings): KeyObject {
  if (key_file === undefined) throw missing('key_file', 'identity is `key`')
  return keyIn(key_file.value)
}

/** `90`, `90s`, `15m`, `1h`. */
export function secondsOf(text: string, what: string): number {
  const [, amount, unit = 's'] = /^([0-9]{1,6})([smhd])?$/.exec(text) ?? []
  const seconds = Number(amount) * ({ s: 1, m: 60, h: 3_600, d: 86_400 }[unit] ?? 1)
  if (amount === undefined || seconds === 0) throw new LocalFailure(`${what} is no duration`, `${JSON.stringify(text.slice(0, 40))} is neither seconds nor like 15m`, 'Write 900, 15m or 1h.')
  return seconds
}
