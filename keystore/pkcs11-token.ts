import type { ECDH1, PKCS11, Template } from 'pkcs11js'
import { fail, ok } from '@symbolon/core/errors.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { decodePoint } from '@symbolon/protocol/p256.ts'
import * as ck from './cryptoki.ts'
import { keystoreError, type KeystoreCode } from './errors.ts'
import type { KeystoreResult } from './keystore.ts'
import type { DeviceFacts, Opened, Request } from './pkcs11-wire.ts'

/** The calls of PKCS#11 that are used: all of the module that a test must play. */
export type Module = Pick<
  PKCS11,
  | 'load' | 'C_Initialize' | 'C_GetInfo' | 'C_GetSlotList' | 'C_GetTokenInfo' | 'C_GetMechanismList' | 'C_OpenSession' | 'C_Login' | 'C_FindObjectsInit' | 'C_FindObjects' | 'C_FindObjectsFinal'
  | 'C_GenerateKeyPair' | 'C_GetAttributeValue' | 'C_SignInit' | 'C_Sign' | 'C_DeriveKey' | 'C_DestroyObject'
>
type Handle = Buffer
type Role = keyof Extract<Request, { op: 'open' }>['labels']

/** A failure that has a name; thrown within this file, a value outside. */
class Refused extends Error {
  readonly code: KeystoreCode
  readonly detail: string
  constructor(code: KeystoreCode, detail: string) {
    super(code)
    this.code = code
    this.detail = detail
  }
}

/** Runs PKCS#11 calls. What the device refuses becomes a value; anything else is a bug and goes on. */
function guarded<T>(work: () => T): KeystoreResult<T> {
  try {
    return ok(work())
  } catch (error) {
    if (error instanceof Refused) return fail(keystoreError(error.code, error.detail))
    const name = ck.returnName(error)
    if (name === undefined) throw error
    return fail(keystoreError(ck.codeOfReturn(name), name))
  }
}

/** One token, logged in for the life of this process. */
export class Token {
  readonly #module: Module
  #session: Handle | undefined
  readonly #keys = new Map<Role, Handle>()

  constructor(module: Module) {
    this.#module = module
  }

  open(request: Extract<Request, { op: 'open' }>, pin: Uint8Array): KeystoreResult<Opened> {
    return guarded(() => {
      const slot = this.#findSlot(request)
      this.#checkPinState(slot, request.cautious)
      this.#checkMechanisms(slot)
      const session = this.#module.C_OpenSession(slot, ck.CKF_SERIAL_SESSION | (request.create ? ck.CKF_RW_SESSION : 0))
      // pkcs11js takes the PIN as a string; it cannot be wiped, and is one reason for this process.
      this.#module.C_Login(session, ck.CKU_USER, Buffer.from(pin).toString('utf8'))
      this.#session = session
      const [identity, sealing] = [this.#findKey('identity', request), this.#findKey('sealing', request)]
      return { identity: toBase64url(identity), sealing: toBase64url(sealing), facts: this.#facts(slot) }
    })
  }

  /** @param digest SHA-256, 32 bytes */
  sign(digest: Uint8Array): KeystoreResult<Uint8Array> {
    return guarded(() => {
      this.#module.C_SignInit(this.#open(), { mechanism: ck.CKM_ECDSA }, this.#key('identity'))
      return new Uint8Array(this.#module.C_Sign(this.#open(), Buffer.from(digest), Buffer.alloc(64)))
    })
  }

  /** @param point 65 bytes, checked to be on the curve by the caller too */
  derive(point: Uint8Array): KeystoreResult<Uint8Array> {
    return guarded(() => {
      const checked = decodePoint(point)
      if (checked === undefined) throw new Refused('point_refused', 'ephemeral')
      const raw = this.#deriveOnce(checked)
      // 04 3F … is also the DER of a string of 63 bytes, and some tokens read it so; wrapped, it can only be the point.
      if (!raw.ok && checked[1] === 0x3f) return this.#deriveOrThrow(Buffer.concat([Buffer.from([0x04, 0x41]), checked]))
      if (!raw.ok) throw new Refused(raw.error.code, raw.error.detail)
      return raw.value
    })
  }

  /** Session objects that are there now. */
  objects(): KeystoreResult<number> {
    return guarded(() => this.#find([{ type: ck.CKA_TOKEN, value: false }]).length)
  }

  #deriveOnce(point: Uint8Array): KeystoreResult<Uint8Array> {
    return guarded(() => this.#deriveOrThrow(Buffer.from(point)))
  }

  #deriveOrThrow(publicData: Buffer): Uint8Array {
    const parameter: ECDH1 = { type: ck.CK_PARAMS_EC_DH, kdf: ck.CKD_NULL, publicData }
    const secret = this.#module.C_DeriveKey(this.#open(), { mechanism: ck.CKM_ECDH1_DERIVE, parameter }, this.#key('sealing'), ck.derivedSecret)
    try {
      const [attribute] = this.#module.C_GetAttributeValue(this.#open(), secret, [{ type: ck.CKA_VALUE }])
      if (!(attribute?.value instanceof Buffer) || attribute.value.length !== 32) throw new Refused('device_failed', 'derived length')
      const value = new Uint8Array(attribute.value)
      attribute.value.fill(0)
      return value
    } finally {
      // A YubiHSM keeps at most 255 of them in a session.
      this.#module.C_DestroyObject(this.#open(), secret)
    }
  }

  #findSlot({ module, token }: Extract<Request, { op: 'open' }>): Handle {
    try {
      this.#module.load(module)
    } catch (error) {
      throw error instanceof Error ? new Refused('module_missing', module.slice(-100)) : error
    }
    this.#module.C_Initialize()
    const slots = this.#module.C_GetSlotList(true).filter((slot) => this.#module.C_GetTokenInfo(slot).label.trimEnd() === token)
    const [slot, ...more] = slots
    if (slot === undefined) throw new Refused('token_missing', token)
    if (more.length > 0) throw new Refused('token_ambiguous', token)
    return slot
  }

  /** The device counts wrong PINs and locks itself: the last try is a person's. */
  #checkPinState(slot: Handle, cautious: boolean): void {
    const { flags } = this.#module.C_GetTokenInfo(slot)
    if ((flags & ck.CKF_USER_PIN_LOCKED) !== 0) throw new Refused('pin_locked', 'CKF_USER_PIN_LOCKED')
    if ((flags & ck.CKF_USER_PIN_FINAL_TRY) !== 0) throw new Refused('pin_wrong', 'CKF_USER_PIN_FINAL_TRY: log in by hand once')
    if (cautious && (flags & ck.CKF_USER_PIN_COUNT_LOW) !== 0) throw new Refused('pin_wrong', 'CKF_USER_PIN_COUNT_LOW')
  }

  #checkMechanisms(slot: Handle): void {
    const offered = new Set(this.#module.C_GetMechanismList(slot))
    const missing = Object.entries({ CKM_ECDH1_DERIVE: ck.CKM_ECDH1_DERIVE, CKM_ECDSA: ck.CKM_ECDSA }).filter(([, mechanism]) => !offered.has(mechanism))
    if (missing.length > 0) throw new Refused('mechanism_missing', missing.map(([name]) => name).join(' '))
  }

  /** The public point of a key pair whose private half can do one thing only and never leaves. Makes the pair if asked to. */
  #findKey(role: Role, { labels, create }: Extract<Request, { op: 'open' }>): Uint8Array {
    const label = labels[role]
    const own = { label, use: role === 'identity' ? ck.CKA_SIGN : ck.CKA_DERIVE, notUse: role === 'identity' ? ck.CKA_DERIVE : ck.CKA_SIGN }
    const isThere = this.#find(ck.privateKeyNamed(label)).length > 0
    if (!isThere && create) this.#module.C_GenerateKeyPair(this.#open(), { mechanism: ck.CKM_EC_KEY_PAIR_GEN }, ck.publicTemplate(own), ck.privateTemplate(own))
    const [key, twin] = this.#find(ck.privateKeyNamed(label))
    if (key === undefined) throw new Refused('key_missing', label)
    if (twin !== undefined) throw new Refused('key_other', `two keys are called ${label}`)
    this.#checkAttributes(key, own)
    this.#keys.set(role, key)
    const [publicKey] = this.#find(ck.publicKeyNamed(label))
    if (publicKey === undefined) throw new Refused('key_missing', `${label} (public)`)
    return this.#publicPoint(publicKey, label)
  }

