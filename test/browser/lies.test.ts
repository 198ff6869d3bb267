import { createServer, type Server } from 'node:http'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { approvalChallenge } from '@symbolon/protocol/approval.ts'
import { fromBase64url, toBase64url } from '@symbolon/protocol/bytes.ts'
import { digestText } from '@symbolon/protocol/fields.ts'
import { changesResponse, rosterResponse, statusResponse, type ChangesResponse, type RosterResponse } from '@symbolon/protocol/http.ts'
import { encodeIntent, intentDigest } from '@symbolon/protocol/intent.ts'
import { assertion as assertionSchema, type Assertion } from '@symbolon/protocol/webauthn.ts'
import { startStack } from '../stack.ts'
import { startBrowser, type Tab, type TestBrowser } from './browser.testkit.ts'
import { comeIn, comeInFirst, done, draftInvitation, invitationLink, openChanges, openPeople, originOf, signIn, touchToPropose, type ConsoleStack } from './people.testkit.ts'

/* Who lies to people finds them out: an api that shows something else than was signed, a page of another origin, a passkey used for something else. */

let stack: ConsoleStack
let browser: TestBrowser
let ann: Tab
let carl: Tab
let elsewhere: Server
const timeout = 30_000

beforeAll(async () => {
  stack = await startStack()
  browser = await startBrowser()
  elsewhere = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<!doctype html><title>Not the console</title>')).listen(0, '127.0.0.1')
  await once(elsewhere, 'listening')
  ann = await comeInFirst(browser, stack, { id: 'ann', name: 'Ann Example' })
  await signIn(ann, 'ann')
  await draftInvitation(ann, { id: 'carl', name: 'Carl Example', roles: 'engineer' })
  await touchToPropose(ann)
  carl = await comeIn(browser, await invitationLink(ann))
  await signIn(carl, 'carl')
  await done(ann)
  await ann.page.getByRole('button', { name: 'Change the guardians' }).click()
  await ann.page.getByLabel('Carl Example (carl)').check()
  await ann.page.getByRole('button', { name: 'Show what changes' }).click()
  await touchToPropose(ann)
  await done(ann)
  await ann.page.getByRole('button', { name: 'Change name or roles: carl' }).click()
  await ann.page.getByRole('textbox', { name: 'Roles' }).fill('')
  await ann.page.getByRole('button', { name: 'Show what changes' }).click()
  await touchToPropose(ann)
  await done(ann)
})
afterAll(async () => {
  elsewhere?.close()
  await browser?.close()
  await stack?.stop()
})

type Listed = ChangesResponse['changes'][number]

/** What carl sees of the changes while the api says this of the first. */
async function withChange(lie: (told: Listed) => Listed, look: () => Promise<void>): Promise<void> {
  await carl.page.route('**/v1/changes/list', async (route) => {
    const answer = await route.fetch()
    const told = changesResponse.parse(await answer.json())
    await route.fulfill({ response: answer, json: { ...told, changes: told.changes.map((change, at) => (at === 0 ? lie(change) : change)) } })
  })
  try {
    await carl.page.goto(`${originOf(stack)}/changes`)
    await carl.page.getByRole('heading', { name: 'Waiting' }).waitFor({ timeout })
    await look()
  } finally {
    await carl.page.unroute('**/v1/changes/list')
  }
}

/** The same document with other roles for carl, still canonical: only values change. */
const altered = (document: string): Listed['change']['document'] => toBase64url(new TextEncoder().encode(Buffer.from(document, 'base64url').toString().replace('"Carl Example"', '"Carla Example"')))
const approveButtons = (): Promise<number> => carl.page.getByRole('button', { name: /^Touch to approve/ }).count()

describe('an api that shows something else', () => {
  test('the truth first: the change can be approved', () =>
    withChange((told) => told, async () => {
      await carl.page.getByText('carl loses role engineer.').waitFor({ timeout })
      expect(await approveButtons()).toBe(1)
    }))

  test('A-4 another document than was signed', () =>
    withChange((told) => ({ ...told, change: { ...told.change, document: altered(told.change.document) } }), async () => {
      await carl.page.getByText('The api shows another document than the proposer signed').waitFor({ timeout })
      expect(await approveButtons()).toBe(0)
    }))

  test('a change under the name of another', () =>
    withChange((told) => ({ ...told, digest: digestText.parse('A'.repeat(43)) }), async () => {
      await carl.page.getByText('The api shows a change under the name of another').waitFor({ timeout })
      expect(await approveButtons()).toBe(0)
    }))

  test('A-8 another proposer, and approvals that nobody gave: what is shown follows from what was signed', () =>
    withChange((told) => ({ ...told, proposer: 'carl', approvers: ['carl', 'ann'], needed: 2, version: 99 }), async () => {
      await carl.page.getByRole('heading', { name: 'Version 5, proposed by ann' }).waitFor({ timeout })
      expect(await carl.page.getByText('0 of 1').count()).toBe(1)
      // Not `99` anywhere: a digest or a time may hold these digits.
      expect(await carl.page.getByText('Version 99').count()).toBe(0)
    }))

  test.each(['people', 'changes'] as const)('I-5 another roster, on the page of %s', async (page) => {
    const lie = (told: RosterResponse) => ({ ...told, document: altered(told.document) })
    await carl.page.route('**/v1/roster', async (route) => {
      const answer = await route.fetch()
      await route.fulfill({ response: answer, json: lie(rosterResponse.parse(await answer.json())) })
    })
    await carl.page.goto(`${originOf(stack)}/${page}`)
    await carl.page.getByText('roster_untrusted').waitFor({ timeout })
    expect(await carl.page.getByText('Carla').count()).toBe(0)
    expect(await carl.page.getByRole('button', { name: /Touch|Invite|Change|Remove|Lock/ }).count()).toBe(0)
    await carl.page.unroute('**/v1/roster')
  })
})

