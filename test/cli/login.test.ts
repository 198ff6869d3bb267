import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { grantWords } from '@symbolon/protocol/grant.ts'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { openClient } from '@symbolon/sdk/client.ts'
import { grantCredential, type Credential } from '@symbolon/sdk/credential.ts'
import { consoleGrantUrl, newGrantRequest, openGrant } from '@symbolon/sdk/grant.ts'
import { startBrowser, type Tab, type TestBrowser } from '../browser/browser.testkit.ts'
import { must } from '../people.testkit.ts'
import { root, startStack, type Ran, type Stack } from '../stack.ts'

/* People at their terminals: real processes, a real browser, and for each machine a folder of its own. */

let folder: string
let stack: Stack & { readonly first: Ran }
let browser: TestBrowser
let tab: Tab

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'symbolon-login-'))
  const policy = JSON.parse(readFileSync(join(root, 'policy/data.json'), 'utf8')) as object
  writeFileSync(join(folder, 'policy.json'), JSON.stringify({ ...policy, scopes: { 'write:staging': { touch: true } } }))
  writeFileSync(opener(), '#!/bin/sh\nprintf %s "$1" >"$OPENED.part" && mv "$OPENED.part" "$OPENED"\n')
  chmodSync(opener(), 0o700)
  stack = await startStack({ env: { POLICY_FILE: join(folder, 'policy.json') } })
  browser = await startBrowser()
  tab = await browser.open({ url: /^ {2}(http:\/\/localhost:\d+\/enrol#\S+)$/m.exec(stack.first.stderr)?.[1] ?? '' })
  await comeIn()
})
afterAll(async () => {
  await browser?.close()
  await stack?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** What the command line takes for the browser: it writes down which page it was to open. */
const opener = (): string => join(folder, 'open-page')
const state = (machine: string): string => join(folder, machine)
const at = (machine: string) => ({ XDG_STATE_HOME: state(machine), SYMBOLON_KEY_STORE: 'file' })
const cli = (machine: string, ...args: readonly string[]): Promise<Ran> => stack.cli(args, at(machine))
const mint = (machine: string, scope = 'read:logs', ...more: readonly string[]): Promise<Ran> => cli(machine, 'mint', '--scope', scope, '-o', 'json', ...more)
const claimsOf = (ran: Ran): unknown => {
  expect(ran).toMatchObject({ code: 0 })
  return (JSON.parse(ran.stdout) as { claims: unknown }).claims
}

async function comeIn(): Promise<void> {
  const { page } = tab
  await page.getByRole('textbox', { name: 'Your name' }).fill('Ann Example')
  await page.getByRole('textbox', { name: 'Your id' }).fill('ann')
  await page.getByRole('button', { name: 'Make a passkey' }).click()
  await page.getByRole('button', { name: 'Submit to the signers' }).click()
  await page.getByText('You are in').waitFor({ timeout: 30_000 })
}

interface Running {
  /** Waits until stderr has it. */
  says(pattern: RegExp): Promise<RegExpExecArray>
  readonly ended: Promise<Ran>
}

/** A command that goes on while the browser does something. */
function start(machine: string, env: Readonly<Record<string, string>>, ...args: readonly string[]): Running {
  const plain = { PATH: process.env['PATH'], HOME: process.env['HOME'], SYMBOLON_HOME: stack.home.path }
  const child = spawn(join(root, 'symbolon'), args, { env: { ...plain, ...at(machine), ...env }, cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  const waiting = new Set<() => void>()
  child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => {
    said.stderr += chunk.toString()
    for (const look of waiting) look()
  })
  const ended = new Promise<Ran>((resolve) => child.once('close', (code) => resolve({ code: code ?? -1, ...said })))
  const says = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(said.stderr)
        if (found === null) return
        waiting.delete(look)
        resolve(found)
      }
      waiting.add(look)
      look()
      void ended.then(({ code, stderr }) => reject(new Error(`ended with ${code}: ${stderr}`)))
    })
  return { says, ended }
}

/** The eight words that the page shows. */
async function shownWords(): Promise<string> {
  const items = await tab.page.getByRole('main').getByRole('listitem').allInnerTexts()
  return items.slice(0, 8).join(' ')
}

async function touch(): Promise<void> {
  const { page } = tab
  await page.getByRole('textbox', { name: 'Your id' }).fill('ann')
  await page.getByRole('button', { name: 'Touch to grant' }).click()
}

const wordsLine = /^ {2}((?:[a-z]+ ){7}[a-z]+)$/m

/** Signs a machine with a browser in; gives what the command came to. */
async function login(machine: string, ...flags: readonly string[]): Promise<Ran> {
  const opened = join(folder, `${machine}.opened`)
  rmSync(opened, { force: true })
  const running = start(machine, { BROWSER: opener(), OPENED: opened }, 'login', '-o', 'json', ...flags)
  const [, words] = await running.says(wordsLine)
  await expect.poll(() => readIf(opened), { timeout: 20_000 }).toMatch(/\/grant#request=/)
  await tab.page.goto(readIf(opened))
  await tab.page.getByRole('heading', { name: 'Sign in a terminal' }).waitFor()
  expect(await shownWords()).toBe(words)
  await touch()
  await tab.page.getByText('You are signed in').waitFor()
  return running.ended
}

function readIf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}

/** How many revocations and locks each signer holds. */
const stopsHeld = (): readonly number[] =>
  [1, 2, 3].map((id) => {
    // A copy, for the signer keeps the book to itself.
    const copy = mkdtempSync(join(folder, 'book-'))
    for (const name of ['book.sqlite', 'book.sqlite-wal']) cpSync(join(stack.home.path, `signer-${id}`, name), join(copy, name))
    const db = new DatabaseSync(join(copy, 'book.sqlite'))
    try {
      return Number(db.prepare("SELECT count(*) AS n FROM act WHERE act = 'stopped'").get()?.['n'])
    } finally {
      db.close()
    }
  })

describe('a terminal on a machine with a browser', () => {
  test('nobody is signed in: the development key asks', async () => expect(claimsOf(await mint('desk'))).toMatchObject({ sub: 'svc-dev' }))

  test('opens the console, which shows the same words; one touch signs the terminal in', async () => {
    const ran = await login('desk', '--scope', 'read:logs,write:staging', '--hours', '2')
    expect(ran).toMatchObject({ code: 0 })
    expect(JSON.parse(ran.stdout)).toMatchObject({ person: 'ann', ceiling: { scope: ['read:logs', 'write:staging'] }, key_store: 'file' })
  })

  test('mints in her name, by the grant', async () => {
    expect(claimsOf(await mint('desk'))).toMatchObject({ sub: 'ann', client_id: 'symbolon-cli', acr: 'urn:symbolon:acr:grant', 'urn:symbolon:v1': { origin: { kind: 'grant', ceiling: { scope: ['read:logs', 'write:staging'] } } } })
  })

  test('never beyond what she granted, and says how to reach it', async () => {
    const { code, stderr } = await mint('desk', 'deploy:canary')
    expect([code, stderr]).toEqual([3, expect.stringMatching(/symbolon login --scope deploy:canary,read:logs,write:staging\n[^]*ceiling_exceeded/)])
  })

  test('reads the roster as her', async () => {
    const { code, stdout } = await cli('desk', 'roster', 'show', '-o', 'json')
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { version: 2, vouched: true, people: [{ id: 'ann', guardian: true }] }])
  })

  test('a scope that takes a touch is exit code 4, and the page that it leads to mints it', async () => {
    const { code, stderr } = await mint('desk', 'write:staging', '--reason', 'hotfix')
    expect([code, stderr]).toEqual([4, expect.stringContaining('touch_required')])
    const { page } = tab
    await page.goto(/^ {2}(http:\S+\/mint#\S+)$/m.exec(stderr)?.[1] ?? '')
    await page.getByRole('heading', { name: 'Sign in to mint' }).waitFor()
    await page.getByRole('textbox', { name: 'Your id' }).fill('ann')
    await page.getByRole('button', { name: 'Touch your passkey' }).click()
    await expect.poll(() => page.getByRole('textbox', { name: 'Scopes' }).inputValue()).toBe('write:staging')
    expect(await page.getByRole('radio', { name: /With a touch/ }).isChecked()).toBe(true)
    expect(await page.getByRole('textbox', { name: 'Reason' }).inputValue()).toBe('hotfix')
    await page.getByRole('button', { name: 'Touch and mint', exact: true }).click()
    await page.getByRole('heading', { name: 'Your token' }).waitFor()
    const [, part = ''] = (await page.getByLabel('The token', { exact: true }).innerText()).split('.')
    expect(JSON.parse(Buffer.from(part, 'base64url').toString())).toMatchObject({ sub: 'ann', scope: 'write:staging', acr: 'urn:symbolon:acr:touch' })
  })

  test('L-2 logout revokes the grant at every signer: a copy of it is worth nothing', async () => {
    cpSync(state('desk'), state('thief'), { recursive: true })
    expect(claimsOf(await mint('thief'))).toMatchObject({ sub: 'ann' })
    const before = stopsHeld()
    const { code, stdout, stderr } = await cli('desk', 'logout', '-o', 'json')
    expect([code, JSON.parse(stdout), stderr]).toEqual([0, { signed_in: false, revoked: true, key_deleted: true }, expect.stringContaining('svc-dev')])
    expect(stopsHeld()).toEqual(before.map((held) => held + 1))
    expect(await mint('thief')).toMatchObject({ code: 4, stdout: '', stderr: expect.stringContaining('(revoked') })
    expect(claimsOf(await mint('desk'))).toMatchObject({ sub: 'svc-dev' })
  })

  test('who refuses in the console has refused: exit code 6, and nobody is signed in', async () => {
    const running = start('desk', { SYMBOLON_NO_BROWSER: '1' }, 'login', '-o', 'json')
    const [, url = ''] = await running.says(/^ {2}(http:\S+\/grant#\S+)$/m)
    await tab.page.goto(url)
    await tab.page.getByRole('button', { name: 'Refuse' }).click()
    expect(await running.ended).toMatchObject({ code: 6, stdout: '', stderr: expect.stringContaining('grant_denied') })
    expect(claimsOf(await mint('desk'))).toMatchObject({ sub: 'svc-dev' })
  })
})

describe('a terminal on a machine without a browser', () => {
  const typed = async (running: Running): Promise<void> => {
    const [, page = '', code = ''] = await running.says(/^Open (http:\S+\/device) where[^]*?\n\n {2}([A-Z]{4}-[A-Z]{4})\n/m)
    const [, words] = await running.says(wordsLine)
    await tab.page.goto(page)
    await tab.page.getByRole('textbox').first().fill(code.toLowerCase())
    await tab.page.keyboard.press('Enter')
    await tab.page.getByRole('button', { name: 'Touch to grant' }).waitFor()
    expect(await shownWords()).toBe(words)
  }

  test('waits for a code that is typed elsewhere, and is signed in by the touch there', async () => {
    const running = start('server', {}, 'login', '--scope', 'read:logs', '-o', 'json')
    await typed(running)
    await touch()
    await tab.page.getByText('Granted').first().waitFor()
    const ran = await running.ended
    expect(ran).toMatchObject({ code: 0 })
    expect(JSON.parse(ran.stdout)).toMatchObject({ person: 'ann', ceiling: { scope: ['read:logs'] } })
    expect(claimsOf(await mint('server'))).toMatchObject({ sub: 'ann', acr: 'urn:symbolon:acr:grant' })
  })

  test('signing another machine out changes nothing here', async () => {
    expect(await cli('desk', 'logout')).toMatchObject({ code: 0 })
    expect(claimsOf(await mint('server'))).toMatchObject({ sub: 'ann' })
  })

  test('who refuses the code has refused: exit code 6', async () => {
    const running = start('elsewhere', {}, 'login', '-o', 'json')
    await typed(running)
    await tab.page.getByRole('button', { name: 'Refuse' }).click()
    expect(await running.ended).toMatchObject({ code: 6, stdout: '' })
  })
})

describe('a grant that has ended', () => {
  /** Signs a machine in for some seconds, which the command line offers to nobody. */
  async function briefly(machine: string, seconds: number): Promise<{ readonly end: number; readonly credential: Credential }> {
    const key = generateKeyPairSync('ed25519').privateKey
    const end = Math.floor(Date.now() / 1000) + seconds
    const request = must(newGrantRequest({ key, client: 'symbolon-cli', ceiling: {}, end }))
    const { promise: brought, resolve } = Promise.withResolvers<string>()
    const server = createServer(({ url = '/' }, response) => {
      resolve(new URL(url, 'http://localhost').searchParams.get('grant') ?? '')
      response.end('You are signed in')
    })
    await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening))
    const bound = server.address()
    await tab.page.goto(consoleGrantUrl(`http://localhost:${stack.port('console')}`, request, `http://127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}/brief`))
    await tab.page.getByRole('button', { name: 'Touch to grant' }).waitFor()
    expect(await shownWords()).toBe(grantWords(request).join(' '))
    await touch()
    const grant = await brought
    server.closeAllConnections()
    server.close()
    const { lineage } = JSON.parse((await cli(machine, 'status', '-o', 'json')).stdout) as { lineage: string }
    for (const name of ['grants', 'keys']) mkdirSync(join(state(machine), 'symbolon', name), { recursive: true, mode: 0o700 })
    writeFileSync(join(state(machine), 'symbolon/grants', `${lineage}.json`), JSON.stringify({ v: 1, grant, key: 'file' }), { mode: 0o600 })
    writeFileSync(join(state(machine), 'symbolon/keys', lineage), key.export({ type: 'pkcs8', format: 'der' }), { mode: 0o600 })
    return { end, credential: grantCredential({ grant: must(openGrant(grant)).grant, key }) }
  }

  test('mints until its end and not after, here or at the server, and is not passed over until it is signed out', async () => {
    const { end, credential } = await briefly('hurry', 45)
    expect(claimsOf(await mint('hurry'))).toMatchObject({ sub: 'ann' })
    await expect.poll(() => Date.now() / 1000, { timeout: 60_000, interval: 500 }).toBeGreaterThan(end + 1)
    expect(await mint('hurry')).toMatchObject({ code: 4, stdout: '', stderr: expect.stringContaining('grant_ended') })
    // Who asks without looking at the clock hears it from the server.
    const { addr, pin } = JSON.parse((await cli('hurry', 'config', 'show', '-o', 'json')).stdout) as { addr: string; pin: Base64url }
    const client = must(openClient({ addr, pin }))
    expect(await client.mint({ sub: 'ann', client: 'symbolon-cli', scope: ['read:logs'] }, credential)).toMatchObject({ ok: false, error: { code: 'grant_expired', kind: 'login' } })
    await client.close()
    // An intent says itself when it was made; what comes of one that is dated back is over already.
    const slow = join(folder, 'slow-clock.mjs')
    writeFileSync(slow, 'const now = Date.now; Date.now = () => now() - 20_000\n')
    const late = await stack.cli(['mint', '--scope', 'read:logs', '-o', 'json'], { ...at('hurry'), NODE_OPTIONS: `--import ${slow}` })
    if (late.code === 0) expect((claimsOf(late) as { exp: number }).exp).toBeLessThanOrEqual(end)
    else expect(late).toMatchObject({ code: 4, stdout: '' })
    // `make up` proves that the deployment signs; whose sign-in has ended is another matter.
    cpSync(state('hurry'), join(stack.home.path, 'user-state'), { recursive: true })
    expect(await stack.up()).toMatchObject({ code: 0, stdout: expect.stringMatching(/^eyJ/) })
    expect(await cli('hurry', 'logout', '-o', 'json')).toMatchObject({ code: 0 })
    expect(claimsOf(await mint('hurry'))).toMatchObject({ sub: 'svc-dev' })
  })
})
