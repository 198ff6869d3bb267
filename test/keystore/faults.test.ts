import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openArena } from '@symbolon/core/arena.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { Keystore, SealHeader } from '@symbolon/keystore/keystore.ts'
import { createPkcs11Keystore, openPkcs11Keystore, type Pkcs11Settings } from '@symbolon/keystore/pkcs11.ts'

/* TST-51: a device with each fault, played by a process in the place of the module's. */

const memory = openArena(8 * 4096)
const zero = toBase64url(new Uint8Array(32))
const header: SealHeader = { kind: 'share', signer: 1, purpose: 'token', epoch: 1, group: zero, plan: zero }

let root: string
let settings: Pkcs11Settings
let keystore: Keystore
let blob: Uint8Array

const fault = (name: string) => writeFileSync(join(root, 'fault'), name)
const attempts = (): string[] => (existsSync(join(root, 'attempts')) ? readFileSync(join(root, 'attempts'), 'utf8').trim().split('\n') : [])
const pin = (text: string) => writeFileSync(join(root, 'pin'), text, { mode: 0o600 })
const open = () => openPkcs11Keystore(settings)
const codeOf = (result: { ok: true } | { ok: false; error: { code: string; detail: string } }) => (result.ok ? 'ok' : `${result.error.code} ${result.error.detail}`)
const unseal = async (from = keystore) => codeOf(await from.unseal(header, blob))

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'symbolon-faults-'))
  pin('123456\n')
  settings = {
    folder: join(root, 'keystore'), signer: 1, memory, module: '/played', token: 'played', pin: { path: join(root, 'pin'), read: () => readFileSync(join(root, 'pin')) },
    environment: { PLAY: root }, timeoutMs: 10_000, program: join(import.meta.dirname, 'played-module.ts'),
  }
  const made = await createPkcs11Keystore(settings)
  if (!made.ok) throw new Error(codeOf(made))
  keystore = made.value
  using secret = memory.take(32)
  const sealed = await keystore.seal(header, secret)
  if (!sealed.ok) throw new Error(codeOf(sealed))
  blob = sealed.value
})
afterEach(async () => {
  await keystore.close()
  rmSync(root, { recursive: true })
})

describe('TST-51 a device that fails', () => {
  test.each<[string, string]>([
    ['crash in derive', 'module_crashed SIGSEGV'],
    ['nonsense in derive', 'module_crashed not an answer'],
    ['stale in derive', 'module_crashed not an answer'],
    ['error in derive', 'device_failed CKR_DEVICE_ERROR'],
    ['removed', 'device_removed CKR_DEVICE_REMOVED'],
    ['short in derive', 'device_failed derived length'],
  ])('%s: the answer is %s, and the next question works', async (name, code) => {
    fault(name)
    expect(await unseal()).toBe(code)
    fault('')
    expect(await unseal()).toBe('ok')
  })

  test('hangs: the answer comes in time, and the next question works', async () => {
    const quick = await openPkcs11Keystore({ ...settings, timeoutMs: 4_000 })
    if (!quick.ok) throw new Error(codeOf(quick))
    fault('hang in derive')
    const began = performance.now()
    expect(await unseal(quick.value)).toBe('device_slow derive 4000 ms')
    expect(performance.now() - began).toBeLessThan(15_000)
    fault('')
    expect(await unseal(quick.value)).toBe('ok')
    await quick.value.close()
  })

  test('is asked one thing at a time by one process', async () => {
    const answers = await Promise.all([unseal(), (fault(''), unseal()), unseal()])
    expect(answers).toEqual(['ok', 'ok', 'ok'])
    expect(attempts()).toHaveLength(1)
  })

  test('crashes again and again: it is given up, not restarted for ever', async () => {
    fault('crash in derive')
    const codes: string[] = []
    for (let i = 0; i < 6; i++) codes.push(await unseal())
    // The start that made the keys was one of the four.
    expect(codes).toEqual([...Array<string>(4).fill('module_crashed SIGSEGV'), ...Array<string>(2).fill('module_crashed 4 times in 60 s')])
    expect(attempts()).toHaveLength(4)
  })

  test('is another one when it comes back: nothing is asked of it', async () => {
    fault('removed')
    await unseal()
    fault('another device')
    expect(await unseal()).toBe('key_other identity sealing')
    fault('')
    expect(await unseal()).toBe('key_other identity sealing')
  })

  test('has no session left: an error that may pass', async () => {
    fault('no session left')
    expect(codeOf(await open())).toBe('device_busy CKR_SESSION_COUNT')
    fault('')
    const again = await open()
    expect(codeOf(again)).toBe('ok')
    if (again.ok) await again.value.close()
  })
})

