import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBrowser, type Tab, type TestBrowser } from './browser.testkit.ts'
import { goTo, originOf } from './people.testkit.ts'
import { act, annWithSecrets, beginCreating, choose, fillValue, kept, openFolder, openSecret, startSecretStack, timeout, versionRow, type SecretStack } from './secrets.testkit.ts'

/* A person's secrets, from end to end: real processes, a real browser, a passkey in software. */

let stack: SecretStack
let browser: TestBrowser
let ann: Tab
let page: Page
const db = 'app/payments/prod/main/db'
const canary = 'canary-7b1f-password'

beforeAll(async () => {
  stack = await startSecretStack()
  browser = await startBrowser()
  ann = await annWithSecrets(browser, stack)
  page = ann.page
})
afterAll(async () => {
  await browser?.close()
  await stack?.stop()
})

const revealed = (label: string) => page.getByLabel(label, { exact: true }).and(page.locator('output'))
const failure = (code: string) => page.getByRole('alert').filter({ hasText: code }).first().waitFor({ timeout })
const said = (words: string) => page.getByRole('status').filter({ hasText: words }).first().waitFor({ timeout })

describe('finding one’s way', () => {
  test('the namespaces, and what a mode means', async () => {
    await page.getByText('The vault process can open what is written here').waitFor({ timeout })
    expect(await page.getByRole('list', { name: 'Namespaces' }).getByRole('heading').allInnerTexts()).toEqual(['app/', 'secret/'])
    expect(await page.getByText('Opened by readers alone:').count()).toBe(1)
    expect(await ann.violations()).toEqual([])
    await ann.picture('console-secrets')
  })

  test('a path outside the roster’s namespaces is refused beside its field', async () => {
    await beginCreating(page, 'other/db')
    expect(await page.getByRole('textbox', { name: 'Path' }).getAttribute('aria-invalid')).toBe('true')
    await page.getByRole('button', { name: 'Cancel' }).click()
  })

  test('a secret is created', async () => {
    await beginCreating(page, db)
    await fillValue(page, 1, 'password', canary)
    await page.getByRole('button', { name: 'Add a value' }).click()
    await fillValue(page, 2, 'port', '5432')
    await page.getByRole('group', { name: 'Value 2' }).getByRole('checkbox', { name: 'The value is JSON' }).check()
    expect(await ann.violations()).toEqual([])
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await versionRow(page, 1).waitFor({ timeout })
    expect(await versionRow(page, 1).innerText()).toMatch(/live[\s\S]*Names and values[\s\S]*ann/)
  })

  test('it stands in its folder, and its folder in the namespace', async () => {
    await openFolder(page, stack, 'app')
    await page.getByRole('link', { name: 'payments/' }).click()
    await page.getByRole('link', { name: 'prod/' }).click()
    await page.getByRole('link', { name: 'main/' }).click()
    await page.getByRole('link', { name: 'db', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'db' }).waitFor({ timeout })
    expect(await page.evaluate('document.activeElement.className')).toBe('page-part')
  })

  test('what is there is not written over', async () => {
    await openFolder(page, stack, 'app')
    await beginCreating(page, db)
    await failure('secret_exists')
  })
})

