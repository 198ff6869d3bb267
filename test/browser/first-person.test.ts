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
const timeout = 20_000

test('`make up` prints the link', () => expect(link()).toMatch(/^http:\/\/localhost:\d+\/enrol#[A-Za-z0-9_-]+$/))

test('the seed leaves the address bar at once', async () => {
  await tab.page.getByRole('heading', { name: 'Come in' }).waitFor({ timeout })
  expect(tab.page.url()).toBe(`${origin()}/enrol`)
})

test('a bad id is said beside its field, and nothing is made', async () => {
  const { page } = tab
  await page.getByLabel('Your name').fill('Ann Example')
  await page.getByLabel('Your id').fill('Ann!')
  await page.getByRole('button', { name: 'Make a passkey' }).click()
  expect(await page.getByLabel('Your id').getAttribute('aria-invalid')).toBe('true')
  expect(await tab.authenticator.credentials()).toHaveLength(0)
})

test('a passkey is made, and what will be signed is shown', async () => {
  const { page } = tab
  await page.getByLabel('Your id').fill('ann')
  expect(await tab.violations()).toEqual([])
  await tab.picture('console-come-in')
  await page.getByRole('button', { name: 'Make a passkey' }).click()
  await page.getByRole('heading', { name: 'Version 2 of the roster' }).waitFor({ timeout })
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
  await page.getByLabel('Your id').fill('ann')
  await tab.picture('console-sign-in')
  await page.getByRole('button', { name: 'Touch your passkey' }).click()
  await page.getByRole('heading', { name: 'Mint a token' }).waitFor({ timeout })
})

test('a token by the grant, checked in the page', async () => {
  const { page } = tab
  await page.getByLabel('Scopes').fill('read:logs')
  await page.getByRole('button', { name: 'Mint' }).click()
  await page.getByRole('heading', { name: 'Your token' }).waitFor({ timeout })
  const token = await page.getByLabel('The token').innerText()
  const [, claims = ''] = token.split('.')
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({ sub: 'ann', client_id: 'symbolon-console', scope: 'read:logs', acr: 'urn:symbolon:acr:grant' })
  expect(await tab.violations()).toEqual([])
  await tab.picture('console-mint')
})

test('nothing went wrong on the way', () => expect(tab.errors).toEqual([]))