/** Any page's own call of WebAuthn, as hostile as it likes. */
async function touchIn({ page }: Tab, challenge: Uint8Array, userVerification: 'required' | 'discouraged' = 'required'): Promise<Assertion> {
  const made: unknown = await page.evaluate(`(async () => {
    const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
    const { rawId, response } = await navigator.credentials.get({ publicKey: { challenge: new Uint8Array(${JSON.stringify([...challenge])}), rpId: 'localhost', userVerification: '${userVerification}' } })
    return { credential: text(rawId), authenticator_data: text(response.authenticatorData), client_data: text(response.clientDataJSON), signature: text(response.signature), user_handle: text(response.userHandle) }
  })()`)
  return assertionSchema.parse(made)
}

function elsewherePort(): number {
  const address = elsewhere.address()
  if (address === null || typeof address === 'string') throw new Error('it does not listen')
  return address.port
}

const common = async () => {
  const status = statusResponse.parse(await (await fetch(`${stack.issuer}/v1/status`)).json())
  const iat = Math.floor(Date.now() / 1000)
  return { status, intent: { v: 1, nonce: toBase64url(randomBytes(16)), iat, exp: iat + 300, iss: status.issuer, lineage: digestText.parse(status.lineage), sub: 'carl' } as const }
}

async function tokenWish(): Promise<{ readonly bytes: Uint8Array; readonly digest: Uint8Array }> {
  const { status, intent } = await common()
  const bytes = encodeIntent({ ...intent, kind: 'token', client: 'symbolon-console', aud: status.default_audience, scope: ['read:logs'] })
  return { bytes, digest: intentDigest(bytes) }
}

/** @returns `ok`, or the code of the refusal */
async function post(path: string, body: object): Promise<string> {
  const response = await fetch(`${stack.issuer}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  const answer = (await response.json()) as { readonly code?: string }
  return response.ok ? 'ok' : `${answer.code}`
}

const mintWith = (bytes: Uint8Array, assertion: Assertion): Promise<string> => post('/v1/tokens', { intent: toBase64url(bytes), evidence: [{ kind: 'passkey', assertion }] })

describe('a passkey that is made to sign elsewhere, or for something else', () => {
  test('the truth first: a touch on the console mints', async () => {
    await carl.page.goto(`${originOf(stack)}/`)
    const { bytes, digest } = await tokenWish()
    expect(await mintWith(bytes, await touchIn(carl, digest))).toBe('ok')
  })

  test('W-3 a page of another origin on the same host gets a signature that is worth nothing', async () => {
    await carl.page.goto(`http://localhost:${elsewherePort()}/`)
    const { bytes, digest } = await tokenWish()
    expect(await mintWith(bytes, await touchIn(carl, digest))).toBe('origin_mismatch')
  })

  test('W-3 a page of another host gets none', async () => {
    await carl.page.goto(`http://127.0.0.1:${elsewherePort()}/`)
    await expect(touchIn(carl, (await tokenWish()).digest)).rejects.toThrow(/SecurityError/)
  })

  test('W-2 a signature without user verification is refused', async () => {
    await carl.page.goto(`${originOf(stack)}/`)
    await carl.authenticator.setUserVerified(false)
    const { bytes, digest } = await tokenWish()
    expect(await mintWith(bytes, await touchIn(carl, digest, 'discouraged'))).toBe('user_not_verified')
    await openChanges(carl)
    await carl.page.getByRole('button', { name: /^Touch to approve/ }).click()
    await carl.page.getByText('passkey_declined').waitFor({ timeout })
    await carl.authenticator.setUserVerified(true)
  })

  test('W-1 an assertion over an intent approves nothing, an approval does', async () => {
    const { page } = carl
    await openChanges(carl)
    const shown = await page.getByText('Digest of what was signed').locator('xpath=following-sibling::dd[1]').innerText()
    const digest = digestText.parse(shown)
    const { intent } = await common()
    const statement = { v: 1, intent: digest, approver: 'carl', decision: 'approve', iat: intent.iat, exp: intent.iat + 600 } as const
    const overIntent = await touchIn(carl, fromBase64url(digest) ?? new Uint8Array())
    expect(await post('/v1/changes/approvals', { digest, approval: { ...statement, assertion: overIntent } })).toBe('assertion_mismatch')
    const byAnn = await touchIn(ann, approvalChallenge(statement))
    expect(await post('/v1/changes/approvals', { digest, approval: { ...statement, assertion: byAnn } }), 'W-4').not.toBe('ok')
    expect(await post('/v1/changes/approvals', { digest, approval: { ...statement, assertion: await touchIn(carl, approvalChallenge(statement)) } })).toBe('ok')
    await openPeople(carl)
    await page.getByText(/^Version 5 is in force/).waitFor({ timeout })
  })
})
