import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { z } from 'zod'
import { bytesOf, toBase64url } from '@symbolon/protocol/bytes.ts'
import { changeSecretResponse, historyResponse, listResponse, readResponse, recordsResponse, type ReadResponse } from '@symbolon/protocol/vault-http.ts'
import { startBrowser, type Tab, type TestBrowser } from './browser.testkit.ts'
import { act, annWithSecrets, beginCreating, choose, fillValue, openFolder, openSecret, startSecretStack, timeout, versionRow, type SecretStack } from './secrets.testkit.ts'

/* A vault that lies to the console: nothing of what it says is shown as if it were so, and each lie is named by its code. */

let stack: SecretStack
let browser: TestBrowser
let ann: Tab
let page: Page
const [db, other] = ['app/payments/db', 'app/payments/other'] as const
const [first, second, stranger] = ['first-value', 'second-value', 'value-of-another'] as const
/** What the vault told of them, by path: for telling it again. */
const told = new Map<string, z.output<typeof recordsResponse>['records'][number]>()
const read = new Map<string, ReadResponse>()

async function create(path: string, value: string): Promise<void> {
  await openFolder(page, stack, 'app')
  await beginCreating(page, path)
  await fillValue(page, 1, 'a', value)
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await versionRow(page, 1).waitFor({ timeout })
}

/** Opens the page of a secret and remembers what the vault said of it. */
async function record(path: string, name = path): Promise<void> {
  const answered = page.waitForResponse((response) => response.url().endsWith('/v1/secrets/records') && response.request().method() === 'POST')
  await openSecret(page, stack, path)
  told.set(name, recordsResponse.parse(await (await answered).json()).records[0] ?? null)
}

async function reveal(name: string): Promise<void> {
  const answered = page.waitForResponse((response) => response.url().endsWith('/v1/secrets/read') && response.request().method() === 'POST')
  await act(page, 'Reveal with a touch')
  await page.getByText(/It is hidden again after/).waitFor({ timeout })
  read.set(name, readResponse.parse(await (await answered).json()))
}

beforeAll(async () => {
  stack = await startSecretStack()
  browser = await startBrowser()
  ann = await annWithSecrets(browser, stack)
  page = ann.page
  await create(other, stranger)
  await record(other)
  await reveal(other)
  await create(db, first)
  await record(db, 'older')
  await reveal('older')
  await page.getByRole('button', { name: 'Write a version from nothing' }).click()
  await fillValue(page, 1, 'a', second)
  await page.getByRole('button', { name: 'Save' }).click()
  await versionRow(page, 2).waitFor({ timeout })
  await record(db)
})
afterAll(async () => {
  await browser?.close()
  await stack?.stop()
})

/** What happens while the vault answers this route otherwise. */
async function lying<S extends z.ZodType>(route: string, schema: S, lie: (truth: z.output<S>) => unknown, look: () => Promise<void>): Promise<void> {
  const at = `${stack.vault}/v1/secrets/${route}`
  await page.route(at, async (each) => {
    if (each.request().method() !== 'POST') return each.continue()
    const answer = await each.fetch()
    const truth = answer.ok() ? schema.parse(await answer.json()) : undefined
    return truth === undefined ? each.fulfill({ response: answer }) : each.fulfill({ response: answer, json: lie(truth) })
  })
  try {
    await look()
  } finally {
    await page.unroute(at)
  }
}

const failure = (code: string) => page.getByRole('alert').filter({ hasText: code }).first().waitFor({ timeout })
const values = async (): Promise<number> => (await page.getByText(new RegExp(`${first}|${second}|${stranger}`)).count()) + (await page.locator('output').count())
const known = (name: string) => {
  const found = told.get(name)
  if (found === undefined || found === null) throw new Error(`nothing was told of ${name}`)
  return found
}
const given = (name: string): ReadResponse => {
  const found = read.get(name)
  if (found === undefined) throw new Error(`nothing was read of ${name}`)
  return found
}
/** One bit of base64url bytes. */
const altered = (text: string): string => {
  const bytes = Uint8Array.from(bytesOf(text as Parameters<typeof bytesOf>[0]))
  bytes[0] = (bytes[0] ?? 0) ^ 1
  return toBase64url(bytes)
}

