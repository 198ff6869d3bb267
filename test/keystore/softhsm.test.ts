import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openArena } from '@symbolon/core/arena.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { fromBase64url } from '@symbolon/protocol/bytes.ts'
import { decodePoint } from '@symbolon/protocol/p256.ts'
import { sealBlob } from '@symbolon/keystore/blob.ts'
import { examineKeystore } from '@symbolon/keystore/doctor.ts'
import type { Keystore, SealHeader } from '@symbolon/keystore/keystore.ts'
import { createPkcs11Keystore, openDevice, openPkcs11Keystore, type Pkcs11Settings } from '@symbolon/keystore/pkcs11.ts'
import { pkcs11Tool, softPin, softToken } from './softhsm.ts'

/* A real PKCS#11 token. */

const memory = openArena(8 * 4096)
const zero = toBase64url(new Uint8Array(32))
const header: SealHeader = { kind: 'share', signer: 1, purpose: 'token', epoch: 1, group: zero, plan: zero }

let root: string
let settings: Pkcs11Settings
let keystore: Keystore
const codeOf = (result: { ok: true } | { ok: false; error: { code: string; detail: string } }) => (result.ok ? 'ok' : `${result.error.code} ${result.error.detail}`)

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'symbolon-softhsm-'))
  settings = softToken({ folder: join(root, 'keystore'), signer: 1, memory })
  const made = await createPkcs11Keystore(settings)
  if (!made.ok) throw new Error(codeOf(made))
  keystore = made.value
})
afterEach(async () => {
  await keystore.close()
  rmSync(root, { recursive: true })
})

/** Resident memory of the module's process, in KiB. */
const moduleMemory = (): number => {
  const children = execFileSync('ps', ['--ppid', String(process.pid), '-o', 'rss=,args='], { encoding: 'utf8' }).split('\n').filter((line) => line.includes('pkcs11-process.ts'))
  return Number(/\d+/.exec(children[0] ?? '')?.[0] ?? Number.NaN)
}

/** What the token answers to whoever has its PIN and asks for the private values. In a process of its own, as the module keeps state. */
function readPrivateKeys({ module, token, environment }: Pkcs11Settings): unknown {
  const script = `
    const p = require('pkcs11js'), [module, token, pin] = process.argv.slice(1), m = new p.PKCS11(), answers = {}
    m.load(module); m.C_Initialize()
    const slot = m.C_GetSlotList(true).find((each) => m.C_GetTokenInfo(each).label.trim() === token)
    const session = m.C_OpenSession(slot, p.CKF_SERIAL_SESSION); m.C_Login(session, p.CKU_USER, pin)
    m.C_FindObjectsInit(session, [{ type: p.CKA_CLASS, value: p.CKO_PRIVATE_KEY }])
    const keys = m.C_FindObjects(session, 9); m.C_FindObjectsFinal(session)
    for (const key of keys) {
      const label = m.C_GetAttributeValue(session, key, [{ type: p.CKA_LABEL }])[0].value.toString()
      try { m.C_GetAttributeValue(session, key, [{ type: p.CKA_VALUE }]); answers[label] = 'given' } catch (error) { answers[label] = error.message }
    }
    console.log(JSON.stringify(answers))`
  return JSON.parse(execFileSync(process.execPath, ['-e', script, module, token, softPin], { env: { ...process.env, ...environment }, encoding: 'utf8' }))
}

