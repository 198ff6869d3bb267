import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { headBytes, headRequest, type AcceptCertificate, type Change, type HeadStatement } from '@symbolon/protocol/book.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { canonical, decodeAs } from '@symbolon/protocol/json.ts'
import { removePerson, setRoles } from '@symbolon/roster/edit.ts'
import { encodeRoster, rosterDigest } from '@symbolon/roster/roster.ts'
import { serveChannel, type ChannelServer } from '@symbolon/runtime/channel-server.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import { openBoot } from '@symbolon/signer/boot.ts'
import { root } from '../stack.ts'
import type { Somebody } from '../people.testkit.ts'
import { owned, type Request } from './attacker.ts'
import { asked, codeOf, documentOf, now, openScene, otherDigest, touch, type Scene } from './scene.ts'

/*
 * What the attacker keeps from a signer, or takes from it: a removal that is not handed on, an old image of its disk, a peer that lies about where
 * it stands. Whoever was removed gets nothing from anybody who can hear. Tests go on from one another.
 */

let scene: Scene
let ada: Somebody
let dan: Somebody
/** Two honest ones: the attacker tells the first, and keeps it from the second. */
let told: number
let kept: number
let folder: string
/** What Dan really asked for while he was there, and never got. */
let his: Request
let before: number

const soon = { timeout: 25_000, interval: 250 }
const place = () => scene.stack.home.folder(`signer-${kept}`)
const askAt = (victim: number, version: number) => scene.attacker.attempt(victim, { ...his, change: (item) => ({ ...item, roster: version }) })

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'symbolon-withheld-'))
  scene = await openScene()
  ada = await scene.town.first('ada')
  dan = await scene.town.enter(await scene.town.invite(ada, 'dan', ['engineer']), 'dan')
  await scene.attacker.learn()
  ;[told, kept] = [scene.attacker.victims[0] ?? 0, scene.attacker.victims[1] ?? 0]
  before = scene.attacker.book.version()
  const intent = scene.token('dan')
  const evidence = touch(intent, dan.passkey)
  his = { intent: canonical(intent), evidence, bytes: (await scene.granted(intent, evidence)).message }
})
afterAll(async () => {
  await scene?.close()
  rmSync(folder, { recursive: true })
})

describe('B-3 I-3 a removal that is kept from one signer', () => {
  test('reaches it from the others, and what he asked for before is not signed after', async () => {
    await scene.stack.kill(`signer-${kept}`, 'SIGTERM')
    cpSync(place(), join(folder, 'old'), { recursive: true })
    expect((await scene.stack.up()).code).toBe(0)
    // The control: to this very signer he is still somebody.
    await expect.poll(async () => codeOf(await askAt(kept, before)), soon).toBe('signed')
    const change = await scene.town.change(ada, [removePerson('dan')])
    const [slot, subject] = [{ of: 'roster', version: before + 1 } as const, rosterDigest(documentOf(change))]
    const certificate: AcceptCertificate = { slot, subject, accepts: [await scene.ownWord(slot, subject), await scene.wordOf(told, asked(change))] }
    expect(await scene.adopt(told, { versions: [{ change, certificate }] })).toMatchObject({ result: 'adopted', version: before + 1 })
    const handed = Date.now()
    await expect.poll(async () => codeOf(await askAt(kept, before)), soon).toBe('roster_behind')
    expect(Date.now() - handed).toBeLessThan(15_000)
    for (const victim of scene.attacker.victims) expect({ victim, code: codeOf(await askAt(victim, before + 1)) }).toEqual({ victim, code: 'passkey_unknown' })
    await scene.settled(before + 1, ada)
  })
})

