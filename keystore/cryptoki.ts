import type { Template } from 'pkcs11js'
import type { KeystoreCode } from './errors.ts'

/* Numbers and names of PKCS#11 2.40. Written out, so that they can be had without loading the native build. */

export const [CKF_RW_SESSION, CKF_SERIAL_SESSION] = [0x2, 0x4]
export const [CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED] = [0x1_0000, 0x2_0000, 0x4_0000]
export const CKU_USER = 1
export const [CKM_EC_KEY_PAIR_GEN, CKM_ECDSA, CKM_ECDH1_DERIVE] = [0x1040, 0x1041, 0x1050]
export const CKD_NULL = 1
/** pkcs11js's own tag for the parameters of an ECDH mechanism. */
export const CK_PARAMS_EC_DH = 6

const [CKO_PUBLIC_KEY, CKO_PRIVATE_KEY, CKO_SECRET_KEY] = [2, 3, 4]
const [CKK_EC, CKK_GENERIC_SECRET] = [0x3, 0x10]
const [CKA_CLASS, CKA_PRIVATE, CKA_LABEL, CKA_KEY_TYPE, CKA_ID, CKA_VERIFY, CKA_VALUE_LEN, CKA_EC_PARAMS] = [0x0, 0x2, 0x3, 0x100, 0x102, 0x10a, 0x161, 0x180]
export const [CKA_TOKEN, CKA_VALUE, CKA_SENSITIVE, CKA_SIGN, CKA_DERIVE, CKA_EXTRACTABLE, CKA_NEVER_EXTRACTABLE, CKA_ALWAYS_SENSITIVE, CKA_EC_POINT] = [0x1, 0x11, 0x103, 0x108, 0x10c, 0x162, 0x164, 0x165, 0x181]

/** DER of the object identifier 1.2.840.10045.3.1.7. */
const p256 = Buffer.from('06082a8648ce3d030107', 'hex')

interface KeyUse {
  readonly label: string
  /** What the private half is for, and what it is not for: tokens allow more than they are asked to. */
  readonly use: number
  readonly notUse: number
}
const named = (label: string): Template => [{ type: CKA_LABEL, value: label }, { type: CKA_ID, value: Buffer.from(label) }]

export const publicTemplate = ({ label, use }: KeyUse): Template => [
  ...named(label),
  { type: CKA_TOKEN, value: true },
  { type: CKA_EC_PARAMS, value: p256 },
  ...(use === CKA_SIGN ? [{ type: CKA_VERIFY, value: true }] : []),
]
export const privateTemplate = ({ label, use, notUse }: KeyUse): Template => [
  ...named(label),
  { type: CKA_TOKEN, value: true },
  { type: CKA_PRIVATE, value: true },
  { type: CKA_SENSITIVE, value: true },
  { type: CKA_EXTRACTABLE, value: false },
  { type: use, value: true },
  { type: notUse, value: false },
]
export const privateKeyNamed = (label: string): Template => [{ type: CKA_CLASS, value: CKO_PRIVATE_KEY }, { type: CKA_KEY_TYPE, value: CKK_EC }, { type: CKA_LABEL, value: label }]
export const publicKeyNamed = (label: string): Template => [{ type: CKA_CLASS, value: CKO_PUBLIC_KEY }, { type: CKA_KEY_TYPE, value: CKK_EC }, { type: CKA_LABEL, value: label }]

/** What an agreement gives: read once and destroyed, hence extractable, and of the session only. */
export const derivedSecret: Template = [
  { type: CKA_CLASS, value: CKO_SECRET_KEY },
  { type: CKA_KEY_TYPE, value: CKK_GENERIC_SECRET },
  { type: CKA_TOKEN, value: false },
  { type: CKA_SENSITIVE, value: false },
  { type: CKA_EXTRACTABLE, value: true },
  { type: CKA_VALUE_LEN, value: 32 },
]

/** Attributes come back as bytes: CK_TRUE is one byte of 1. */
export const isTrue = (value: unknown): boolean => value === true || (value instanceof Uint8Array && value.length === 1 && value[0] === 1)

/** `CKR_PIN_INCORRECT` of an exception that pkcs11js throws; undefined for any other. */
export function returnName(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  return /\bCKR_[A-Z0-9_]+\b/.exec(error.message)?.[0] ?? (error.name === 'Pkcs11Error' ? 'CKR_UNKNOWN' : undefined)
}

const codes: Readonly<Record<string, KeystoreCode>> = {
  CKR_PIN_INCORRECT: 'pin_wrong',
  CKR_PIN_INVALID: 'pin_wrong',
  CKR_PIN_LEN_RANGE: 'pin_wrong',
  CKR_PIN_EXPIRED: 'pin_wrong',
  CKR_PIN_LOCKED: 'pin_locked',
  CKR_USER_PIN_NOT_INITIALIZED: 'pin_wrong',
  CKR_TOKEN_NOT_PRESENT: 'device_removed',
  CKR_TOKEN_NOT_RECOGNIZED: 'device_removed',
  CKR_DEVICE_REMOVED: 'device_removed',
  CKR_SESSION_CLOSED: 'device_removed',
  CKR_SESSION_HANDLE_INVALID: 'device_removed',
  CKR_USER_NOT_LOGGED_IN: 'device_removed',
  CKR_SESSION_COUNT: 'device_busy',
  CKR_KEY_HANDLE_INVALID: 'key_missing',
  CKR_OBJECT_HANDLE_INVALID: 'key_missing',
  CKR_MECHANISM_INVALID: 'mechanism_missing',
}
export const codeOfReturn = (name: string): KeystoreCode => codes[name] ?? 'device_failed'