describe('a SoftHSM token', () => {
  test('TST-52 10 000 unseals leave no object and no growth behind', async () => {
    const opened = await openDevice({ ...settings, folder: `${settings.folder}-2` }, { create: false })
    if (!opened.ok) throw new Error(codeOf(opened))
    const { device, objects } = opened.value
    using secret = memory.take(32)
    const blob = sealBlob({ sealing: device.sealing, header, secret, memory })
    const point = blob.ok ? decodePoint(fromBase64url((JSON.parse(Buffer.from(blob.value).toString()) as { ephemeral: never }).ephemeral) ?? new Uint8Array()) : undefined
    if (point === undefined) throw new Error('no point')
    const derive = async (times: number) => {
      for (let i = 0; i < times; i++) {
        const agreed = await device.derive(point)
        if (!agreed.ok) throw new Error(codeOf(agreed))
        agreed.value.wipe()
      }
    }
    await keystore.close()
    await derive(1_000)
    const before = moduleMemory()
    const began = performance.now()
    await derive(9_000)
    const each = (performance.now() - began) / 9
    expect(await objects()).toEqual({ ok: true, value: 0 })
    expect(before).toBeGreaterThan(0)
    expect(moduleMemory() - before).toBeLessThan(16 * 1024)
    process.stdout.write(`an agreement in SoftHSM through the module's process: ${each.toFixed(0)} µs\n`)
    await device.close()
  })

  test('its private keys cannot be read out, and do one thing each', () => {
    const listed = pkcs11Tool(settings, '--login', '--pin', softPin, '--list-objects', '--type', 'privkey')
    expect(listed.match(/never extractable/g)).toHaveLength(2)
    expect(readPrivateKeys(settings)).toEqual({ 'symbolon-1-identity': 'CKR_ATTRIBUTE_SENSITIVE', 'symbolon-1-sealing': 'CKR_ATTRIBUTE_SENSITIVE' })
    // What was agreed is gone from the token when it has been used.
    expect(pkcs11Tool(settings, '--login', '--pin', softPin, '--list-objects', '--type', 'secrkey').trim()).toBe('')
  })

  test.each(['identity', 'sealing'])('without its %s key it does not open, and the code says which', async (role) => {
    await keystore.close()
    pkcs11Tool(settings, '--login', '--pin', softPin, '--delete-object', '--type', 'privkey', '--label', `symbolon-1-${role}`)
    expect(codeOf(await openPkcs11Keystore(settings))).toBe(`key_missing symbolon-1-${role}`)
  })

  test('with other keys under the same labels it does not open', async () => {
    await keystore.close()
    const other = softToken({ folder: join(root, 'other'), signer: 1, memory })
    const made = await createPkcs11Keystore(other)
    if (made.ok) await made.value.close()
    expect(codeOf(await openPkcs11Keystore({ ...other, folder: settings.folder }))).toBe('key_other identity sealing')
  })

  test('TST-51 a wrong PIN reaches it once', async () => {
    await keystore.close()
    writeFileSync(settings.pin.path, 'another PIN\n', { mode: 0o600 })
    expect(codeOf(await openPkcs11Keystore(settings))).toBe('pin_wrong CKR_PIN_INCORRECT')
    expect(codeOf(await openPkcs11Keystore(settings))).toBe('pin_wrong refused before, and the PIN file is unchanged')
  })

  test('TST-51 a token or a library that is not there is named', async () => {
    await keystore.close()
    expect(codeOf(await openPkcs11Keystore({ ...settings, token: 'nobody' }))).toBe('token_missing nobody')
    expect(codeOf(await openPkcs11Keystore({ ...settings, module: '/nowhere.so' }))).toBe('module_missing /nowhere.so')
    const again = await openPkcs11Keystore(settings)
    expect(codeOf(again)).toBe('ok')
    if (again.ok) await again.value.close()
  })

  test('the doctor tries everything, and stops where something is missing', async () => {
    await keystore.close()
    const setting = { backend: 'pkcs11' as const, folder: settings.folder, module: settings.module, token: settings.token, pin_file: { path: settings.pin.path, read: () => readFileSync(settings.pin.path) }, environment: { ...settings.environment }, timeout_ms: 10_000 }
    const findings = await examineKeystore(setting, { signer: 1, memory })
    expect(findings.map(({ check, ok }) => `${check} ${ok}`)).toEqual(['keystore true', 'device true', 'keys true', 'signing true', 'sealing true', 'derived objects true', 'shares true'])
    pkcs11Tool(settings, '--login', '--pin', softPin, '--delete-object', '--type', 'privkey', '--label', 'symbolon-1-sealing')
    expect(await examineKeystore(setting, { signer: 1, memory })).toMatchObject([{ ok: true }, { check: 'device', ok: false, detail: expect.stringContaining('key_missing (symbolon-1-sealing)') }])
  })
})
