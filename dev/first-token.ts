import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { checkout, type Home } from './home.ts'
import { plainEnvironment } from './node-process.ts'

/*
 * What ends `make up`: a token, and a secret that it unlocks. All of it with the command line, as a user would: that a quorum says it is ready is no
 * proof that it signs or opens.
 */

const usual = 'read:logs'
const forSecrets = `${usual},secret:read`
const path = 'app/first-secret'

export type First<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string }

/** Who asks: the development key, whoever has signed in (a grant that has ended says nothing about the deployment), or a token. */
type As = { readonly key: true } | { readonly token: string }

export interface FirstToken {
  readonly token: string
  /** How the user would have minted it. */
  readonly command: string
  readonly opensSecrets: boolean
}

/** With a vault a token that opens secrets, if the policy gives any; a policy of one's own may know no secrets at all. */
export async function mintFirst(home: Home, issuer: string, vault: boolean): Promise<First<FirstToken>> {
  if (!vault) return minted(home, ['--scope', usual])
  // For the deployment itself, bound to a key that stays in its file: whoever reads the token here cannot use it elsewhere.
  const opening = await minted(home, ['--scope', forSecrets, '--audience', issuer, '--bind', tokenKey(home)])
  return opening.ok || !opening.message.includes('scope_not_allowed') ? opening : minted(home, ['--scope', usual])
}

async function minted(home: Home, words: readonly string[]): Promise<First<FirstToken>> {
  const ran = await symbolon(home, ['mint', ...words, '-o', 'jwt'], { key: true })
  return ran.ok ? { ok: true, value: { token: ran.value, command: `./symbolon mint ${words.join(' ')} -o jwt`, opensSecrets: words.includes(forSecrets) } } : ran
}

/** The same for the secret. */
export const unlockCommand = (home: Home): string => `SYMBOLON_TOKEN=… SYMBOLON_TOKEN_KEY=${tokenKey(home)} ./symbolon kv get ${path} --field note`

/** Writes a first secret where there is none, and opens it by the token alone. */
export async function unlockFirst(home: Home, token: string): Promise<First<string>> {
  const written = await symbolon(home, ['kv', 'put', path, '--cas', '0', 'note=signers helped to open this, and none of them has seen it'], { key: true })
  // What an earlier `make up` wrote is as good.
  if (!written.ok && !written.message.includes('check_and_set_failed')) return written
  return symbolon(home, ['kv', 'get', path, '--field', 'note'], { token })
}

const tokenKey = (home: Home): string => join(home.path, 'first-token.key')

async function symbolon(home: Home, arguments_: readonly string[], as: As): Promise<First<string>> {
  const who = 'key' in as ? { SYMBOLON_IDENTITY: 'key' } : { SYMBOLON_IDENTITY: 'token', SYMBOLON_TOKEN: as.token, SYMBOLON_TOKEN_KEY: tokenKey(home) }
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [join(checkout, 'cli/main.ts'), ...arguments_], { cwd: checkout, env: { ...plainEnvironment(), SYMBOLON_HOME: home.path, ...who }, timeout: 30_000 })
    return { ok: true, value: stdout.trim() }
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    return { ok: false, message: said === '' ? 'it said nothing' : said }
  }
}