describe('revealing', () => {
  test('not without a touch', async () => {
    await openSecret(page, stack, db)
    expect(await page.getByText(canary).count()).toBe(0)
    await ann.authenticator.setUserVerified(false)
    await act(page, 'Reveal with a touch')
    await failure('passkey_declined')
    expect(await page.getByText(canary).count()).toBe(0)
    await ann.authenticator.setUserVerified(true)
  })

  test('with one: put together in this page', async () => {
    await act(page, 'Reveal with a touch')
    await revealed('password').waitFor({ timeout })
    expect([await revealed('password').innerText(), await revealed('port').innerText()]).toEqual([canary, '5432'])
    expect(await ann.violations()).toEqual([])
    await ann.picture('console-secret')
  })

  test('L-1 it stands in no address, title, storage or history', async () => {
    expect(await kept(page)).not.toContain('canary')
    // The search would have found it.
    await page.evaluate(`sessionStorage.setItem('test', ${JSON.stringify(canary)})`)
    expect(await kept(page)).toContain('canary')
    await page.evaluate(`sessionStorage.removeItem('test')`)
  })

  test('the copy button copies it', async () => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.getByRole('button', { name: 'Copy password' }).click()
    await page.getByRole('button', { name: 'Copy password' }).filter({ hasText: 'Copied' }).waitFor({ timeout })
  })

  test('the page is empty of it at once when it is left, for browsers that keep the page', async () => {
    expect(await revealed('password').count()).toBe(1)
    await page.evaluate(`window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))`)
    expect(await page.getByText(canary).count()).toBe(0)
  })

  test('it is gone when somebody leaves and comes back', async () => {
    await goTo(page, 'Status')
    await page.goBack()
    await versionRow(page, 1).waitFor({ timeout })
    expect(await page.getByText(canary).count()).toBe(0)
    await act(page, 'Reveal with a touch')
    await revealed('password').waitFor({ timeout })
    await page.getByRole('button', { name: 'Hide' }).click()
    expect(await page.getByText(canary).count()).toBe(0)
  })

  test('nothing that was sent or answered held it', async () => {
    const answered = page.waitForResponse((response) => response.url().endsWith('/v1/secrets/read') && response.request().method() === 'POST')
    await act(page, 'Reveal with a touch')
    await revealed('password').waitFor({ timeout })
    const response = await answered
    const seen = `${response.request().postData() ?? ''} ${await response.text()}`
    expect(seen).toContain('"sealed"')
    expect(seen).not.toContain('canary')
    await page.getByRole('button', { name: 'Hide' }).click()
  })
})

describe('versions', () => {
  test('an edit that somebody else’s write overtook is not written, and says what to do', async () => {
    await page.getByRole('button', { name: 'Edit with a touch' }).click()
    await page.getByRole('heading', { name: 'A new version' }).waitFor({ timeout })
    await fillValue(page, 1, 'password', 'mine')
    const other = await page.context().newPage()
    await other.goto(`${originOf(stack)}/secrets#${db}`)
    await other.getByRole('button', { name: 'Write a version from nothing' }).click({ timeout })
    await fillValue(other, 1, 'password', 'theirs')
    await other.getByRole('button', { name: 'Save' }).click()
    await other.getByRole('status').filter({ hasText: 'The version was written' }).waitFor({ timeout })
    await other.close()
    await page.getByRole('button', { name: 'Save' }).click()
    await failure('check_and_set_failed')
    expect(await page.getByRole('group', { name: 'What came meanwhile' }).innerText()).toMatch(/Version 2 is the newest now, by ann/)
    expect(await ann.violations()).toEqual([])
    expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe('What came meanwhile')
    await ann.picture('console-secret-conflict', 'screen')
  })

  test('looked at, then written on top of it', async () => {
    await page.getByRole('button', { name: 'Reveal version 2 with a touch' }).click()
    await revealed('password').filter({ hasText: 'theirs' }).waitFor({ timeout })
    await page.getByRole('button', { name: 'Let mine follow version 2' }).click()
    await page.getByRole('button', { name: 'Save' }).click()
    await said('The version was written')
    await versionRow(page, 3).waitFor({ timeout })
  })

  test('two are compared by one touch', async () => {
    await choose(page, 2, 3)
    await act(page, 'Compare two with a touch')
    await page.getByText('From version 2 to version 3').waitFor({ timeout })
    expect(await page.getByRole('list', { name: 'Differences' }).innerText()).toMatch(/theirs[\s\S]*mine/)
    expect(await ann.violations()).toEqual([])
    await ann.picture('console-secret-difference', 'screen')
    await page.getByRole('button', { name: 'Hide' }).click()
  })

  test('deleted, undeleted', async () => {
    await choose(page, 1)
    await act(page, 'Delete')
    await said('Deleted')
    expect(await page.evaluate('document.activeElement.getAttribute("role")')).toBe('status')
    await versionRow(page, 1).filter({ hasText: 'deleted' }).waitFor({ timeout })
    expect(await page.getByRole('button', { name: 'Reveal with a touch' }).isDisabled()).toBe(true)
    await act(page, 'Undelete')
    await said('Undeleted')
    await versionRow(page, 1).filter({ hasText: 'live' }).waitFor({ timeout })
  })

  test('destroyed once its path was typed, and not before', async () => {
    await act(page, 'Destroy for good')
    const sure = page.getByRole('textbox', { name: 'Type the path to confirm' })
    await sure.fill('app/payments')
    await page.getByRole('button', { name: 'Destroy', exact: true }).click()
    expect(await sure.getAttribute('aria-invalid')).toBe('true')
    expect(await ann.violations()).toEqual([])
    await sure.fill(db)
    await page.getByRole('button', { name: 'Destroy', exact: true }).click()
    await said('Destroyed')
    await versionRow(page, 1).filter({ hasText: 'destroyed' }).waitFor({ timeout })
  })

  test('tags and notes, and found by a tag', async () => {
    await page.getByRole('button', { name: 'Tags, notes and limits' }).click()
    await page.getByRole('textbox', { name: 'Tags' }).fill('production')
    await page.getByRole('textbox', { name: 'Notes' }).fill('owner=payments team')
    await page.getByRole('button', { name: 'Save' }).click()
    await said('Saved')
    await page.getByText('payments team').waitFor({ timeout })
    await openFolder(page, stack, 'app')
    await page.getByRole('textbox', { name: 'Search here and below' }).fill('production')
    await page.getByRole('button', { name: 'Search', exact: true }).click()
    await page.getByRole('link', { name: db }).waitFor({ timeout })
    expect(await ann.violations()).toEqual([])
    await ann.picture('console-secrets-search')
    await page.getByRole('textbox', { name: 'Search here and below' }).fill('no such')
    await page.getByRole('button', { name: 'Search', exact: true }).click()
    await said('Nothing that you may see matches.')
  })

  test('who did what and when', async () => {
    await openSecret(page, stack, db)
    await page.getByRole('button', { name: 'Show the history' }).click()
    const rows = page.getByRole('list', { name: 'History' }).getByRole('listitem')
    await rows.first().waitFor({ timeout })
    expect((await rows.allInnerTexts()).map((text) => /ann (.*?);/.exec(text)?.[1])).toEqual(['changed tags, notes or limits', 'destroyed versions', 'undeleted versions', 'deleted versions', 'wrote a version', 'wrote a version', 'wrote a version'])
  })
})

