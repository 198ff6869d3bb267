import { randomBytes } from 'node:crypto'
import { fail, ok } from '@symbolon/core/errors.ts'
import { bytesOf, sha256 } from '@symbolon/protocol/bytes.ts'
import { decodePoint, jwkOfPoint, verifyP256, type P256Jwk } from '@symbolon/protocol/p256.ts'
import type { Device } from './device.ts'
import { keystoreError } from './errors.ts'
import type { Keystore, KeystoreResult } from './keystore.ts'
import { hasManifest, readManifest } from './manifest.ts'
import { finishKeystore, openWith, type KeystorePlace } from './open.ts'
import { pinGuard } from './pin.ts'
import { Supervisor } from './pkcs11-supervisor.ts'
import type { DeviceFacts, Opened } from './pkcs11-wire.ts'

/* Keys in a PKCS#11 device: profile p256-ecdh-v1. The device never sees a share; it opens what the share is sealed under. */

export interface Pkcs11Settings extends KeystorePlace {
  /** Path of the device's library. */
  readonly module: string
  readonly token: string
  readonly pin: { readonly path: string; read(): Uint8Array }
  readonly environment: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** For tests: a program that plays the module's process. */
  readonly program?: string
}

/** Makes both keys in the device, non-extractable, under labels that carry the signer's number. */
export async function createPkcs11Keystore(settings: Pkcs11Settings): Promise<KeystoreResult<Keystore>> {
  if (hasManifest(settings.folder)) return fail(keystoreError('keystore_exists', 'keys.json'))
  const opened = await openDevice(settings, { create: true })
  if (!opened.ok) return opened
  const { device } = opened.value
  return finishKeystore(device, settings, (hpke) => ({ v: 1, backend: 'pkcs11', signer: settings.signer, token: settings.token, identity: device.identity, sealing: device.sealing, hpke }))
}

/** Opens the device that the keystore was made with, after it has shown that it holds both private keys. */
export async function openPkcs11Keystore(settings: Pkcs11Settings): Promise<KeystoreResult<Keystore>> {
  const found = readManifest(settings.folder, { backend: 'pkcs11', signer: settings.signer })
  if (!found.ok) return found
  const opened = await openDevice(settings, { create: false, expect: found.value })
  return opened.ok ? openWith(opened.value.device, settings, found.value.hpke) : opened
}

interface OpenDevice {
  readonly device: Device
  readonly facts: DeviceFacts
  /** Objects that the session holds now. */
  objects(): Promise<KeystoreResult<number>>
}
type Expected = { readonly identity: P256Jwk; readonly sealing: P256Jwk }

/** The device alone, for those who look after it. */
export async function openDevice(settings: Pkcs11Settings, { create, expect }: { create: boolean; expect?: Expected }): Promise<KeystoreResult<OpenDevice>> {
  const { signer, module, token, environment, timeoutMs, memory, program } = settings
  // After the first login the device must go on being the one that it was.
  let known: Expected | undefined = expect
  const supervisor = new Supervisor({
    open: { module, token, create, labels: { identity: `symbolon-${signer}-identity`, sealing: `symbolon-${signer}-sealing` } },
    environment,
    timeoutMs,
    pin: pinGuard(settings.folder, settings.pin),
    check: (opened) => compare(opened, known),
    ...(program === undefined ? {} : { program }),
  })
  const opened = await supervisor.open()
  const keys = opened.ok ? keysOf(opened.value) : undefined
  if (!opened.ok || keys === undefined) {
    await supervisor.close()
    return opened.ok ? fail(keystoreError('key_other', 'not on P-256')) : opened
  }
  known = keys
  const device: Device = {
    backend: 'pkcs11',
    ...keys,
    sign: async (bytes) => {
      const answer = await supervisor.ask('sign', sha256(bytes))
      return answer.ok ? ok(answer.value.bytes) : answer
    },
    derive: async (point) => {
      const answer = await supervisor.ask('derive', point)
      if (!answer.ok) return answer
      if (answer.value.bytes.length !== 32) return fail(keystoreError('device_failed', 'derived length'))
      const secret = memory.take(32)
      secret.borrow((bytes) => bytes.set(answer.value.bytes))
      answer.value.bytes.fill(0)
      return ok(secret)
    },
    close: () => supervisor.close(),
  }
  const proven = await provesIdentity(device)
  if (!proven.ok) {
    await device.close()
    return proven
  }
  return ok({ device, facts: opened.value.facts, objects: async () => countOf(await supervisor.ask('objects')) })
}

const countOf = (answer: Awaited<ReturnType<Supervisor['ask']>>): KeystoreResult<number> => (answer.ok ? ok(answer.value.reply.objects ?? 0) : answer)

function keysOf({ identity, sealing }: Opened): Expected | undefined {
  const [a, b] = [identity, sealing].map((text) => decodePoint(bytesOf(text)))
  return a === undefined || b === undefined ? undefined : { identity: jwkOfPoint(a), sealing: jwkOfPoint(b) }
}

function compare(opened: Opened, expected: Expected | undefined): KeystoreResult<void> {
  const keys = keysOf(opened)
  const differing = (['identity', 'sealing'] as const).filter((role) => expected !== undefined && (keys?.[role].x !== expected[role].x || keys[role].y !== expected[role].y))
  return differing.length === 0 ? ok(undefined) : fail(keystoreError('key_other', differing.join(' ')))
}

/** A public object can be there without its private half; the receive key's opening proves the other one. */
async function provesIdentity(device: Device): Promise<KeystoreResult<void>> {
  const challenge = Buffer.concat([Buffer.from('symbolon/keystore-check/v1\0'), randomBytes(32)])
  const signature = await device.sign(challenge)
  if (!signature.ok) return signature
  return verifyP256(device.identity, challenge, signature.value) ? ok(undefined) : fail(keystoreError('key_other', 'identity does not sign'))
}
