import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium, type Browser, type CDPSession, type Page } from 'playwright-core'
import { root } from '../stack.ts'

/* A real browser (Debian's Chromium) with authenticators that exist in software only. Each belongs to one page: keep the page open. */

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

export interface Violation {
  readonly id: string
  readonly nodes: readonly string[]
}

export interface Tab {
  readonly page: Page
  /** Errors of the page's console and uncaught exceptions so far, policy violations among them. Empty at the end of a good test. */
  readonly errors: readonly string[]
  readonly authenticator: Authenticator
  /** Another one, that is carried from machine to machine. */
  addAuthenticator(): Promise<Authenticator>
  /** Bytes of every answer, headers included, so far, as they came over the wire. */
  received(): number
  /** What axe finds, WCAG 2.2 A and AA and best practices. */
  violations(): Promise<readonly Violation[]>
  /** Writes `docs/images/<name>.png` when SYMBOLON_SCREENSHOTS is set; otherwise nothing. `screen`: what is seen at once, not the whole page. */
  picture(name: string, what?: 'page' | 'screen'): Promise<void>
}

export interface Authenticator {
  /** Whether the person behind it shows a PIN or finger. */
  setUserVerified(verified: boolean): Promise<void>
  /** Whether it is touched when asked. */
  setTouched(touched: boolean): Promise<void>
  /** Base64 ids of the credentials that it holds. */
  credentials(): Promise<readonly string[]>
}

export interface TabOptions {
  readonly url: string
  readonly width?: number
  readonly height?: number
  readonly dark?: boolean
  readonly reducedMotion?: boolean
}

export interface TestBrowser {
  /** A page in a context of its own: no storage is shared. */
  open(options: TabOptions): Promise<Tab>
  close(): Promise<void>
}

export async function startBrowser(): Promise<TestBrowser> {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags })
  return { open: (options) => openTab(browser, options), close: () => browser.close() }
}

async function openTab(browser: Browser, { url, width = 1100, height = 800, dark = false, reducedMotion = false }: TabOptions): Promise<Tab> {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? 'dark' : 'light', reducedMotion: reducedMotion ? 'reduce' : 'no-preference', locale: 'en-GB', timezoneId: 'UTC' })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const errors: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text())
  })
  page.on('pageerror', (error) => errors.push(String(error)))
  const session = await context.newCDPSession(page)
  const received = await countBytes(session)
  await session.send('WebAuthn.enable', { enableUI: false })
  const authenticator = await addAuthenticator(session, 'internal')
  await page.goto(url)
  return { page, errors, authenticator, addAuthenticator: () => addAuthenticator(session, 'usb'), received, violations: () => violationsOf(page), picture: (name, what = 'page') => picture(page, name, what) }
}

async function countBytes(session: CDPSession): Promise<() => number> {
  let total = 0
  session.on('Network.loadingFinished', ({ encodedDataLength }) => (total += encodedDataLength))
  await session.send('Network.enable')
  return () => total
}

async function addAuthenticator(session: CDPSession, transport: 'internal' | 'usb'): Promise<Authenticator> {
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', ctap2Version: 'ctap2_1', transport, hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } })
  return {
    setUserVerified: (isUserVerified) => session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }).then(() => undefined),
    setTouched: (enabled) => session.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled }).then(() => undefined),
    credentials: async () => (await session.send('WebAuthn.getCredentials', { authenticatorId })).credentials.map(({ credentialId }) => credentialId),
  }
}

const axe = readFileSync(join(root, 'node_modules/axe-core/axe.min.js'), 'utf8')
const rules = { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }

/** Through the debugger, so that the page's policy stays as it is. */
async function violationsOf(page: Page): Promise<readonly Violation[]> {
  await page.evaluate(axe)
  const found: unknown = await page.evaluate(`axe.run(document, ${JSON.stringify(rules)}).then(({ violations }) => violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html, failureSummary }) => html.slice(0, 200) + ' — ' + failureSummary) })))`)
  return found as readonly Violation[]
}

async function picture(page: Page, name: string, what: 'page' | 'screen'): Promise<void> {
  if (process.env['SYMBOLON_SCREENSHOTS'] === undefined) return
  const folder = join(root, 'docs/images')
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: what === 'page', animations: 'disabled' })
}
