import { createECDH } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import * as ck from './cryptoki.ts'
import { Token, type Module } from './pkcs11-token.ts'

/* A token in this process, with a fault where a test wants one. What SoftHSM does is tested with SoftHSM. */

const p256 = () => {
  const ecdh = createECDH('prime256v1')
  ecdh.generateKeys()
  return ecdh
}
const error = (name: string) => Object.assign(new Error(name), { name: 'Pkcs11Error', code: 1 })
const labels = { identity: 'id', sealing: 'seal' }
const request = { op: 'open', id: 0, module: '/module', token: 'tok', labels, create: false, cautious: false } as const
const pin = Buffer.from('1234')

interface Played {
  module: Module
  sealing: ReturnType<typeof createECDH>
  live: Set<string>
  logins: string[]
  flags: number
  attributes: Map<number, boolean>
  faults: Partial<Record<keyof Module, () => unknown>>
  /** Reads 04 3F … as a DER string. */
  misreads: boolean
}

function play(): Played {
  const [identity, sealing] = [p256(), p256()]
  const keys = [
    { handle: Buffer.from('id-priv'), label: 'id', isPrivate: true, ecdh: identity },
    { handle: Buffer.from('id-pub'), label: 'id', isPrivate: false, ecdh: identity },
    { handle: Buffer.from('seal-priv'), label: 'seal', isPrivate: true, ecdh: sealing },
    { handle: Buffer.from('seal-pub'), label: 'seal', isPrivate: false, ecdh: sealing },
  ]
  const played: Played = { sealing, live: new Set(), logins: [], flags: 0, attributes: new Map(), faults: {}, misreads: false, module: undefined as never }
  let wanted: { label?: unknown; isPrivate: boolean; session: boolean } = { isPrivate: false, session: false }
  const values = new Map<string, Buffer>()
  const privateAttributes = (label: string): Map<number, boolean> => new Map([[ck.CKA_SENSITIVE, true], [ck.CKA_EXTRACTABLE, false], [ck.CKA_ALWAYS_SENSITIVE, true], [ck.CKA_NEVER_EXTRACTABLE, true], [ck.CKA_SIGN, label === 'id'], [ck.CKA_DERIVE, label === 'seal'], ...played.attributes])
  const info = (label: string) => ({ label: label.padEnd(32), flags: played.flags, manufacturerID: 'm', model: 'm', serialNumber: 's', firmwareVersion: { major: 1, minor: 2 } })
  const module = {
    load: () => undefined,
    C_Initialize: () => undefined,
    C_GetInfo: () => ({ libraryDescription: 'played' }),
    C_GetSlotList: () => [Buffer.from('tok')],
    C_GetTokenInfo: (slot: Buffer) => info(slot.toString()),
    C_GetMechanismList: () => [ck.CKM_ECDSA, ck.CKM_ECDH1_DERIVE],
    C_OpenSession: () => Buffer.from('session'),
    C_Login: (_session: Buffer, _user: number, text: string) => void played.logins.push(text),
    C_FindObjectsInit: (_session: Buffer, template: { type: number; value: unknown }[]) => {
      const of = (type: number) => template.find((row) => row.type === type)?.value
      wanted = { label: of(0x3), isPrivate: of(0x0) === 3, session: of(ck.CKA_TOKEN) === false }
    },
    C_FindObjects: () => (wanted.session ? [...played.live].map((name) => Buffer.from(name)) : keys.filter(({ label, isPrivate }) => label === wanted.label && isPrivate === wanted.isPrivate).map(({ handle }) => handle)),
    C_FindObjectsFinal: () => undefined,
    C_GenerateKeyPair: () => undefined,
    C_GetAttributeValue: (_session: Buffer, handle: Buffer, wantedTypes: { type: number }[]) => {
      const key = keys.find((row) => row.handle.equals(handle))
      return wantedTypes.map(({ type }) => {
        if (type === ck.CKA_VALUE) return { type, value: values.get(handle.toString()) }
        if (type === ck.CKA_EC_POINT) return { type, value: Buffer.concat([Buffer.from([4, 65]), key?.ecdh.getPublicKey() ?? Buffer.alloc(0)]) }
        return { type, value: Buffer.from([privateAttributes(key?.label ?? '').get(type) === true ? 1 : 0]) }
      })
    },
    C_SignInit: () => undefined,
    C_Sign: (_session: Buffer, digest: Buffer) => Buffer.concat([digest, digest]),
    C_DeriveKey: (_session: Buffer, { parameter }: { parameter: { publicData: Buffer } }) => {
      const data = parameter.publicData
      if (played.misreads && data.length === 65 && data[1] === 0x3f) throw error('CKR_MECHANISM_PARAM_INVALID')
      const name = `derived-${values.size}`
      values.set(name, sealing.computeSecret(data.length === 67 ? data.subarray(2) : data))
      played.live.add(name)
      return Buffer.from(name)
    },
    C_DestroyObject: (_session: Buffer, handle: Buffer) => void played.live.delete(handle.toString()),
  }
  const guarded = Object.fromEntries(Object.entries(module).map(([name, call]) => [name, (...args: unknown[]) => (played.faults[name as keyof Module] ?? (call as (...given: unknown[]) => unknown))(...(args as []))]))
  played.module = guarded as unknown as Module
  return played
}

