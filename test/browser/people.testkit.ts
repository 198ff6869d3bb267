import type { Stack } from '../stack.ts'
import type { Tab, TestBrowser } from './browser.testkit.ts'

/* What people do in the console, as they would: by labels and buttons, each in a browser profile with an authenticator of their own. */

export interface ConsoleStack extends Stack {
  readonly first: { readonly stderr: string }
}

/** Signers hear of a version, and vouch for it, within seconds. */
const timeout = 30_000

export const originOf = (stack: Stack): string => `http://localhost:${stack.port('console')}`

/** The link that `make up` prints. */
export const bootstrapLink = ({ first }: ConsoleStack): string => /^ {2}(http:\/\/localhost:\d+\/enrol#\S+)$/m.exec(first.stderr)?.[1] ?? ''

export async function comeInFirst(browser: TestBrowser, stack: ConsoleStack, { id, name }: { readonly id: string; readonly name: string }): Promise<Tab> {
  const tab = await browser.open({ url: bootstrapLink(stack) })
  const { page } = tab
  await page.getByLabel('Your name').fill(name)
  await page.getByLabel('Your id').fill(id)
  await page.getByRole('button', { name: 'Make a passkey' }).click()
  await page.getByRole('button', { name: 'Submit to the signers' }).click()
  await page.getByText('You are in').waitFor({ timeout })
  return tab
}

/** By an invitation's link, in a profile of their own. */
export async function comeIn(browser: TestBrowser, link: string, options: { readonly width?: number; readonly height?: number; readonly dark?: boolean } = {}): Promise<Tab> {
  const tab = await browser.open({ url: link, ...options })
  await tab.page.getByRole('button', { name: 'Make a passkey' }).click()
  await tab.page.getByText('You are in').waitFor({ timeout })
  return tab
}

/** From the page that follows on coming in. */
export async function signIn({ page }: Tab, id: string): Promise<void> {
  await page.getByRole('button', { name: 'Sign in', exact: true }).first().click()
  await page.getByLabel('Your id').fill(id)
  await page.getByRole('button', { name: 'Touch your passkey' }).click()
  const refused = page.getByRole('alert')
  await page.getByRole('heading', { name: 'Mint a token' }).or(refused).first().waitFor({ timeout })
  if ((await refused.count()) > 0) throw new Error(await refused.innerText())
}

export async function mint({ page }: Tab, scope: string): Promise<void> {
  await goTo(page, 'Mint')
  await page.getByRole('textbox', { name: 'Scopes' }).fill(scope)
  await page.getByRole('button', { name: 'Mint', exact: true }).click()
}

export const goTo = async (page: Tab['page'], title: 'Mint' | 'Secrets' | 'People' | 'Changes' | 'Status'): Promise<void> => {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: title }).click()
  await page.getByRole('heading', { level: 1, name: title === 'Mint' ? 'Mint a token' : title }).waitFor({ timeout })
}

export async function openPeople({ page }: Tab): Promise<void> {
  await goTo(page, 'People')
  await page.getByRole('list', { name: 'People' }).waitFor({ timeout })
}

export async function openChanges({ page }: Tab): Promise<void> {
  await goTo(page, 'Changes')
  await page.getByRole('heading', { name: 'Waiting' }).waitFor({ timeout })
}

/** Fills the form of an invitation, up to what is about to be signed. */
export async function draftInvitation(tab: Tab, { id, name, roles }: { readonly id: string; readonly name: string; readonly roles: string }): Promise<void> {
  const { page } = tab
  await openPeople(tab)
  await page.getByRole('button', { name: 'Invite a person' }).click()
  await page.getByLabel('Their name').fill(name)
  await page.getByLabel('Their id').fill(id)
  await page.getByLabel('Their roles').fill(roles)
  await page.getByRole('button', { name: 'Show what changes' }).click()
  await page.getByRole('button', { name: 'Touch to propose' }).waitFor({ timeout })
}

/** @returns how it ended: what stands in the heading of its outcome */
export async function touchToPropose({ page }: Tab): Promise<string> {
  await page.getByRole('button', { name: 'Touch to propose' }).click()
  return (await page.getByRole('status').filter({ hasText: /Version \d+/ }).first().innerText({ timeout })).split('\n')[0] ?? ''
}

export const invitationLink = ({ page }: Tab): Promise<string> => page.getByLabel('The invitation link').innerText({ timeout })

export const done = ({ page }: Tab): Promise<void> => page.getByRole('button', { name: 'Done' }).click()
