import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runningServer } from '@symbolon/dev/postgres.ts'
import { openArena } from '@symbolon/core/arena.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import { combine } from '@symbolon/core/tdh2-combine.ts'
import { decryptionMember, partial, verifyCiphertext, type CheckedCiphertext, type Partial } from '@symbolon/core/tdh2.ts'
import { tdh2Of } from '@symbolon/envelope/head.ts'
import { secretKeys, type SecretKeys } from '@symbolon/envelope/keys.ts'
import { openRequestKey } from '@symbolon/envelope/reply.ts'
import { bytesOf, toBase64url } from '@symbolon/protocol/bytes.ts'
import { dataKeyHash, type CiphertextHead } from '@symbolon/protocol/ciphertext.ts'
import { labelBytes } from '@symbolon/protocol/label.ts'
import { readResponse, type ReadResponse } from '@symbolon/protocol/vault-http.ts'
import { decodeRoster, type Roster } from '@symbolon/roster/roster.ts'
import { keyCredential } from '@symbolon/sdk/credential.ts'
import { buildSecretIntent } from '@symbolon/sdk/intent.ts'
import { openVault, type Vault } from '@symbolon/sdk/vault.ts'
import { must, openTown, type Town } from '../people.testkit.ts'
import { until } from '../faults/stage.testkit.ts'
import { root, startStack, type Stack } from '../stack.ts'
import { stolenShare } from './attacker.ts'
import { familyOf, formsIn, formsInFolder, formsInMemory, formsOf, formsOfKey, type Needle } from './forms.ts'
import { developmentKeyOf, type ServiceKey } from './people.ts'
import { path } from './vault-scene.ts'

/*
 * A planted secret of a `caller` namespace, while it is written and read: every byte that api, vault and coordinator receive and send, what they
 * say to the database, their memory, the database's, and every file of the deployment. It is in none of them, in no form; with t−1 shares
 * beside all that, nothing comes out; with t it does. The same search finds what it should find: in the reader, and in a namespace that the vault combines.
 */

const tapped = ['coordinator', 'api', 'vault'] as const
const core = `planted-${randomBytes(24).toString('hex')}`
const planted = `say "${core}" \\ once`
const facadeCore = `combined-${randomBytes(24).toString('hex')}`
const at = path('app/canary/db')
let stack: Stack
let town: Town
let vault: Vault
let folder: string
let engineer: ServiceKey
let roster: Roster
let keys: SecretKeys
let answer: ReadResponse
const children: ChildProcess[] = []
const suite = sodiumSuite(openArena())

beforeAll(async () => {
  const started = await startStack()
  stack = started
  expect(started.first.code, started.first.stderr).toBe(0)
  folder = mkdtempSync(join(tmpdir(), 'symbolon-tap-'))
  engineer = developmentKeyOf(stack.home.path)
  for (const name of tapped) await restartTapped(name)
  town = await openTown(stack)
  const { keyset, lineage } = must(await town.client.deployment())
  const made = secretKeys({ keyset, lineage, suite })
  keys = made.ok ? made.value : expect.unreachable()
  const decoded = decodeRoster(readFileSync(join(stack.home.folder('coordinator'), 'roster.json')))
  roster = decoded.ok ? decoded.value : expect.unreachable()
  vault = must(await openVault({ client: town.client, asker: { sub: engineer.sub, client: 'symbolon-cli', credential: credential() } }))
  must(await vault.write(at, { type: 'string', data: { password: planted } }))
  answer = await readRaw()
})
afterAll(async () => {
  await vault?.close()
  await town?.close()
  for (const child of children) await end(child)
  await stack?.stop()
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
})

const credential = () => keyCredential({ key: engineer.key, kid: engineer.kid, sub: engineer.sub })
const tapOf = (name: string): string => join(folder, `${name}.tap`)
const plainEnv = { PATH: process.env['PATH'], HOME: process.env['HOME'] }
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'close')
}

