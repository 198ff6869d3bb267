import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Result } from '@symbolon/core/errors.ts'
import { sha256, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { describeKeystoreError, type KeystoreError } from './errors.ts'
import type { Keystore, SealHeader } from './keystore.ts'
import { readManifest } from './manifest.ts'
import { openWith } from './open.ts'
import { openDevice } from './pkcs11.ts'
import { openKeystore, pkcs11Settings, type KeystoreSettings, type Owner } from './settings.ts'

/* What `symbolon doctor hsm` shows: each thing that a signer will need of its keystore, tried once. */

export interface Finding {
  readonly check: string
  readonly ok: boolean
  /** What was found, or the code of the failure and what to do about it. */
  readonly detail: string
}

const found = (check: string, detail: string): Finding => ({ check, ok: true, detail })
const failed = (check: string, error: KeystoreError): Finding => ({ check, ok: false, detail: describeKeystoreError(error) })

/**
 * Opens the keystore as a signer would, PIN included, and tries everything. Stops at the first failure that the rest stands on. A PIN
 * that was refused before is not tried again.
 *
 * @param further what else the caller asks of the open keystore
 */
export async function examineKeystore(settings: KeystoreSettings, owner: Owner, further: Further = async () => []): Promise<Finding[]> {
  return settings.backend === 'pkcs11' ? examineDevice(settings, owner, further) : examineFile(settings, owner, further)
}
type Further = (keystore: Keystore) => Promise<readonly Finding[]>

async function examineFile(settings: KeystoreSettings, owner: Owner, further: Further): Promise<Finding[]> {
  const keystore = await openKeystore(settings, owner)
  if (!keystore.ok) return [failed('keystore', keystore.error)]
  const findings = [found('keystore', keystore.value.warning ?? settings.backend), ...(await tryOut(keystore.value, owner)), sharesIn(settings.folder), ...(await further(keystore.value))]
  await keystore.value.close()
  return findings
}

async function examineDevice(settings: Extract<KeystoreSettings, { backend: 'pkcs11' }>, owner: Owner, further: Further): Promise<Finding[]> {
  const manifest = readManifest(settings.folder, { backend: 'pkcs11', signer: owner.signer })
  if (!manifest.ok) return [failed('keystore', manifest.error)]
  const place = pkcs11Settings(settings, owner)
  const opened = await openDevice(place, { create: false, expect: manifest.value })
  if (!opened.ok) return [found('keystore', `token ${manifest.value.token}`), failed('device', opened.error)]
  const { device, facts, objects } = opened.value
  const findings = [
    found('keystore', `token ${manifest.value.token}`),
    found('device', `${facts.manufacturer} ${facts.model} ${facts.serial}, firmware ${facts.firmware} (${facts.library})`),
    found('keys', 'identity and sealing key are in the device, cannot be read out, and are the ones made here'),
  ]
  const keystore = await openWith(device, place, manifest.value.hpke)
  if (!keystore.ok) return [...findings, failed('receive key', keystore.error)]
  findings.push(...(await tryOut(keystore.value, owner)))
  const left = await objects()
  findings.push(left.ok ? { check: 'derived objects', ok: left.value === 0, detail: `${left.value} left in the session` } : failed('derived objects', left.error), sharesIn(settings.folder), ...(await further(keystore.value)))
  await keystore.value.close()
  return findings
}

/** Signs, seals and opens something of no worth. */
async function tryOut(keystore: Keystore, { signer, memory }: Owner): Promise<Finding[]> {
  const nothing = toBase64url(sha256(utf8('symbolon/keystore-check')))
  const header: SealHeader = { kind: 'share', signer, purpose: 'log', epoch: 1, group: nothing, plan: nothing }
  using secret = memory.take(32)
  secret.borrow((bytes) => bytes.fill(0x5a))
  const began = performance.now()
  const signed = await keystore.sign(utf8('symbolon/keystore-check'))
  const signing = performance.now() - began
  const sealed = await keystore.seal(header, secret)
  if (!sealed.ok) return [failed('sealing', sealed.error)]
  const opened = await keystore.unseal(header, sealed.value)
  const took = performance.now() - began - signing
  const same = opened.ok && opened.value.borrow((bytes) => bytes.every((byte) => byte === 0x5a))
  if (opened.ok) opened.value.wipe()
  return [timed('signing', signed, signing), opened.ok && !same ? { check: 'sealing', ok: false, detail: 'what was opened is not what was sealed' } : timed('sealing', opened, took)]
}

const timed = (check: string, result: Result<unknown, KeystoreError>, ms: number): Finding => (result.ok ? found(check, `${ms.toFixed(1)} ms`) : failed(check, result.error))

function sharesIn(folder: string): Finding {
  const shares = join(folder, 'shares')
  const names = existsSync(shares) ? readdirSync(shares).filter((name) => name.endsWith('.sealed')) : []
  return found('shares', names.length === 0 ? 'none yet: no ceremony has been carried through' : names.join(' '))
}