describe('TST-15 I-3 an old image of a signer’s disk', () => {
  let child: ChildProcess | undefined
  /** The signer's own program on the folder as it is, outside the launcher. */
  const run = () => {
    const started = spawn(process.execPath, [join(root, 'signer/main.ts'), '--config', scene.stack.home.config(`signer-${kept}`)], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] } })
    child = started
    let said = ''
    for (const stream of [started.stdout, started.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
    return { said: () => said, ended: once(started, 'close').then(([code]) => code as number | null) }
  }
  const put = (image: string, only: (name: string) => boolean = () => true) => {
    for (const name of readdirSync(place()).filter(only)) rmSync(join(place(), name), { recursive: true })
    for (const name of readdirSync(join(folder, image)).filter(only)) cpSync(join(folder, image, name), join(place(), name), { recursive: true })
  }

  beforeAll(async () => {
    await scene.stack.kill(`signer-${kept}`, 'SIGTERM')
    cpSync(place(), join(folder, 'new'), { recursive: true })
  })
  afterEach(async () => {
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'close')
    }
    child = undefined
    put('new')
  })
  afterAll(async () => {
    expect((await scene.stack.up()).code).toBe(0)
  })

  test('of its book alone: it does not start', async () => {
    put('old', (name) => name.startsWith('book.sqlite'))
    const { ended, said } = run()
    expect(await ended).toBe(1)
    expect(said()).toContain('book_behind')
  })

  test('without its book: it does not start', async () => {
    rmSync(join(place(), 'book.sqlite'))
    const { ended, said } = run()
    expect(await ended).toBe(1)
    expect(said()).toContain('book_lost')
  })

  test('of all that it keeps: it hears of the removal before it answers anybody, and signs nothing for who was removed', async () => {
    put('old')
    const { said } = run()
    await expect.poll(said, soon).toContain('"msg":"ready"')
    const answers = new Set<string>()
    const ask = async () => {
      for (const version of [before, before + 1]) answers.add(codeOf(await askAt(kept, version)))
      return (await scene.report(kept)).roster
    }
    await expect.poll(ask, soon).toBe(before + 1)
    // Its journal is shorter than the others remember, so it stays silent; did they not, it would know him no more.
    await expect.poll(async () => (await ask(), [...answers].some((code) => ['journal_behind', 'passkey_unknown'].includes(code))), soon).toBe(true)
    expect([...answers].filter((code) => !['peers_unheard', 'journal_behind', 'roster_behind', 'passkey_unknown', 'commitment_unknown'].includes(code))).toEqual([])
  })
})

describe('I-3 a signer that lies about where it stands', () => {
  let server: ChannelServer
  const asks = { '/v1/head': new Map<string, number>(), '/v1/book': new Map<string, number>() }
  const count = (path: keyof typeof asks, id: string) => asks[path].set(id, (asks[path].get(id) ?? 0) + 1)

  beforeAll(async () => {
    await scene.stack.kill(`signer-${owned}`)
    const { tls, listen } = JSON.parse(readFileSync(scene.stack.home.config(`signer-${owned}`), 'utf8')) as { tls: { key: string; certificate: string; ca: string }; listen: { host: string; port: number } }
    const boot = await openBoot(owned, now(), scene.attacker.certify)
    // A version of the attacker's, certified by nobody but its own signer.
    const honest = await scene.town.change(ada, [setRoles('ada', ['engineer', 'sre'])])
    const document = { ...documentOf(honest), guardians: { people: ['ada'], count: 1, window: 60 } }
    const [slot, subject] = [{ of: 'roster', version: document.version } as const, rosterDigest(document)]
    const change: Change = { ...honest, document: toBase64url(encodeRoster(document)) }
    const certificate: AcceptCertificate = { slot, subject, accepts: [await scene.ownWord(slot, subject), await scene.ownWord(slot, subject, now() + 1)] }
    const head = (body: Buffer) => {
      const read = decodeAs(headRequest, body, 4_096)
      if (!read.ok) throw new Error(read.reason)
      const statement: HeadStatement = { v: 1, signer: owned, boot: boot.id, challenge: read.value.challenge, iat: now(), roster: { version: 999, digest: otherDigest() }, entries: otherDigest(), stops: otherDigest(), epoch: 1, journal: { seq: 1_000_000, head: otherDigest() } }
      return { v: 1, head: { statement, certificate: boot.certificate, signature: boot.sign(headBytes(statement)) } }
    }
    server = await serveChannel({
      tls: { key: readFileSync(tls.key), cert: readFileSync(tls.certificate), ca: readFileSync(tls.ca) },
      listen,
      log: openLog({ process: 'liar', level: 'error' }),
      routes: [
        { method: 'POST', path: '/v1/head', roles: ['signer'], maxBytes: 4_096, handle: async ({ peer, body }) => (count('/v1/head', peer.id), { status: 200, body: JSON.stringify(head(body)) }) },
        { method: 'POST', path: '/v1/book', roles: ['signer'], maxBytes: 256, handle: async ({ peer }) => (count('/v1/book', peer.id), { status: 200, body: JSON.stringify({ v: 1, versions: [{ change, certificate }], entries: [], stops: [] }) }) },
      ],
    })
  })
  afterAll(() => server?.stop(AbortSignal.timeout(1_000)))

  test('stops nobody, is believed nothing, and is noticed', async () => {
    const heard = () => scene.attacker.victims.every((id) => (asks['/v1/head'].get(`${id}`) ?? 0) >= 3 && (asks['/v1/book'].get(`${id}`) ?? 0) >= 1)
    await expect.poll(heard, { timeout: 60_000, interval: 250 }).toBe(true)
    for (const id of scene.attacker.victims) {
      expect(scene.stack.log(`signer-${id}`)).toContain('"alarm":"peer_unproven"')
      expect((await scene.report(id)).roster).toBe(before + 1)
    }
    const token = scene.token('ada')
    await scene.expectMinted(token, touch(token, ada.passkey))
  })
})