  #checkAttributes(key: Handle, { label, use, notUse }: { label: string; use: number; notUse: number }): void {
    const wanted: [number, boolean][] = [[ck.CKA_SENSITIVE, true], [ck.CKA_EXTRACTABLE, false], [ck.CKA_ALWAYS_SENSITIVE, true], [ck.CKA_NEVER_EXTRACTABLE, true], [use, true], [notUse, false]]
    const values = this.#module.C_GetAttributeValue(this.#open(), key, wanted.map(([type]) => ({ type })))
    const differing = wanted.filter(([, expected], at) => ck.isTrue(values[at]?.value) !== expected)
    if (differing.length > 0) throw new Refused('key_exportable', label)
  }

  /** A DER octet string around the point (PKCS#11 2.40, 2.3.3), or, from some tokens, the bare point. */
  #publicPoint(key: Handle, label: string): Uint8Array {
    const [attribute] = this.#module.C_GetAttributeValue(this.#open(), key, [{ type: ck.CKA_EC_POINT }])
    const value = attribute?.value instanceof Buffer ? attribute.value : Buffer.alloc(0)
    const point = decodePoint(value.length === 67 && value[0] === 0x04 && value[1] === 0x41 ? value.subarray(2) : value)
    if (point === undefined) throw new Refused('key_other', `${label} is not on P-256`)
    return point
  }

  #find(template: Template): Handle[] {
    this.#module.C_FindObjectsInit(this.#open(), template)
    try {
      return this.#module.C_FindObjects(this.#open(), 1024)
    } finally {
      this.#module.C_FindObjectsFinal(this.#open())
    }
  }

  #facts(slot: Handle): DeviceFacts {
    const { manufacturerID, model, serialNumber, firmwareVersion: { major, minor } } = this.#module.C_GetTokenInfo(slot)
    const { libraryDescription } = this.#module.C_GetInfo()
    return { manufacturer: manufacturerID.trim(), model: model.trim(), serial: serialNumber.trim(), firmware: `${major}.${minor}`, library: libraryDescription.trim() }
  }

  #open(): Handle {
    if (this.#session === undefined) throw new Refused('closed', 'not logged in')
    return this.#session
  }

  #key(role: Role): Handle {
    const key = this.#keys.get(role)
    if (key === undefined) throw new Refused('key_missing', role)
    return key
  }
}
