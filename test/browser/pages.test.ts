import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startStack, type Stack } from '../stack.ts'
import { startBrowser, type Tab, type TestBrowser } from './browser.testkit.ts'

/* What holds for every page: how it is read without eyes or mouse, on a small screen, in the dark; what it weighs; what it may not do. */

let stack: Stack
let browser: TestBrowser
const origin = (): string => `http://localhost:${stack.port('console')}`

beforeAll(async () => {
  stack = await startStack()
  browser = await startBrowser()
})
afterAll(async () => {
  await browser?.close()
  await stack?.stop()
})

const headings = { '/': 'Status', '/sign-in': 'Sign in', '/mint': 'Sign in to mint', '/enrol': 'Come in', '/secrets': 'Sign in', '/people': 'Sign in', '/changes': 'Sign in' } as const
const screens = { wide: {}, dark: { dark: true }, phone: { width: 360, height: 740 } } as const

describe.each(Object.entries(screens))('%s', (screen, options) => {
  test.each(Object.entries(headings))('%s', async (path, heading) => {
    const tab = await browser.open({ url: `${origin()}${path}`, ...options })
    await tab.page.getByRole('heading', { name: heading, level: 1 }).waitFor()
    await tab.page.waitForLoadState('networkidle')
    expect(await tab.violations()).toEqual([])
    expect(tab.errors).toEqual([])
    expect(await overflow(tab)).toBeLessThanOrEqual(0)
    if (path === '/') await tab.picture(`console-status-${screen}`)
    await tab.page.context().close()
  })
})

/** Pixels by which the page is wider than the screen. */
const overflow = (tab: Tab): Promise<number> => tab.page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')

test('the first page weighs less than 300 kB on the wire', async () => {
  const tab = await browser.open({ url: `${origin()}/` })
  await tab.page.getByText('Tokens can be minted').waitFor()
  expect(tab.received()).toBeGreaterThan(50_000)
  expect(tab.received()).toBeLessThan(300_000)
  await tab.page.context().close()
})

describe('by keyboard', () => {
  test('the first stop skips to the content, and the address stays', async () => {
    const tab = await browser.open({ url: `${origin()}/sign-in` })
    await tab.page.getByRole('heading', { name: 'Sign in', level: 1 }).waitFor()
    await tab.page.keyboard.press('Tab')
    expect(await focused(tab)).toBe('Skip to content')
    await tab.page.keyboard.press('Enter')
    expect(await tab.page.evaluate('document.activeElement.id')).toBe('main')
    expect(tab.page.url()).toBe(`${origin()}/sign-in`)
    await tab.page.context().close()
  })

  test('a new page begins at its content, with a title of its own', async () => {
    const tab = await browser.open({ url: `${origin()}/` })
    await tab.page.getByRole('link', { name: 'Sign in' }).focus()
    await tab.page.keyboard.press('Enter')
    await tab.page.getByRole('heading', { name: 'Sign in', level: 1 }).waitFor()
    expect(await tab.page.evaluate('document.activeElement.id')).toBe('main')
    expect(await tab.page.title()).toBe('Sign in · Symbolon')
    await tab.page.context().close()
  })
})

const focused = (tab: Tab): Promise<string> => tab.page.evaluate('document.activeElement.textContent')

describe('C2-2 what a page may not do', () => {
  test.each([
    ['run script from text', "document.body.innerHTML = '<b>x</b>'", 'TrustedHTML'],
    ['evaluate', "new Function('return 1')()", 'unsafe-eval|TrustedScript|Trusted'],
    ['make a policy', "trustedTypes.createPolicy('p', {})", 'disallowed'],
  ])('%s', async (_case, expression, reason) => {
    const tab = await browser.open({ url: `${origin()}/` })
    // Later, by a timer: the debugger's own call would be let off the policy.
    const outcome: unknown = await tab.page.evaluate(`new Promise((resolve) => setTimeout(() => { try { ${expression}; resolve('done') } catch (error) { resolve(String(error)) } }, 0))`)
    expect(outcome).toMatch(new RegExp(reason))
    await tab.page.context().close()
  })

  test('talk to another host', async () => {
    const tab = await browser.open({ url: `${origin()}/` })
    expect(await tab.page.evaluate(`fetch('http://localhost:9/').then(() => 'done', String)`)).toMatch(/Failed to fetch/)
    expect(tab.errors.join(' ')).toMatch(/Content Security Policy/)
    await tab.page.context().close()
  })
})

test('a console that is told of another deployment shows nothing of it', async () => {
  const tab = await browser.open({ url: 'about:blank' })
  await tab.page.route('**/config.json', async (route) => {
    const answer = await route.fetch()
    await route.fulfill({ response: answer, json: { ...(await answer.json()), lineage: 'A'.repeat(43) } })
  })
  await tab.page.goto(`${origin()}/sign-in`)
  await tab.page.getByText('keyset_pin_differs').waitFor()
  expect(await tab.page.getByRole('button', { name: 'Touch your passkey' }).count()).toBe(0)
  await tab.page.context().close()
})