describe('kinds', () => {
  const save = async (path: string) => {
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await versionRow(page, 1).waitFor({ timeout })
    await act(page, 'Reveal with a touch')
    await page.getByText(/It is hidden again after/).waitFor({ timeout })
    expect(await page.getByText(path).count()).toBeGreaterThan(0)
  }
  const texts: readonly (readonly [kind: string, path: string, fields: Readonly<Record<string, string>>])[] = [
    ['Configuration', 'app/kinds/config', { Text: 'url: {{ app/mail#url }}\nname: x', Format: 'yaml' }],
    ['SSH key', 'app/kinds/ssh', { 'Private key': 'PRIVATE', 'Public key': 'ssh-ed25519 AAAA', 'Host name': 'bastion.example', Port: '2222' }],
    ['Key pair', 'app/kinds/pair', { 'Private key': 'PRIVATE', 'Public key': 'PUBLIC' }],
    ['Certificate', 'app/kinds/certificate', { Certificate: '-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----' }],
  ]
  test.each(texts)('%s', async (kind, path, fields) => {
    await openFolder(page, stack, 'app')
    await beginCreating(page, path, kind)
    for (const [label, text] of Object.entries(fields)) await page.getByRole('textbox', { name: label, exact: true }).fill(text)
    expect(await ann.violations()).toEqual([])
    await save(path)
    for (const [label, text] of Object.entries(fields)) expect(await revealed(label).innerText()).toBe(text)
  })

  test('File: what comes out is what went in', async () => {
    const bytes = Buffer.from([0, 255, 1, 254, 10, 13])
    await openFolder(page, stack, 'app')
    await beginCreating(page, 'app/kinds/file', 'File')
    const chooser = page.waitForEvent('filechooser')
    await page.getByRole('button', { name: 'File', exact: true }).click()
    await (await chooser).setFiles({ name: 'key.bin', mimeType: 'application/octet-stream', buffer: bytes })
    await page.getByText('6 bytes').waitFor({ timeout })
    await save('app/kinds/file')
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Save the file' }).click()
    const stream = await (await download).createReadStream()
    expect(Buffer.concat(await stream.toArray())).toEqual(bytes)
    expect((await download).suggestedFilename()).toBe('key.bin')
  })
})

