import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { statusResponse } from '@symbolon/protocol/http.ts'
import type { Home } from './home.ts'
import { bootstrapLink } from './web.ts'

/** Where people go: the console; while nobody has come in yet, with the link by which the first one does. */
export async function wayIn(home: Home, issuer: string): Promise<readonly string[]> {
  const console = consoleOrigin(home)
  const version = await rosterVersion(issuer)
  if (version !== 1) return [`Console: ${console}; sign in there, or in a terminal: ./symbolon login`]
  return ['Console: open this link once to make your passkey and become the first guardian (it holds the bootstrap key; show it to nobody):', `  ${bootstrapLink(home, console, Math.floor(Date.now() / 1000))}`]
}

const ports = z.object({ ports: z.object({ console: z.int() }) })
const consoleOrigin = (home: Home): string => `http://localhost:${ports.parse(JSON.parse(readFileSync(home.deployment, 'utf8'))).ports.console}`

/** @returns undefined if the api does not answer; the status table says so already */
async function rosterVersion(issuer: string): Promise<number | undefined> {
  try {
    const response = await fetch(`${issuer}/v1/status`, { signal: AbortSignal.timeout(5_000), redirect: 'error' })
    const status = statusResponse.safeParse(await response.json())
    return status.success ? status.data.roster : undefined
  } catch (error) {
    if (error instanceof TypeError || error instanceof SyntaxError || error instanceof DOMException) return undefined
    throw error
  }
}
