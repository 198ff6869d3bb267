import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import type { Page } from 'playwright-core'
import { startStack } from '../stack.ts'
import type { Tab, TestBrowser } from './browser.testkit.ts'
import { comeInFirst, goTo, originOf, signIn, type ConsoleStack } from './people.testkit.ts'

/* What people do with secrets in the console, by labels and buttons. */

export const timeout = 30_000

const all = ['read', 'list', 'write', 'delete', 'destroy'] as const
const scopes = ['read:logs', ...all.map((action) => `secret:${action}`)]
/** One folder whose rule asks for a touch, and nothing outside what is named. */
const policy = {
  roles: {
    engineer: {
      allow_scopes: scopes,
      max_ttl_seconds: 900,
      secrets: [{ path: 'app/payments/**', actions: all }, { path: 'app/mail', actions: all }, { path: 'app/kinds/*', actions: all }, { path: 'app/touched/*', actions: all, touch: true }, { path: 'secret/**', actions: all }],
    },
  },
}

export interface SecretStack extends ConsoleStack {
  /** Of the vault, as the console reaches it. */
  readonly vault: string
}

export async function startSecretStack(): Promise<SecretStack> {
  const folder = mkdtempSync(join(tmpdir(), 'symbolon-policy-'))
  const file = join(folder, 'policy.json')
  writeFileSync(file, JSON.stringify(policy))
  const stack = await startStack({ env: { POLICY_FILE: file } })
  const stop = async () => {
    await stack.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  return { ...stack, stop, vault: `http://localhost:${stack.port('vault')}` }
}

export async function annWithSecrets(browser: TestBrowser, stack: SecretStack): Promise<Tab> {
  const tab = await comeInFirst(browser, stack, { id: 'ann', name: 'Ann Example' })
  await signIn(tab, 'ann')
  await heardOfAnn(tab.page, stack)
  await goTo(tab.page, 'Secrets')
  return tab
}

/** The vault hears of a new version of the roster within seconds. */
async function heardOfAnn(page: Page, stack: SecretStack): Promise<void> {
  await openFolder(page, stack, 'app')
  const [empty, again] = [page.getByText('Nothing here that you may see.'), page.getByRole('button', { name: 'Try again' })]
  const look = async () => {
    await empty.or(again).first().waitFor({ timeout })
    if ((await again.count()) === 0) return
    await again.click()
    throw new Error('not yet')
  }
  await vi.waitFor(look, { timeout, interval: 500 })
}

/** By its address, as a bookmark would. */
export async function openSecret(page: Page, stack: SecretStack, path: string): Promise<void> {
  await page.goto(`${originOf(stack)}/`)
  await page.getByRole('heading', { level: 1, name: 'Status' }).waitFor({ timeout })
  await page.goto(`${originOf(stack)}/secrets#${path}`)
  await page.getByRole('heading', { level: 1, name: path.split('/').at(-1) ?? '' }).waitFor({ timeout })
}

export const openFolder = async (page: Page, stack: SecretStack, prefix: string): Promise<void> => {
  await page.goto(`${originOf(stack)}/secrets#${prefix}/`)
  await page.getByRole('heading', { level: 1, name: `${prefix}/` }).waitFor({ timeout })
}

export async function beginCreating(page: Page, path: string, kind = 'Names and values'): Promise<void> {
  await page.getByRole('button', { name: 'Create a secret' }).click()
  await page.getByRole('textbox', { name: 'Path' }).fill(path)
  await page.getByRole('combobox', { name: 'Kind' }).selectOption({ label: kind })
  await page.getByRole('button', { name: 'Go on' }).click()
}

export async function fillValue(page: Page, at: number, name: string, value: string): Promise<void> {
  const row = page.getByRole('group', { name: `Value ${at}`, exact: true })
  await row.getByRole('textbox', { name: 'Name' }).fill(name)
  await row.getByRole('textbox', { name: 'Value', exact: true }).fill(value)
}

export const versionRow = (page: Page, version: number) => page.getByRole('row').filter({ has: page.getByRole('checkbox', { name: `Version ${version}`, exact: true }) })

/** Chooses exactly these versions. */
export async function choose(page: Page, ...versions: readonly number[]): Promise<void> {
  const boxes = page.getByRole('checkbox', { name: /^Version \d+$/ })
  for (const box of await boxes.all()) await box.uncheck()
  for (const version of versions) await page.getByRole('checkbox', { name: `Version ${version}`, exact: true }).check()
}

export const act = (page: Page, name: string): Promise<void> => page.getByRole('group', { name: 'With the chosen versions' }).getByRole('button', { name, exact: true }).click()

/** Everything that the page keeps or shows outside of what it is asked to show. */
export const kept = (page: Page): Promise<string> =>
  page.evaluate(`(async () => {
    const all = async (name) => {
      const database = await new Promise((resolve, reject) => { const request = indexedDB.open(name); request.onsuccess = () => resolve(request.result); request.onerror = () => reject(request.error) })
      const found = []
      for (const table of database.objectStoreNames) found.push(await new Promise((resolve) => { const request = database.transaction(table).objectStore(table).getAll(); request.onsuccess = () => resolve(request.result) }))
      database.close()
      return found
    }
    const databases = await Promise.all((await indexedDB.databases()).map(({ name }) => all(name)))
    return JSON.stringify([location.href, document.title, document.cookie, { ...localStorage }, { ...sessionStorage }, databases, history.state])
  })()`)