describe('where policy asks for a touch', () => {
  test('writing leads to one', async () => {
    await openFolder(page, stack, 'app')
    await beginCreating(page, 'app/touched/key')
    await fillValue(page, 1, 'a', 'b')
    await ann.authenticator.setUserVerified(false)
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await failure('passkey_declined')
    await ann.authenticator.setUserVerified(true)
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await versionRow(page, 1).waitFor({ timeout })
  })

  test('what policy denies says why, before anything is typed', async () => {
    await openFolder(page, stack, 'app')
    await beginCreating(page, 'app/elsewhere')
    await page.getByText('What would change it').first().waitFor({ timeout })
  })
})

test('fewer signers than needed: nothing is shown, and it says so', async () => {
  await openSecret(page, stack, db)
  await stack.kill('signer-2', 'SIGSTOP')
  await stack.kill('signer-3', 'SIGSTOP')
  try {
    await act(page, 'Reveal with a touch')
    await failure('quorum_unavailable')
  } finally {
    await stack.kill('signer-2', 'SIGCONT')
    await stack.kill('signer-3', 'SIGCONT')
  }
  await expect.poll(async () => (await fetch(`${stack.issuer}/readyz`)).status, { timeout }).toBe(200)
})

test('all of it is removed once its path was typed', async () => {
  await openSecret(page, stack, 'app/kinds/pair')
  await page.getByRole('button', { name: 'Remove all of it' }).click()
  await page.getByRole('textbox', { name: 'Type the path to confirm' }).fill('app/kinds/pair')
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await said('Removed')
  await page.getByText('It was removed by ann').waitFor({ timeout })
  await openFolder(page, stack, 'app/kinds')
  await page.getByRole('link', { name: 'ssh', exact: true }).waitFor({ timeout })
  expect(await page.getByRole('link', { name: 'pair', exact: true }).count()).toBe(0)
})

test.each([['phone', { width: 360, height: 740 }], ['dark', {}]] as const)('%s', async (screen, size) => {
  if ('width' in size) await page.setViewportSize(size)
  else await page.emulateMedia({ colorScheme: 'dark' })
  for (const path of ['', 'app/', 'app/kinds/', db]) {
    await page.goto(`${originOf(stack)}/secrets#${path}`)
    await page.getByRole('heading', { level: 1, name: path === '' ? 'Secrets' : path === db ? 'db' : path }).waitFor({ timeout })
    await page.getByRole('status', { name: 'Loading' }).waitFor({ state: 'detached', timeout })
    expect(await ann.violations(), path).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'), path).toBeLessThanOrEqual(0)
  }
  await ann.picture(`console-secret-${screen}`)
  await page.setViewportSize({ width: 1100, height: 800 })
  await page.emulateMedia({ colorScheme: 'light' })
})

test('what is shown is taken away after a minute', async () => {
  await page.clock.install()
  await openSecret(page, stack, db)
  await act(page, 'Reveal with a touch')
  await revealed('password').waitFor({ timeout })
  await page.clock.fastForward(59_000)
  expect(await revealed('password').count()).toBe(1)
  await page.clock.fastForward(2_000)
  await revealed('password').waitFor({ state: 'detached', timeout })
})

test('C2-2 nothing of the policy was broken on the way, and nothing else failed', () => expect(ann.errors.filter((text) => !refused.test(text) && !narrow.test(text))).toEqual([]))
/** A refusal is an answer with its own status, which the browser's console tells too. */
const refused = /Failed to load resource: the server responded with a status of (40\d|503)/
/** RS256 keys are not taken, on purpose. */
const narrow = /^publicKey\.pubKeyCredParams is missing at least one/
