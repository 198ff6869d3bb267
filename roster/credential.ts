import { fromBase64url, fromUtf8, toBase64url } from '@symbolon/protocol/bytes.ts'
import type { ProofJwk } from '@symbolon/protocol/fields.ts'
import type { Registration } from '@symbolon/protocol/webauthn.ts'
import type { Passkey } from './roster.ts'

/*
 * Which passkey a registration speaks of. Nothing is verified here (challenge, origin, attestation are `evidence`'s): this only reads, the same way
 * everywhere, what the signers that certified an enrolment have verified.
 */

type Cbor = number | string | Uint8Array | boolean | null | readonly Cbor[] | ReadonlyMap<Cbor, Cbor>

/** Everything of a passkey that its authenticator decides. */
export type Credential = Pick<Passkey, 'id' | 'key' | 'aaguid' | 'synced'>

/** @returns undefined for anything but a registration (WebAuthn, section 6.5.4) of one ES256 or Ed25519 key */
export function credentialOf({ attestation_object }: Pick<Registration, 'attestation_object'>): Credential | undefined {
  const bytes = fromBase64url(attestation_object)
  const object = bytes === undefined ? undefined : decodeCbor(bytes)
  const data = object instanceof Map ? (object as ReadonlyMap<Cbor, Cbor>).get('authData') : undefined
  return data instanceof Uint8Array ? credentialIn(data) : undefined
}

const attested = 0x40
const backupEligible = 0x08

/** Authenticator data, section 6.1: RP id hash (32), flags (1), counter (4), then AAGUID (16), length (2), id, COSE key, extensions. */
function credentialIn(data: Uint8Array): Credential | undefined {
  const flags = data[32] ?? 0
  if (data.length < 55 || (flags & attested) === 0) return undefined
  const length = ((data[53] ?? 0) << 8) | (data[54] ?? 0)
  const end = 55 + length
  if (length === 0 || length > 255 || data.length < end) return undefined
  const reader = readerOf(data.subarray(end))
  const cose = read(reader, 0)
  const key = cose instanceof Map ? jwkOf(cose) : undefined
  return key === undefined ? undefined : { id: toBase64url(data.subarray(55, end)), key, aaguid: aaguidOf(data.subarray(37, 53)), synced: (flags & backupEligible) !== 0 }
}

const aaguidOf = (bytes: Uint8Array): string => {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** RFC 9053, section 7: kty 2 (EC2), alg −7, crv 1 is P-256; kty 1 (OKP), alg −8, crv 6 is Ed25519. */
function jwkOf(cose: ReadonlyMap<Cbor, Cbor>): ProofJwk | undefined {
  const [kty, alg, crv, x, y] = [1, 3, -1, -2, -3].map((label) => cose.get(label))
  if (kty === 2 && alg === -7 && crv === 1) return coordinate(x) && coordinate(y) ? { kty: 'EC', crv: 'P-256', x: toBase64url(x), y: toBase64url(y) } : undefined
  if (kty === 1 && alg === -8 && crv === 6) return coordinate(x) ? { kty: 'OKP', crv: 'Ed25519', x: toBase64url(x) } : undefined
  return undefined
}

const coordinate = (value: Cbor | undefined): value is Uint8Array => value instanceof Uint8Array && value.length === 32

/* The part of CBOR (RFC 8949) that CTAP2's canonical form uses: definite lengths, no tags, no floats. */

interface Reader {
  readonly bytes: Uint8Array
  at: number
}
const readerOf = (bytes: Uint8Array): Reader => ({ bytes, at: 0 })
const depthLimit = 8

/** @returns undefined for anything else, and for bytes after the one item */
function decodeCbor(bytes: Uint8Array): Cbor | undefined {
  const reader = readerOf(bytes)
  const value = read(reader, 0)
  return reader.at === bytes.length ? value : undefined
}

function read(reader: Reader, depth: number): Cbor | undefined {
  const head = reader.bytes[reader.at++]
  if (head === undefined || depth > depthLimit) return undefined
  const major = head >> 5
  if (major === 7) return simple(head & 31)
  const argument = readArgument(reader, head & 31)
  if (argument === undefined) return undefined
  switch (major) {
    case 0:
      return argument
    case 1:
      return -1 - argument
    case 2:
      return take(reader, argument)
    case 3: {
      const text = take(reader, argument)
      return text === undefined ? undefined : fromUtf8(text)
    }
    case 4:
      return readArray(reader, argument, depth)
    case 5:
      return readMap(reader, argument, depth)
    default:
      return undefined
  }
}

const simple = (value: number): Cbor | undefined => (value === 20 ? false : value === 21 ? true : value === 22 ? null : undefined)

function readArgument(reader: Reader, low: number): number | undefined {
  if (low < 24) return low
  const size = low === 24 ? 1 : low === 25 ? 2 : low === 26 ? 4 : 0
  const bytes = size === 0 ? undefined : take(reader, size)
  return bytes?.reduce((sum, byte) => sum * 256 + byte, 0)
}

function take(reader: Reader, length: number): Uint8Array | undefined {
  if (reader.at + length > reader.bytes.length) return undefined
  const part = reader.bytes.slice(reader.at, reader.at + length)
  reader.at += length
  return part
}

function readArray(reader: Reader, length: number, depth: number): readonly Cbor[] | undefined {
  const items: Cbor[] = []
  for (let at = 0; at < length; at++) {
    const item = read(reader, depth + 1)
    if (item === undefined) return undefined
    items.push(item)
  }
  return items
}

/** A name twice has no one meaning. */
function readMap(reader: Reader, length: number, depth: number): ReadonlyMap<Cbor, Cbor> | undefined {
  const members = new Map<Cbor, Cbor>()
  for (let at = 0; at < length; at++) {
    const name = read(reader, depth + 1)
    if ((typeof name !== 'number' && typeof name !== 'string') || members.has(name)) return undefined
    const value = read(reader, depth + 1)
    if (value === undefined) return undefined
    members.set(name, value)
  }
  return members
}

/** The passkey that an enrolment brings in, with what the row's invitation allows it. */
export const passkeyOf = (registration: Registration, given: { readonly name: string; readonly uses: Passkey['uses'] }): Passkey | undefined => {
  const credential = credentialOf(registration)
  return credential === undefined ? undefined : { ...credential, name: given.name, uses: given.uses }
}
