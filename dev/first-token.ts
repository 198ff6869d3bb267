import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { checkout, type Home } from './home.ts'
import { plainEnvironment } from './node-process.ts'

const arguments_ = ['mint', '--scope', 'read:logs', '-o', 'jwt']
export const firstTokenCommand = `./symbolon ${arguments_.join(' ')}`

export type FirstToken = { readonly ok: true; readonly token: string } | { readonly ok: false; readonly message: string }

/**
 * Mints one token with the command line, as a user would: that a quorum says it is ready is no proof that it signs. By the development
 * key, whoever has signed in: a grant that has ended says nothing about the deployment.
 */
export async function mintFirst(home: Home): Promise<FirstToken> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [join(checkout, 'cli/main.ts'), ...arguments_], { cwd: checkout, env: { ...plainEnvironment(), SYMBOLON_HOME: home.path, SYMBOLON_IDENTITY: 'key' }, timeout: 30_000 })
    return { ok: true, token: stdout.trim() }
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    return { ok: false, message: said === '' ? 'it said nothing' : said }
  }
}
