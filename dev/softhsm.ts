import { execFileSync } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { installDebian, onPath } from './debian.ts'
import { buildPkcs11, type Built } from './native.ts'
import { writePrivate } from './private-files.ts'

/* `make up KEYSTORE=pkcs11`: SoftHSM in the place of a device, a token for each signer. */

/** Where Debian puts it. */
export const softhsmModule = '/usr/lib/softhsm/libsofthsm2.so'
const isInstalled = (): boolean => onPath('softhsm2-util') && existsSync(softhsmModule)

/** Installs SoftHSM if this is root on Debian, compiles pkcs11js, and otherwise says what is missing. */
export function preparePkcs11(): Built {
  if (!isInstalled()) installDebian(['softhsm2', 'opensc'])
  if (!isInstalled()) return { ok: false, message: `KEYSTORE=pkcs11 needs SoftHSM (${softhsmModule} and softhsm2-util): sudo apt-get install softhsm2 opensc` }
  return buildPkcs11()
}

/** A token in the signer's own folder, and its PIN in a file, unless they are there. The same places as `signerKeystore` names. */
export function ensureToken(state: string, label: string): void {
  const [conf, pin] = [join(state, 'softhsm2.conf'), join(state, 'pin')]
  const isMade = existsSync(conf) && existsSync(pin)
  if (!existsSync(pin)) writePrivate(pin, Array.from({ length: 12 }, () => randomInt(10)).join(''))
  if (isMade) return
  const tokens = join(state, 'tokens')
  mkdirSync(tokens, { recursive: true, mode: 0o700 })
  // Log lines of SoftHSM go to syslog; none of them holds a PIN.
  writePrivate(join(state, 'so-pin'), randomBytes(9).toString('hex'))
  const unfinished = `${conf}.unfinished`
  writePrivate(unfinished, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n`)
  // The PIN stands in the command line for a moment. It is worth nothing without the token's folder, which is this user's only.
  execFileSync('softhsm2-util', ['--init-token', '--free', '--label', label, '--so-pin', readFileSync(join(state, 'so-pin'), 'utf8'), '--pin', readFileSync(pin, 'utf8')], { env: { ...process.env, SOFTHSM2_CONF: unfinished }, stdio: ['ignore', 'ignore', 2] })
  writePrivate(conf, readFileSync(unfinished))
}
