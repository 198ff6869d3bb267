import { afterAll, beforeAll, expect, test } from 'vitest'
import { startStack, type Stack } from '../stack.ts'
import { startBrowser, type Tab, type TestBrowser } from './browser.testkit.ts'

/* The first person: the link of `make up`, a passkey, version 2, signed in, a token. Real processes, a real browser. */

let stack: Stack & { readonly first: { readonly stderr: string } }
let browser: TestBrowser
let tab: Tab

beforeAll(async () => {
  stack = await startStack()
  browser = await startBrowser()
  tab = await browser.open({ url: link() })
})
afterAll(async () => {
  await browser?.close()
  await stack?.stop()
})

const link = (): string => /^ {2}(http:\/\/localhost:\d+\/enrol#\S+)$/m.exec(stack.first.stderr)?.[1] ?? ''
const origin = (): string => `http://localhost:${stack.port('console')}`

test('`make up` prints the link', () => expect(link()).toMatch(/^http:\/\/localhost:\d+\/enrol#[A-Za-z0-9_-]+$/))

test('the seed leaves the address bar at once', async () => {
  await tab.page.getByRole('heading', { name: 'Come in' }).waitFor()
  expect(tab.page.url()).toBe(`${origin()}/enrol`)
})

test('a bad id is said beside its field, and nothing is made', async () => {
  const { page } = tab
  await page.getByRole('textbox', { name: 'Your name' }).fill('Ann Example')
  await page.getByRole('textbox', { name: 'Your id' }).fill('Ann!')
  await page.getByRole('button', { name: 'Make a passkey' }).click()
  expect(await page.getByRole('textbox', { name: 'Your id' }).getAttribute('aria-invalid')).toBe('true')
  expect(await tab.authenticator.credentials()).toHaveLength(0)
})

test('a passkey is made, and what will be signed is shown', async () => {
  const { page } = tab
  await page.getByRole('textbox', { name: 'Your id' }).fill('ann')
  expect(await tab.violations()).toEqual([])
  await tab.picture('console-come-in')
  await page.getByRole('button', { name: 'Make a passkey' }).click()
  await page.getByRole('heading', { name: 'Version 2 of the roster' }).waitFor()
  expect(await tab.authenticator.credentials()).toHaveLength(1)
  expect(await tab.violations()).toEqual([])
  await tab.picture('console-first-person')
})

test('the signers accept version 2', async () => {
  const { page } = tab
  await page.getByRole('button', { name: 'Submit to the signers' }).click()
  await page.getByText('You are in').waitFor({ timeout: 30_000 })
  const status = await fetch(`${stack.issuer}/v1/status`).then((answer) => answer.json())
  expect(status).toMatchObject({ roster: 2 })
})

test('signed in by a touch', async () => {
  const { page } = tab
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('textbox', { name: 'Your id' }).fill('ann')
  await tab.picture('console-sign-in')
  await page.getByRole('button', { name: 'Touch your passkey' }).click()
  await page.getByRole('heading', { name: 'Mint a token' }).waitFor()
})

/** Fills the form and waits for what comes of it. */
async function mint(scope: string, by: 'grant' | 'touch'): Promise<void> {
  const { page } = tab
  await page.getByRole('textbox', { name: 'Scopes' }).fill(scope)
  await page.getByRole('radio', { name: by === 'grant' ? /With the grant/ : /With a touch/ }).check()
  await page.getByRole('button', { name: by === 'grant' ? 'Mint' : 'Touch and mint', exact: true }).click()
}
async function claims(): Promise<unknown> {
  await tab.page.getByRole('heading', { name: 'Your token' }).waitFor()
  const [, part = ''] = (await tab.page.getByLabel('The token', { exact: true }).innerText()).split('.')
  return JSON.parse(Buffer.from(part, 'base64url').toString())
}

test('a token by the grant, checked in the page', async () => {
  await mint('read:logs', 'grant')
  expect(await claims()).toMatchObject({ sub: 'ann', client_id: 'symbolon-console', scope: 'read:logs', acr: 'urn:symbolon:acr:grant' })
  expect(await tab.violations()).toEqual([])
  await tab.picture('console-mint', 'screen')
})

test('a token by a touch', async () => {
  await tab.page.reload()
  await mint('read:logs', 'touch')
  expect(await claims()).toMatchObject({ sub: 'ann', acr: 'urn:symbolon:acr:touch' })
})

test('a refusal names rule, fact and remedy', async () => {
  await mint('read:logs no:such', 'grant')
  await tab.page.getByText('What would change it').first().waitFor()
  expect(await tab.violations()).toEqual([])
  await tab.picture('console-refused')
})

test('W-2 a passkey that does not verify its user signs nothing', async () => {
  await tab.authenticator.setUserVerified(false)
  await mint('read:logs', 'touch')
  await tab.page.getByText('passkey_declined').waitFor()
  await tab.authenticator.setUserVerified(true)
})

test('C2-2 nothing of the policy was broken on the way, and nothing else failed', () => expect(tab.errors.filter((text) => !refused.test(text) && !narrow.test(text))).toEqual([]))
/** A refusal is an answer with its own status, which the browser's console tells too. */
const refused = /Failed to load resource: the server responded with a status of 40\d/
/** RS256 keys are not taken, on purpose. */
const narrow = /^publicKey\.pubKeyCredParams is missing at least one/

test('signing out ends the grant at the signers', async () => {
  const { page } = tab
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByText('You are signed out: the signers ended the grant').waitFor()
  await page.goto(`${origin()}/mint`)
  await page.getByRole('heading', { name: 'Sign in to mint' }).waitFor()
})

test('W-4 a passkey is not used under another name', async () => {
  const { page } = tab
  await page.goto(`${origin()}/sign-in`)
  await page.getByRole('textbox', { name: 'Your id' }).fill('bob')
  await page.getByRole('button', { name: 'Touch your passkey' }).click()
  await page.getByText('passkey_of_another').waitFor()
})

test('the link is worth nothing any more', async () => {
  const late = await browser.open({ url: link() })
  await late.page.getByRole('alert').waitFor()
  expect(await late.page.getByRole('button', { name: 'Make a passkey' }).count()).toBe(0)
  await late.page.getByText('key_unknown').first().waitFor()
})
