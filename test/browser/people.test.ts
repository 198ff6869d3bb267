import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { fromBase64url } from '@symbolon/protocol/bytes.ts'
import { tokenRequest } from '@symbolon/protocol/http.ts'
import { openAttacker } from '../hostile/attacker.ts'
import { startStack } from '../stack.ts'
import { startBrowser, type Tab, type TestBrowser } from './browser.testkit.ts'
import { comeIn, comeInFirst, done, draftInvitation, invitationLink, mint, openChanges, openPeople, signIn, touchToPropose, type ConsoleStack } from './people.testkit.ts'

/* People come and go by touches alone: from the link of `make up` to somebody's removal, in three browser profiles on one deployment. */

let stack: ConsoleStack
let browser: TestBrowser
let ann: Tab
let ben: Tab
let carl: Tab
const timeout = 30_000

beforeAll(async () => {
  stack = await startStack()
  browser = await startBrowser()
})
afterAll(async () => {
  await browser?.close()
  await stack?.stop()
})

const version = (tab: Tab): Promise<string> => tab.page.getByText(/^Version \d+ is in force/).innerText({ timeout })

describe('from the printed link to a second person', () => {
  test('the first person comes in, and is the guardian', async () => {
    ann = await comeInFirst(browser, stack, { id: 'ann', name: 'Ann Example' })
    await signIn(ann, 'ann')
    await openPeople(ann)
    expect(await version(ann)).toMatch(/^Version 2 .* You are a guardian/)
    expect(await ann.page.getByText('ann decides alone, by a touch.').count()).toBe(1)
    expect(await ann.violations()).toEqual([])
  })

  test('she sees what an invitation changes, and the digest that she signs, before she touches', async () => {
    await draftInvitation(ann, { id: 'ben', name: 'Ben Example', roles: 'engineer' })
    const { page } = ann
    await page.getByText('ben becomes a person of this deployment.').waitFor()
    expect(await page.getByText(/^Whoever holds the invitation code becomes ben/).count()).toBe(1)
    expect(await page.getByText('Digest of what is signed').count()).toBe(1)
    expect(await ann.violations()).toEqual([])
    await ann.picture('console-invite', 'screen')
  })

  let link: string
  test('the signers accept it, and the link is shown once', async () => {
    expect(await touchToPropose(ann)).toBe('Version 3 is accepted by the signers')
    link = await invitationLink(ann)
    expect(link).toMatch(/^http:\/\/localhost:\d+\/enrol#[A-Za-z0-9_-]+$/)
    await done(ann)
    expect(await ann.page.getByLabel('The invitation link').count()).toBe(0)
    await openPeople(ann)
    await ann.page.getByText('open until').waitFor({ timeout })
  })

  test('he comes in by it, in another profile, signs in once and mints three times', async () => {
    ben = await comeIn(browser, link)
    await signIn(ben, 'ben')
    for (const round of [1, 2, 3]) {
      await mint(ben, 'read:logs')
      const token = await ben.page.getByLabel('The token').innerText({ timeout })
      const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
      expect(claims, `mint ${round}`).toMatchObject({ sub: 'ben', client_id: 'symbolon-console', acr: 'urn:symbolon:acr:grant' })
      await ben.page.reload()
    }
  })

  test('I-4 the link is good once', async () => {
    const eve = await browser.open({ url: link })
    await eve.page.getByRole('button', { name: 'Make a passkey' }).click()
    await eve.page.getByText('invitation_spent').first().waitFor({ timeout })
    await eve.page.context().close()
  })

  test('a change that the command line wrote is a draft here, and takes her touch', async () => {
    const proposed = await stack.cli(['roster', 'propose', 'role', 'ann', '--add', 'oncall', '--no-browser', '-o', 'json'])
    expect(proposed.code, proposed.stderr).toBe(0)
    const { url } = z.object({ url: z.string() }).parse(JSON.parse(proposed.stdout))
    await ann.page.goto(url)
    await ann.page.getByRole('heading', { name: 'A draft to propose' }).waitFor({ timeout })
    expect(ann.page.url()).toMatch(/\/changes$/)
    await ann.page.getByText('ann gets role oncall.').waitFor()
    expect(await ann.violations()).toEqual([])
    expect(await touchToPropose(ann)).toBe('Version 4 is accepted by the signers')
    await done(ann)
  })

  test('nobody else may start anything for others', async () => {
    await openPeople(ben)
    expect(await ben.page.getByRole('button', { name: 'Invite a person' }).count()).toBe(0)
    expect(await ben.page.getByRole('button', { name: 'Remove: ann' }).count()).toBe(0)
    expect(await ben.page.getByRole('button', { name: 'Lock: ben' }).count()).toBe(1)
  })
})

describe('a second guardian', () => {
  test('comes in on a phone, in the dark', async () => {
    await draftInvitation(ann, { id: 'carl', name: 'Carl Example', roles: 'engineer' })
    expect(await touchToPropose(ann)).toBe('Version 5 is accepted by the signers')
    carl = await comeIn(browser, await invitationLink(ann), { width: 375, height: 800, dark: true })
    await signIn(carl, 'carl')
    await done(ann)
  })

  test('is made one by the first', async () => {
    const { page } = ann
    await openPeople(ann)
    await page.getByRole('button', { name: 'Change the guardians' }).click()
    await page.getByLabel('Carl Example (carl)').check()
    await page.getByRole('button', { name: 'Show what changes' }).click()
    await page.getByText('carl becomes a guardian: may approve changes like this one.').waitFor()
    expect(await touchToPropose(ann)).toBe('Version 6 is accepted by the signers')
    await done(ann)
    await openPeople(ann)
    await page.getByText(/1 of ann, carl must approve/).waitFor({ timeout })
    expect(await ann.violations()).toEqual([])
    await ann.picture('console-people')
  })

  test('what is pending is shown as pending', async () => {
    const { page } = ann
    await page.getByRole('button', { name: 'Change name or roles: ben' }).click()
    await page.getByRole('textbox', { name: 'Roles' }).fill('engineer sre')
    await page.getByRole('button', { name: 'Show what changes' }).click()
    await page.getByText('ben gets role sre.').waitFor()
    expect(await touchToPropose(ann)).toBe('Version 7 is pending: nothing has changed yet')
    await done(ann)
    await openChanges(ann)
    await page.getByText('pending, not in force').waitFor({ timeout })
    expect(await page.getByRole('button', { name: /^Touch to approve/ }).count(), 'A-2 who proposes does not decide').toBe(0)
    expect(await ann.violations()).toEqual([])
  })

  test('sees the difference that the page computed, and approves by a touch', async () => {
    const { page } = carl
    await openChanges(carl)
    await page.getByText('ben gets role sre.').waitFor({ timeout })
    expect(await page.getByText('0 of 1').count()).toBe(1)
    expect(await carl.violations()).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')).toBeLessThanOrEqual(0)
    await carl.picture('console-approve')
    await page.getByRole('button', { name: /^Touch to approve version 7/ }).click()
    await page.getByText('Version 7 is accepted by the signers').waitFor({ timeout })
    await openPeople(carl)
    expect(await version(carl)).toMatch(/^Version 7 /)
    expect(await carl.violations()).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')).toBeLessThanOrEqual(0)
  })

  test('A-9 says no to another, which ends it', async () => {
    await openPeople(ann)
    await ann.page.getByRole('button', { name: 'Change name or roles: ben' }).click()
    await ann.page.getByRole('textbox', { name: 'Roles' }).fill('engineer')
    await ann.page.getByRole('button', { name: 'Show what changes' }).click()
    expect(await touchToPropose(ann)).toBe('Version 8 is pending: nothing has changed yet')
    await done(ann)
    await openChanges(carl)
    await carl.page.getByRole('button', { name: /^Touch to deny version 8/ }).click()
    await carl.page.getByText('Version 8 was refused').waitFor({ timeout })
    await carl.page.getByText('approval_denied').first().waitFor({ timeout })
    await openPeople(carl)
    expect(await version(carl)).toMatch(/^Version 7 /)
  })
})

describe('a second passkey', () => {
  test('W-6 takes a touch of the first and another guardian’s word', async () => {
    const { page, authenticator } = carl
    const carried = await carl.addAuthenticator()
    await openPeople(carl)
    await authenticator.setTouched(false)
    await page.getByRole('button', { name: 'Add a passkey: carl' }).click()
    await page.getByRole('button', { name: 'Make the new passkey' }).click()
    await page.getByText(/^carl gets passkey Second passkey/).waitFor({ timeout })
    expect(await carried.credentials()).toHaveLength(1)
    await carried.setTouched(false)
    await authenticator.setTouched(true)
    expect(await touchToPropose(carl)).toBe('Version 8 is pending: nothing has changed yet')
    await done(carl)
    await openChanges(ann)
    await ann.page.getByRole('button', { name: /^Touch to approve version 8 by carl/ }).click()
    await ann.page.getByText('Version 8 is accepted by the signers').waitFor({ timeout })
    await openPeople(ann)
    await ann.page.getByText('Second passkey').waitFor({ timeout })
  })
})

/** What each signer says to this request of a token, asked with the coordinator’s certificate for bytes that nobody should sign. */
async function wordsOn(body: string): Promise<readonly string[]> {
  const { intent, evidence } = tokenRequest.parse(JSON.parse(body))
  const attacker = await openAttacker(stack.home.path)
  try {
    await attacker.learn()
    const ids = attacker.roster.signers.map(({ id }) => id)
    const promised = await Promise.all(ids.map(async (id) => ({ id, ...z.object({ hiding: z.string(), binding: z.string() }).parse((await attacker.commitments(id, 1))[0]) })))
    return await Promise.all(ids.map(async (id) => {
      const other = promised.find((each) => each.id !== id)
      const list = promised.filter((each) => each.id === id || each === other)
      const [answer] = await attacker.ask(id, [{ ...attacker.item({ intent: fromBase64url(intent) ?? new Uint8Array(), evidence, bytes: 'not.these' }, []), commitments: list }])
      return answer?.result === 'refused' ? (answer.refusal.reasons[0]?.code ?? '') : answer?.result === 'not_now' ? answer.code : 'signed'
    }))
  } finally {
    await attacker.close()
  }
}

describe('somebody goes', () => {
  let asked: string
  test('removed by one guardian, approved by the other', async () => {
    const { page } = ann
    await openPeople(ann)
    await page.getByRole('button', { name: 'Remove: ben' }).click()
    await page.getByText('ben is removed, with every passkey.').waitFor()
    expect(await ann.violations()).toEqual([])
    expect(await touchToPropose(ann)).toBe('Version 9 is pending: nothing has changed yet')
    await done(ann)
    await openChanges(carl)
    await carl.page.getByRole('button', { name: /^Touch to approve version 9/ }).click()
    await carl.page.getByText('Version 9 is accepted by the signers').waitFor({ timeout })
  })

  test('the fourth mint is refused, and the page says why', async () => {
    const { page } = ben
    const [request] = await Promise.all([page.waitForRequest('**/v1/tokens'), mint(ben, 'read:logs')])
    asked = request.postData() ?? ''
    const refusal = page.getByRole('alert').filter({ hasText: 'passkey_unknown' })
    await refusal.waitFor({ timeout })
    expect(await refusal.innerText()).toMatch(/Rule[^]*Code[^]*Request/)
    expect(await ben.violations()).toEqual([])
    await ben.picture('console-removed')
  })

  test('every signer refuses it by itself, whatever api and coordinator do', async () => {
    expect(await wordsOn(asked)).toEqual(['passkey_unknown', 'passkey_unknown', 'passkey_unknown'])
    const [request] = await Promise.all([carl.page.waitForRequest('**/v1/tokens'), mint(carl, 'read:logs')])
    expect(await wordsOn(request.postData() ?? ''), 'of somebody who is there they say something else').toEqual(['bytes_differ', 'bytes_differ', 'bytes_differ'])
  })
})

test('a locked row asks for nothing any more', async () => {
  const { page } = ann
  await openPeople(ann)
  await page.getByRole('button', { name: 'Lock: carl' }).click()
  await page.getByRole('button', { name: 'Touch to lock' }).waitFor({ timeout })
  expect(await ann.violations()).toEqual([])
  await page.getByRole('button', { name: 'Touch to lock' }).click()
  await page.getByText('carl is locked').first().waitFor({ timeout })
  await done(ann)
  await mint(carl, 'read:logs')
  await carl.page.getByRole('alert').filter({ hasText: 'locked' }).waitFor({ timeout })
})

test('nothing went wrong on the way', () => {
  for (const { errors } of [ann, ben, carl]) expect(errors.filter((error) => !expected.test(error))).toEqual([])
})

/** The browser reports each answer that is a refusal, and that RS256, which no signer takes, is not asked for. */
const expected = /status of 40\d|^publicKey\.pubKeyCredParams is missing at least one/
