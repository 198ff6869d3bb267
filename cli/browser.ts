import { spawn } from 'node:child_process'
import { failed, ok, type Outcome } from '@symbolon/sdk/errors.ts'
import type { Client } from '@symbolon/sdk/client.ts'
import { LocalFailure } from './failure.ts'
import { slowly, type Io } from './io.ts'
import type { Settings } from './settings.ts'

/* The console, where people touch their passkeys. */

/**
 * Its address: as set, else as the api names it. An api that names another leads people to a page that no passkey answers to, or that
 * hands over another request, which the words give away.
 */
export async function consoleUrl(client: Pick<Client, 'status'>, settings: Settings, io: Io): Promise<Outcome<string>> {
  if (settings.console !== undefined) return checked(settings.console.value) ?? bad(settings.console.value, settings.console.origin)
  const status = await slowly(io, 'asking the api', client.status())
  if (!status.ok) return status
  const named = status.value.console_url
  if (named === undefined) return failed('console_unknown')
  return checked(named) ?? failed('answer_malformed', { detail: 'console_url is no https URL' })
}

function checked(text: string): Outcome<string> | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return undefined
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  return url.protocol === 'https:' || (url.protocol === 'http:' && loopback) ? ok(url.href.replace(/\/$/, '')) : undefined
}

function bad(value: string, origin: string): never {
  throw new LocalFailure('The console’s address is not usable', `${origin} says ${JSON.stringify(value.slice(0, 200))}`, 'Give an https URL; plain http is for loopback only.')
}

/** Is there a screen that this process could show a page on? */
export const hasBrowser = ({ env }: Io): boolean => process.platform === 'darwin' || process.platform === 'win32' || ['DISPLAY', 'WAYLAND_DISPLAY', 'BROWSER'].some((name) => Boolean(env[name]))

/** `--no-browser`, SYMBOLON_NO_BROWSER: pages are named, not opened. */
export const mayOpen = (flags: { readonly browser: boolean }, io: Io): boolean => flags.browser && !io.env['SYMBOLON_NO_BROWSER'] && hasBrowser(io)

/** @returns false if there is nothing to open it with; what the browser does then is its own affair */
export function openPage(url: string, { env }: Io): Promise<boolean> {
  const [program, ...before] = openerOf(env)
  const { promise, resolve } = Promise.withResolvers<boolean>()
  // No shell sees the URL.
  const child = spawn(program, [...before, url], { stdio: 'ignore', detached: true, env: { ...env } })
  child.on('error', () => resolve(false)).on('spawn', () => resolve(true))
  child.unref()
  return promise
}

function openerOf(env: Io['env']): [string, ...string[]] {
  if (env['BROWSER']) return [env['BROWSER']]
  if (process.platform === 'darwin') return ['open']
  return process.platform === 'win32' ? ['rundll32', 'url.dll,FileProtocolHandler'] : ['xdg-open']
}