describe('about what is there', () => {
  const looksAt = (lie: () => unknown, code: string) => () =>
    lying('records', recordsResponse, (truth) => ({ ...truth, records: [lie()] }), async () => {
      await openSecret(page, stack, db)
      await failure(code)
      expect(await page.getByRole('checkbox').count()).toBe(0)
      expect(await page.getByRole('button', { name: /touch|version|Remove/ }).count()).toBe(0)
    })
  test('the truth first', () =>
    lying('records', recordsResponse, (truth) => truth, async () => {
      await openSecret(page, stack, db)
      await versionRow(page, 2).waitFor({ timeout })
    }))
  test('the record of another secret', looksAt(() => known(other), 'record_foreign'))
  test('an older record', looksAt(() => known('older'), 'record_rolled_back'))
  test('none', looksAt(() => null, 'record_withheld'))
  test('a record with another signature', looksAt(() => ({ ...known(db), signature: altered(known(db).signature) }), 'record_unsigned'))
  test('a record with other content', looksAt(() => ({ ...known(db), record: toBase64url(new TextEncoder().encode(Buffer.from(known(db).record, 'base64url').toString().replace('"by":"ann"', '"by":"bob"'))) }), 'record_unsigned'))

  test('rows: another’s record, an older one, one that lies elsewhere are not shown, and it says so', () =>
    lying('list', listResponse, (truth) => ({ ...truth, entries: [{ path: db, record: known('older') }, { path: other, record: known(db) }, { folder: 'secret/elsewhere/' }] }), async () => {
      await openFolder(page, stack, 'app/payments')
      await page.getByText('3 rows are not shown').waitFor({ timeout })
      for (const code of ['record_rolled_back', 'record_foreign', 'rows_differ']) await failure(code)
      expect(await page.getByRole('list', { name: 'Secrets' }).getByRole('listitem').count()).toBe(0)
      expect(await ann.violations()).toEqual([])
    }))

  test('a history with a record left out', () =>
    lying('history', historyResponse, (truth) => ({ ...truth, records: [...truth.records.slice(0, 1), ...truth.records.slice(2), known(other)] }), async () => {
      await openSecret(page, stack, db)
      await page.getByRole('button', { name: 'Show the history' }).click()
      await failure('record_foreign')
      expect(await page.getByRole('list', { name: 'History' }).count()).toBe(0)
    }))
})

describe('about what is in it', () => {
  const reads = (lie: (truth: ReadResponse) => unknown, code: string, versions: readonly number[] = [2]) => () =>
    lying('read', readResponse, lie, async () => {
      await openSecret(page, stack, db)
      await choose(page, ...versions)
      await act(page, versions.length === 1 ? 'Reveal with a touch' : 'Compare two with a touch')
      await failure(code)
      expect(await values()).toBe(0)
    })
  const one = (truth: ReadResponse, change: Partial<ReadResponse['secrets'][number]>) => ({ ...truth, secrets: truth.secrets.map((secret) => ({ ...secret, ...change })) })

  test('the truth first', () =>
    lying('read', readResponse, (truth) => truth, async () => {
      await openSecret(page, stack, db)
      await act(page, 'Reveal with a touch')
      await page.getByText(second).waitFor({ timeout })
      await page.getByRole('button', { name: 'Hide' }).click()
    }))
  test('all of another secret', reads((truth) => ({ ...truth, secrets: given(other).secrets }), 'record_foreign'))
  test('another secret’s ciphertext under this record', reads((truth) => one(truth, { head: given(other).secrets[0]?.head, body: given(other).secrets[0]?.body }), 'ciphertext_differs'))
  test('an older version’s ciphertext', reads((truth) => one(truth, { head: given('older').secrets[0]?.head, body: given('older').secrets[0]?.body }), 'ciphertext_differs'))
  test('an older record, in which this version is not', reads((truth) => one(truth, { record: known('older') }), 'version_unreadable'))
  test('an older record, in which it is', reads((truth) => one(truth, { record: known('older') }), 'record_rolled_back', [1]))
  test('another label in the head', reads((truth) => ({ ...truth, secrets: truth.secrets.map((secret) => ({ ...secret, head: { ...secret.head, label: { ...secret.head.label, project: 'other' } } })) }), 'ciphertext_differs'))
  test('another body', reads((truth) => ({ ...truth, secrets: truth.secrets.map((secret) => ({ ...secret, body: altered(secret.body) })) }), 'body_differs'))
  test('what signers sealed to an older reading’s key', reads((truth) => ({ ...truth, opened: given('older').opened }), 'partials_missing'))
  test('one signer’s part, twice', reads((truth) => ({ ...truth, opened: truth.opened.map(() => truth.opened[0]) }), 'partials_missing'))
  test('another epoch', reads((truth) => ({ ...truth, epoch: truth.epoch + 1 }), 'answer_differs'))
  test('two versions for one another', reads((truth) => ({ ...truth, secrets: truth.secrets.toReversed() }), 'ciphertext_differs', [1, 2]))
  test('fewer than were asked for', reads((truth) => ({ ...truth, secrets: truth.secrets.slice(1) }), 'answer_differs', [1, 2]))
})

describe('about what was written', () => {
  const writes = (lie: (truth: z.output<typeof changeSecretResponse>) => unknown, look: () => Promise<void>) => () =>
    lying('change', changeSecretResponse, lie, async () => {
      await openSecret(page, stack, db)
      await page.getByRole('button', { name: 'Write a version from nothing' }).click()
      await fillValue(page, 1, 'a', second)
      await page.getByRole('button', { name: 'Save' }).click()
      await look()
    })
  test('the record from before', writes((truth) => ({ ...truth, record: known(db) }), () => failure('record_differs')))
  test('that enough signers have written it down: it is pending by the receipts', writes((truth) => ({ ...truth, pending: false, receipts: truth.receipts.slice(0, 1) }), async () => {
    await page.getByRole('status').filter({ hasText: 'it is still pending' }).waitFor({ timeout })
    expect(await ann.violations()).toEqual([])
    await page.getByRole('button', { name: 'Ask the signers again' }).click()
    await page.getByRole('status').filter({ hasText: 'The version was written' }).filter({ hasNotText: 'pending' }).waitFor({ timeout })
  }))
})
