import type { Client } from '@symbolon/sdk/client.ts'
import type { SymbolonError } from '@symbolon/sdk/errors.ts'
import type { Wish } from '@symbolon/sdk/intent.ts'
import { steerless } from '@symbolon/sdk/scrub.ts'
import { consoleUrl, mayOpen, openPage } from './browser.ts'
import type { Io } from './io.ts'
import type { Settings } from './settings.ts'

/* Scopes that policy marks `touch` are minted in the console: no grant reaches them. */

export const needsTouch = ({ code, details }: SymbolonError): boolean => code === 'touch_required' || (details.reasons ?? []).some((reason) => reason.code === 'touch_required')

/** The page, filled in with what was asked for. */
export const consoleMintUrl = (console: string, { scope, aud, ttl, reason }: Wish): string => {
  const fields = { scope: scope.join(' '), ...(aud === undefined ? {} : { aud }), ...(ttl === undefined ? {} : { ttl: `${ttl}` }), ...(reason === undefined ? {} : { reason }) }
  return `${console}/mint#${new URLSearchParams(fields)}`
}

export async function leadToConsole(client: Client, wish: Wish, settings: Settings, io: Io): Promise<void> {
  const console = await consoleUrl(client, settings, io)
  if (!console.ok) return void io.err.write('This needs a touch for this very request: mint it in the console.\n')
  const url = consoleMintUrl(console.value, wish)
  io.err.write(`This needs a touch for this very request: mint it in the console.\n  ${steerless(url)}\n`)
  // A script is not interrupted by a page.
  if (io.err.isTTY === true && mayOpen({ browser: true }, io)) await openPage(url, io)
}