/** The same process with the same files, with a tap before it starts. */
async function restartTapped(name: (typeof tapped)[number]): Promise<void> {
  await stack.kill(name, 'SIGTERM')
  const log = openSync(stack.home.log(name), 'a')
  children.push(spawn(process.execPath, ['--import', join(import.meta.dirname, 'tap.ts'), join(root, name, 'main.ts'), '--config', stack.home.config(name)], { cwd: root, env: { ...plainEnv, TAP: tapOf(name) }, stdio: ['ignore', log, log] }))
  closeSync(log)
  if (name !== 'coordinator') await until(() => fetch(`http://localhost:${stack.port(name)}/readyz`).then(({ status }) => status === 200, () => false), 60_000)
}

/** A reading as the vault carries it: all that it will ever know of it. */
async function readRaw(): Promise<ReadResponse> {
  const { keyset, lineage } = must(await town.client.deployment())
  const { reply } = await openRequestKey()
  const built = must(buildSecretIntent({ kind: 'secret.read', labels: [{ path: at, version: 'latest' }], reply, sub: engineer.sub, client: 'symbolon-cli' }, { iss: keyset.issuer, lineage }, Math.floor(Date.now() / 1000)))
  const evidence = must(await credential().evidence(built, Math.floor(Date.now() / 1000)))
  const response = await fetch(`${vault.addr}/v1/secrets/read`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ intent: toBase64url(built.bytes), evidence }) })
  return readResponse.parse(await response.json())
}