let played: Played
let token: Token
beforeEach(() => {
  played = play()
  token = new Token(played.module)
})
const open = (change: object = {}) => {
  const opened = token.open({ ...request, ...change }, pin)
  return opened.ok ? 'ok' : `${opened.error.code} ${opened.error.detail}`
}
/** A key pair whose X begins with `first`, if that is given. */
const point = (first?: number) => {
  for (;;) {
    const ecdh = p256()
    if (first === undefined || ecdh.getPublicKey()[1] === first) return ecdh
  }
}
const outcome = (result: { ok: true } | { ok: false; error: { code: string; detail: string } }) => (result.ok ? 'ok' : `${result.error.code} ${result.error.detail}`)

describe('a token', () => {
  test('opens, and derives what the other side derives', () => {
    expect(open()).toBe('ok')
    const other = point()
    const derived = token.derive(other.getPublicKey())
    expect(derived.ok && Buffer.from(derived.value).equals(other.computeSecret(played.sealing.getPublicKey()))).toBe(true)
  })

  const fault = (name: string) => () => {
    throw error(name)
  }
  test.each<[string, Partial<Played['faults']>, string]>([
    ['its module does not load', { load: () => { throw new Error('dlopen: no such file') } }, 'module_missing /module'],
    ['it is not there', { C_GetSlotList: () => [] }, 'token_missing tok'],
    ['another has its label', { C_GetSlotList: () => [Buffer.from('tok'), Buffer.from('tok')] }, 'token_ambiguous tok'],
    ['it cannot agree', { C_GetMechanismList: () => [ck.CKM_ECDSA] }, 'mechanism_missing CKM_ECDH1_DERIVE'],
    ['it has no session left', { C_OpenSession: fault('CKR_SESSION_COUNT') }, 'device_busy CKR_SESSION_COUNT'],
    ['the PIN is wrong', { C_Login: fault('CKR_PIN_INCORRECT') }, 'pin_wrong CKR_PIN_INCORRECT'],
    ['it is locked', { C_Login: fault('CKR_PIN_LOCKED') }, 'pin_locked CKR_PIN_LOCKED'],
    ['it was taken out', { C_Login: fault('CKR_DEVICE_REMOVED') }, 'device_removed CKR_DEVICE_REMOVED'],
    ['it fails', { C_Login: fault('CKR_DEVICE_ERROR') }, 'device_failed CKR_DEVICE_ERROR'],
    ['it does not hold the key', { C_FindObjects: () => [] }, 'key_missing id'],
  ])('TST-51 says so when %s', (_, faults, code) => {
    played.faults = faults
    expect(open()).toBe(code)
  })

  test.each<[string, number, boolean]>([
    ['can be read out', ck.CKA_EXTRACTABLE, true],
    ['is not sensitive', ck.CKA_SENSITIVE, false],
    ['once could be read out', ck.CKA_NEVER_EXTRACTABLE, false],
    ['was not always sensitive', ck.CKA_ALWAYS_SENSITIVE, false],
    ['can be used otherwise', ck.CKA_DERIVE, true],
  ])('refuses a key that %s', (_, attribute, value) => {
    played.attributes = new Map([[attribute, value]])
    expect(open()).toBe('key_exportable id')
  })

  test('TST-51 never uses up the last try, nor one after a trial with unknown end', () => {
    played.flags = ck.CKF_USER_PIN_FINAL_TRY
    expect(open()).toMatch(/^pin_wrong CKF_USER_PIN_FINAL_TRY/)
    played.flags = ck.CKF_USER_PIN_LOCKED
    expect(open()).toBe('pin_locked CKF_USER_PIN_LOCKED')
    played.flags = ck.CKF_USER_PIN_COUNT_LOW
    expect(open({ cautious: true })).toBe('pin_wrong CKF_USER_PIN_COUNT_LOW')
    expect(played.logins).toEqual([])
    expect(open({ cautious: false })).toBe('ok')
  })

  test.each<[string, Partial<Played['faults']>, string]>([
    ['its value cannot be read', { C_GetAttributeValue: () => { throw error('CKR_ATTRIBUTE_SENSITIVE') } }, 'device_failed CKR_ATTRIBUTE_SENSITIVE'],
    ['it has another length', { C_GetAttributeValue: () => [{ type: ck.CKA_VALUE, value: Buffer.alloc(16) }] }, 'device_failed derived length'],
  ])('TST-52 destroys the derived object also when %s', (_, faults, code) => {
    open()
    played.faults = faults
    expect(outcome(token.derive(point().getPublicKey()))).toBe(code)
    expect(played.live.size).toBe(0)
  })

  test('TST-52 leaves no object behind', () => {
    open()
    for (let i = 0; i < 300; i++) token.derive(point().getPublicKey())
    expect(token.objects()).toEqual({ ok: true, value: 0 })
  })

  test('TST-51 an object that cannot be destroyed is a failure, not a leak', () => {
    open()
    played.faults = { C_DestroyObject: () => { throw error('CKR_SESSION_READ_ONLY') } }
    expect(outcome(token.derive(point().getPublicKey()))).toBe('device_failed CKR_SESSION_READ_ONLY')
  })

  test.each([true, false])('TST-53 a point whose X starts with 0x3F works, misread as DER or not: %s', (misreads) => {
    open()
    played.misreads = misreads
    const other = point(0x3f)
    const derived = token.derive(other.getPublicKey())
    expect(derived.ok && Buffer.from(derived.value).equals(other.computeSecret(played.sealing.getPublicKey()))).toBe(true)
  })

  test.each<[string, Uint8Array]>([
    ['of zeros', Buffer.concat([Buffer.from([4]), Buffer.alloc(64)])],
    ['off the curve', Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 1)])],
    ['at infinity', Buffer.from([0])],
    ['that is empty', new Uint8Array()],
  ])('TST-53 a point %s does not reach the device', (_, bad) => {
    open()
    played.faults = { C_DeriveKey: () => { throw new Error('reached') } }
    expect(outcome(token.derive(bad))).toBe('point_refused ephemeral')
  })

  test('a bug is not taken for a failure of the device', () => {
    open()
    played.faults = { C_SignInit: () => { throw new TypeError('a bug') } }
    expect(() => token.sign(new Uint8Array(32))).toThrow('a bug')
  })

  test('answers nothing before it is open', () => expect(outcome(token.sign(new Uint8Array(32)))).toBe('closed not logged in'))
})
