import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { concat, fromBase64url, sha256, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import { approvalChallenge, type Approval, type ApprovalStatement } from '@symbolon/protocol/approval.ts'
import { ed25519Jwk, p256Jwk, type ProofJwk } from '@symbolon/protocol/fields.ts'
import { registrationChallenge, userHandle, type Assertion, type Registration, type RegistrationFor } from '@symbolon/protocol/webauthn.ts'
import type { Passkey } from '@symbolon/roster/roster.ts'
import { encodeCbor, type CborValue } from './cbor.testkit.ts'

/* A software authenticator and the browser around it. Honest unless told otherwise: each knob is one lie, and whatever lies is soundly signed. */

export interface BrowserLies {
  readonly rpId?: string
  readonly origin?: string
  readonly userPresent?: boolean
  readonly userVerified?: boolean
  readonly crossOrigin?: boolean
  readonly counter?: number
  readonly type?: string
  readonly challenge?: Uint8Array
  readonly backupEligible?: boolean
  /** Members of the client data to add or replace; `undefined` leaves one out. */
  readonly clientData?: Readonly<Record<string, unknown>>
  /** The client data’s very bytes. */
  readonly clientDataBytes?: Uint8Array
  /** Flags to set besides. */
  readonly flags?: number
  /** After the counter; for a registration, after the attested data. */
  readonly trailer?: Uint8Array
  /** `null`: none. */
  readonly userHandle?: Uint8Array | null
  /** Signs in its place. */
  readonly key?: KeyObject
}

export interface RegistrationLies extends BrowserLies {
  /** Default: `none`. */
  readonly attestation?: Attest
  readonly aaguid?: string
  readonly credential?: Uint8Array
  /** The COSE key, if not the real one. */
  readonly cose?: CborValue
}

/** What goes into the attestation object. @param toBeSigned authenticator data and hash of the client data */
export type Attest = (toBeSigned: Uint8Array, passkeyKey: KeyObject) => { readonly fmt: string; readonly attStmt: ReadonlyMap<CborValue, CborValue> }

export interface SoftPasskeyOptions {
  readonly alg?: 'ES256' | 'EdDSA'
  readonly rpId?: string
  readonly origin?: string
  readonly synced?: boolean
  readonly aaguid?: string
  /** For the user handle that assertions return. */
  readonly owner?: { readonly lineage: Base64url; readonly row: string }
}

export interface SoftPasskey {
  readonly id: Base64url
  readonly key: ProofJwk
  readonly private: KeyObject
  /** The roster’s row for it. */
  row(change?: Partial<Passkey>): Passkey
  assert(challenge: Uint8Array, lies?: BrowserLies): Assertion
  approve(statement: Omit<ApprovalStatement, 'v'>, lies?: BrowserLies): Approval
  register(wanted: RegistrationFor, lies?: RegistrationLies): { readonly credential: Base64url; readonly registration: Registration }
}

export const noAaguid = '00000000-0000-0000-0000-000000000000'
export const softOrigin = 'https://console.example'
export const softRpId = 'mint.example'

export function softPasskey({ alg = 'ES256', rpId = softRpId, origin = softOrigin, synced = false, aaguid = noAaguid, owner }: SoftPasskeyOptions = {}): SoftPasskey {
  const pair = alg === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
  const key = alg === 'ES256' ? p256Jwk.parse(pair.publicKey.export({ format: 'jwk' })) : ed25519Jwk.parse(pair.publicKey.export({ format: 'jwk' }))
  const credential = new Uint8Array(randomBytes(32))
  const id = toBase64url(credential)
  let counter = 0

  const clientData = (type: string, challenge: Uint8Array, lies: BrowserLies): Uint8Array => {
    const data = { type: lies.type ?? type, challenge: toBase64url(lies.challenge ?? challenge), origin: lies.origin ?? origin, crossOrigin: lies.crossOrigin ?? false, ...lies.clientData }
    return lies.clientDataBytes ?? utf8(JSON.stringify(data))
  }
  const authenticatorData = (lies: BrowserLies, flags: number, rest: Uint8Array): Uint8Array => {
    counter += 1
    const set = ((lies.userPresent ?? true) ? 0x01 : 0) | ((lies.userVerified ?? true) ? 0x04 : 0) | ((lies.backupEligible ?? synced) ? 0x08 : 0) | flags | (lies.flags ?? 0)
    const head = new DataView(new ArrayBuffer(5))
    head.setUint8(0, set)
    head.setUint32(1, lies.counter ?? counter)
    return concat(sha256(utf8(lies.rpId ?? rpId)), new Uint8Array(head.buffer), rest, lies.trailer ?? new Uint8Array())
  }

  const assert: SoftPasskey['assert'] = (challenge, lies = {}) => {
    const client = clientData('webauthn.get', challenge, lies)
    const data = authenticatorData(lies, 0, new Uint8Array())
    const handle = lies.userHandle === undefined ? (owner === undefined ? null : userHandle(owner)) : lies.userHandle
    return {
      credential: id,
      authenticator_data: toBase64url(data),
      client_data: toBase64url(client),
      signature: toBase64url(signWith(lies.key ?? pair.privateKey, concat(data, sha256(client)))),
      ...(handle === null ? {} : { user_handle: toBase64url(handle) }),
    }
  }

  return {
    id,
    key,
    private: pair.privateKey,
    row: (change = {}) => ({ id, name: 'Soft key', key, uses: ['sign_in', 'approve'], aaguid, synced, ...change }),
    assert,
    approve: (statement, lies) => {
      const whole = { v: 1, ...statement } as const
      return { ...whole, assertion: assert(approvalChallenge(whole), lies) }
    },
    register: (wanted, lies = {}) => {
      const client = clientData('webauthn.create', registrationChallenge(wanted), lies)
      const name = lies.credential ?? credential
      const attested = concat(aaguidBytes(lies.aaguid ?? aaguid), Uint8Array.of(name.length >> 8, name.length & 0xff), name, encodeCbor(lies.cose ?? coseKey(key)))
      const data = authenticatorData(lies, 0x40, attested)
      const { fmt, attStmt } = (lies.attestation ?? attestNone)(concat(data, sha256(client)), lies.key ?? pair.privateKey)
      const object = encodeCbor(new Map<CborValue, CborValue>([['fmt', fmt], ['attStmt', attStmt], ['authData', data]]))
      return { credential: toBase64url(name), registration: { client_data: toBase64url(client), attestation_object: toBase64url(object) } }
    },
  }
}

const signWith = (key: KeyObject, bytes: Uint8Array): Uint8Array => new Uint8Array(sign(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', bytes, key))

/** RFC 9052, section 7, as WebAuthn has it (section 5.8.5). */
export function coseKey(key: ProofJwk): CborValue {
  const bytes = (text: string) => fromBase64url(text) ?? new Uint8Array()
  return key.crv === 'P-256'
    ? new Map<CborValue, CborValue>([[1, 2], [3, -7], [-1, 1], [-2, bytes(key.x)], [-3, bytes(key.y)]])
    : new Map<CborValue, CborValue>([[1, 1], [3, -8], [-1, 6], [-2, bytes(key.x)]])
}

const aaguidBytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll('-', ''), 'hex'))

export const attestNone: Attest = () => ({ fmt: 'none', attStmt: new Map() })

/** Self attestation (section 8.2): the passkey vouches for itself, so for nothing. */
export const attestSelf: Attest = (bytes, key) => ({ fmt: 'packed', attStmt: new Map<CborValue, CborValue>([['alg', key.asymmetricKeyType === 'ed25519' ? -8 : -7], ['sig', signWith(key, bytes)]]) })

/** With certificates, leaf first; the leaf’s key (P-256) signs. */
export const attestBy =
  (chain: readonly Uint8Array[], leafKey: KeyObject): Attest =>
  (bytes) => ({ fmt: 'packed', attStmt: new Map<CborValue, CborValue>([['alg', -7], ['sig', signWith(leafKey, bytes)], ['x5c', [...chain]]]) })

/** A stable stand-in for a digest, where a test needs some 32 bytes. */
export const someDigest = (text: string): Base64url => toBase64url(new Uint8Array(createHash('sha256').update(text).digest()))