async function withReader<T>(use: (pid: number) => T): Promise<T> {
  const { key_file } = JSON.parse(readFileSync(join(stack.home.path, 'profile.json'), 'utf8')) as { key_file: string }
  const pin = toBase64url(bytesOf(keys.lineage))
  const child = spawn(process.execPath, [join(import.meta.dirname, 'reader.ts'), town.addr, pin, engineer.sub, engineer.kid, key_file, at], { cwd: root, env: plainEnv, stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  await once(child.stdout, 'data')
  const result = use(child.pid ?? expect.unreachable())
  child.stdin.end()
  await once(child, 'close')
  return result
}

/** What is found where, and how much was looked through. */
function search(needles: readonly Needle[]): { readonly found: readonly string[]; readonly bytes: ReadonlyMap<string, number> } {
  const [found, bytes] = [[] as string[], new Map<string, number>()]
  for (const name of tapped) {
    const tap = readFileSync(tapOf(name))
    bytes.set(`${name} tap`, tap.length)
    found.push(...formsIn(tap, needles).map((form) => `${name} tap: ${form}`))
  }
  for (const name of [...tapped, 'postgres', 'signer-1', 'signer-2', 'signer-3']) {
    const parent = name === 'postgres' ? runningServer(stack.home.path) : stack.pid(name)
    for (const [at, pid] of familyOf(parent ?? expect.unreachable()).entries()) {
      const memory = formsInMemory(pid, needles, { shared: at === 0 })
      bytes.set(name, (bytes.get(name) ?? 0) + memory.bytes)
      found.push(...memory.found.map((form) => `${name} memory: ${form}`))
    }
  }
  return { found: [...found, ...formsInFolder(stack.home.path, needles)], bytes }
}

interface Stolen {
  readonly head: CiphertextHead
  readonly checked: CheckedCiphertext
  readonly parts: readonly Partial[]
}
/** What these signers' shares give for the ciphertext that the vault holds. */
async function stolenParts(signers: readonly number[]): Promise<Stolen> {
  const [{ head } = expect.unreachable()] = answer.secrets
  const verified = verifyCiphertext(suite, keys.newest.keys.group.key, labelBytes(head.label), tdh2Of(head))
  const checked = verified.ok ? verified.value : expect.unreachable()
  const parts: Partial[] = []
  for (const signer of signers) {
    const share = await stolenShare(stack.home.path, suite, roster, { signer, purpose: 'vault' })
    const made = partial(suite, decryptionMember(share.member, 1), checked)
    parts.push(made.ok ? made.value : expect.unreachable())
    share.member.share.wipe()
    await share.close()
  }
  return { head, checked, parts }
}
function tryOpen({ head, checked }: Stolen, partials: readonly Partial[]): string {
  const key = combine(suite, { keys: keys.newest.keys, ciphertext: checked, partials })
  if (!key.ok) return key.error.code
  using opened = key.value
  return opened.borrow(dataKeyHash) === head.key_hash ? 'opened' : 'another key'
}

const needles = [...formsOf(Buffer.from(core)), ...formsOf(Buffer.from(planted))]

test('L-1 nothing that api, vault, coordinator, signers or the database receive, send, hold or keep shows the secret, or the key that opens it; the reader holds it', async () => {
  const stolen = await stolenParts([1, 2])
  const key = combine(suite, { keys: keys.newest.keys, ciphertext: stolen.checked, partials: stolen.parts })
  using opened = key.ok ? key.value : expect.unreachable()
  const copies = opened.borrow((bytes) => formsOfKey(bytes))
  const held = await withReader((pid) => ({ reader: formsInMemory(pid, needles).found, others: search([...needles, ...copies]) }))
  expect(held.others.found).toEqual([])
  expect(held.reader).toContain('raw')
  expect(formsInMemory(process.pid, copies).found).toContain('raw')
  // What was looked at is what was meant: each carried this very reading, and each memory was read.
  const [{ head } = expect.unreachable()] = answer.secrets
  for (const name of ['vault', 'coordinator'] as const) expect(readFileSync(tapOf(name)).includes(head.wrapped), name).toBe(true)
  expect(readFileSync(tapOf('vault')).includes(Buffer.from(bytesOf(answer.secrets[0]?.body ?? expect.unreachable())).toString('base64url'))).toBe(true)
  expect(readFileSync(tapOf('api')).includes('/v1/keyset')).toBe(true)
  for (const name of [...tapped, 'postgres', 'signer-1', 'signer-2', 'signer-3']) expect(held.others.bytes.get(name), name).toBeGreaterThan(5_000_000)
}, 400_000)

test('SEC-03 with all of it, t−1 shares open nothing, however they are counted; t do', async () => {
  const stolen = await stolenParts([1, 2])
  const [one = expect.unreachable(), two = expect.unreachable()] = stolen.parts
  expect(tryOpen(stolen, [one])).toBe('partials_size')
  expect(tryOpen(stolen, [one, one])).toBe('partial_duplicate')
  for (const id of [2, 3]) expect(tryOpen(stolen, [one, { ...one, id }])).toBe('another key')
  for (const id of [4, 0]) expect(tryOpen(stolen, [one, { ...one, id }])).toBe('partial_unknown')
  expect(tryOpen(stolen, [one, { ...two, point: bytesOf(stolen.head.u) }])).toBe('another key')
  expect(tryOpen(stolen, [one, { ...two, epoch: 2 }])).toBe('partial_epoch')
  expect(tryOpen(stolen, [one, two])).toBe('opened')
})

test('the same search finds a secret that the vault process combines: in what it received and holds, and in nobody else', async () => {
  const minted = await stack.cli(['mint', '--audience', `${stack.issuer}/secrets`, '--scope', 'secret:read', '--scope', 'secret:write', '-o', 'jwt'])
  expect(minted.code, minted.stderr).toBe(0)
  const ask = (method: string, body?: unknown) => fetch(`${vault.addr}/v1/secret/data/canary`, { method, headers: { 'x-vault-token': minted.stdout.trim(), 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  expect((await ask('POST', { data: { password: facadeCore } })).status).toBe(200)
  const read = await ask('GET')
  expect(await read.json()).toMatchObject({ data: { data: { password: facadeCore } } })
  const { found } = search(formsOf(Buffer.from(facadeCore)))
  expect(found).toContain('vault tap: raw')
  expect(found.some((each) => each.startsWith('vault memory: '))).toBe(true)
  expect(found.filter((each) => !each.startsWith('vault '))).toEqual([])
}, 400_000)
