import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KeystorePlace } from '@symbolon/keystore/open.ts'
import type { Pkcs11Settings } from '@symbolon/keystore/pkcs11.ts'
import { readFileSync } from 'node:fs'

/* A SoftHSM token beside a keystore folder: its own configuration, objects and PIN. */

export const softhsm = '/usr/lib/softhsm/libsofthsm2.so'
const pin = 'a PIN of 20 characters'

/** Makes a token named after the folder, unless there is one. */
export function softToken(place: KeystorePlace): Pkcs11Settings {
  const root = `${place.folder}-token`
  const [conf, pinFile, label] = [join(root, 'softhsm2.conf'), join(root, 'pin'), `signer-${place.signer}`]
  const environment = { SOFTHSM2_CONF: conf }
  if (!existsSync(conf)) {
    mkdirSync(join(root, 'tokens'), { recursive: true, mode: 0o700 })
    writeFileSync(conf, `directories.tokendir = ${join(root, 'tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`)
    writeFileSync(pinFile, `${pin}\n`, { mode: 0o600 })
    execFileSync('softhsm2-util', ['--init-token', '--free', '--label', label, '--so-pin', '12345678', '--pin', pin], { env: { ...process.env, ...environment }, stdio: 'pipe' })
  }
  return { ...place, module: softhsm, token: label, pin: { path: pinFile, read: () => readFileSync(pinFile) }, environment, timeoutMs: 10_000 }
}

export const pkcs11Tool = (settings: Pkcs11Settings, ...args: string[]): string =>
  execFileSync('pkcs11-tool', ['--module', settings.module, '--token-label', settings.token, ...args], { env: { ...process.env, ...settings.environment }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

export { pin as softPin }