describe('TST-51 the PIN counter drops by at most one for each act of a person', () => {
  test('a wrong PIN is tried once, however often it is started', async () => {
    await keystore.close()
    const before = attempts().length
    pin('999999\n')
    expect(codeOf(await open())).toBe('pin_wrong CKR_PIN_INCORRECT')
    for (let i = 0; i < 5; i++) expect(codeOf(await open())).toBe('pin_wrong refused before, and the PIN file is unchanged')
    expect(attempts()).toHaveLength(before + 1)
    utimesSync(join(root, 'pin'), new Date(), new Date(Date.now() + 9_000))
    expect(codeOf(await open())).toBe('pin_wrong CKR_PIN_INCORRECT')
    expect(attempts()).toHaveLength(before + 2)
    pin('123456')
    const right = await open()
    expect(codeOf(right)).toBe('ok')
    if (right.ok) await right.value.close()
  })

  test('a PIN that was changed while the process ran is tried once', async () => {
    pin('999999')
    fault('crash in derive')
    await unseal()
    const before = attempts().length
    for (let i = 0; i < 3; i++) expect(await unseal()).toMatch(/^pin_wrong/)
    expect(attempts()).toHaveLength(before + 1)
  })

  test('a crash in the login makes the next one cautious', async () => {
    await keystore.close()
    fault('crash in login')
    expect(codeOf(await open())).toBe('module_crashed SIGSEGV')
    fault('')
    const next = await open()
    expect(codeOf(next)).toBe('ok')
    if (next.ok) await next.value.close()
    expect(attempts()).toEqual(['false', 'false', 'true'])
  })
})

test('the module’s process ends with the process of its keystore, also when that is killed', async () => {
  const script = `
    import { readFileSync } from 'node:fs'
    import { openArena } from '@symbolon/core/arena.ts'
    import { openPkcs11Keystore } from '@symbolon/keystore/pkcs11.ts'
    const settings = JSON.parse(process.argv[1])
    const opened = await openPkcs11Keystore({ ...settings, memory: openArena(4096), pin: { path: settings.pin, read: () => readFileSync(settings.pin) } })
    console.log(opened.ok ? 'open' : opened.error.code)
    setInterval(() => undefined, 1_000)`
  const { folder, signer, module, token, environment, timeoutMs, program, pin: { path } } = settings
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script, JSON.stringify({ folder, signer, module, token, environment, timeoutMs, program, pin: path })], { cwd: join(import.meta.dirname, '../..'), stdio: ['ignore', 'pipe', 'inherit'] })
  const [said] = (await once(parent.stdout, 'data')) as [Buffer]
  expect(said.toString()).toBe('open\n')
  const child = Number(execFileSync('ps', ['--ppid', String(parent.pid), '-o', 'pid='], { encoding: 'utf8' }).trim())
  expect(child).toBeGreaterThan(1)
  parent.kill('SIGKILL')
  await once(parent, 'close')
  // A zombie that nobody has collected yet is a process that has ended.
  const lives = () => /^[^Z\s]/.test(spawnSync('ps', ['-p', String(child), '-o', 'stat='], { encoding: 'utf8' }).stdout.trim())
  await expect.poll(lives, { timeout: 5_000 }).toBe(false)
})

test('closing ends the module’s process, and every later question is refused', async () => {
  await keystore.close()
  expect(await unseal()).toBe('closed pkcs11')
})
