import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fromBase64url, toBase64url } from '@symbolon/protocol/bytes.ts'
import type { CertifiedEntry } from '@symbolon/protocol/book.ts'
import { decodeDraft, draftIn } from '@symbolon/protocol/draft.ts'
import { ed25519Of } from '@symbolon/protocol/ed25519.ts'
import { encodeIntent, intentDigest } from '@symbolon/protocol/intent.ts'
import { parseLink } from '@symbolon/protocol/link.ts'
import { judgeEntry } from '@symbolon/roster/entry.ts'
import { keysetBytes, keysetOf, type SignedKeyset } from '@symbolon/roster/keyset.ts'
import { certifiedEntry, enrolmentOf, filled, first, intentFor, keyOf, lineage, nextOf, peopled, personOf, rotationOf, seedOf, signedBy } from '@symbolon/roster/roster.testkit.ts'
import { decodeRoster, encodeRoster, rosterDigest, type Roster } from '@symbolon/roster/roster.ts'
import { intentIn, serveApi, type Asked, type Replying } from './api.testkit.ts'
import { openShell, type Shell } from './cli.testkit.ts'

const now = () => Math.floor(Date.now() / 1000)
const steering = 'evil\u001b[2J\u202e\n'
let shell: Shell
const cleanups: (() => unknown)[] = []
beforeEach(() => {
  shell = openShell()
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seedOf('svc-deploy-1')])
  const pem = String(createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' }))
  Object.assign(shell.env, { SYMBOLON_PIN: lineage, SYMBOLON_CONSOLE: 'https://console.example', SYMBOLON_SUBJECT: 'svc-deploy', SYMBOLON_KEY_ID: 'svc-deploy-1', SYMBOLON_KEY_FILE: shell.write('key.pem', pem), SYMBOLON_NO_BROWSER: '1' })
})
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
  shell.remove()
})

const two = peopled(['ann', 'bob', 'cleo'], 2)
const signed = (document: Roster): SignedKeyset => {
  const keyset = keysetOf(document)
  return { keyset, signatures: [1, 2].map((signer) => ({ signer, iat: now(), signature: signedBy(signer, keysetBytes(keyset, now())) })) }
}

interface Scene {
  readonly document?: Roster
  /** What the keyset vouches for, where that is another. */
  readonly vouched?: Roster
  readonly entries?: readonly CertifiedEntry[]
  readonly reply?: Replying
}

async function serve({ document = two, vouched = document, entries = [], reply = () => undefined }: Scene = {}): Promise<Asked[]> {
  const body = {
    document: toBase64url(encodeRoster(document)), version: document.version, digest: rosterDigest(document), entries, stops: [{ kind: 'lock', digest: filled(32, 1), by: 'ann', iat: now(), until: now() + 60, row: 'bob' }],
    signers: first.signers.map(({ id, name }) => ({ id, name, version: id === 3 ? 0 : document.version })), history: [{ version: 2, digest: rosterDigest(document), iat: now(), proposer: 'bootstrap', approvers: [] }], request_id: 'r',
  }
  const api = await serveApi((path, sent, asked) => reply(path, sent, asked) ?? (path === '/v1/keyset' ? { status: 200, body: { keysets: vouched.version === 1 ? [signed(first)] : [signed(first), signed(vouched)] } } : path === '/v1/roster' ? { status: 200, body } : undefined))
  cleanups.push(api.close)
  shell.env['SYMBOLON_ADDR'] = api.url
  return api.requests
}

describe('roster show', () => {
  test('asks with an intent to read, and shows people with what they enrolled', async () => {
    const invited = peopled(['ann'], 1, { people: [personOf('ann'), personOf('bob', { passkeys: [], invitation: { key: keyOf('code'), exp: now() + 60, uses: ['sign_in'] } })] })
    const requests = await serve({ document: invited, entries: [certifiedEntry(enrolmentOf('bob', 'code', 'bobs-key'))] })
    const { code, out } = await shell.run(['roster', 'show', '-o', 'table'])
    expect(code).toBe(0)
    expect(out).toMatch(/\nbob +bob +bobs-key\n/)
    expect(out).toMatch(/\nguardians +1 of ann\n/)
    expect(intentIn(requests.find(({ path }) => path === '/v1/roster')?.body ?? '')).toMatchObject({ kind: 'read', what: 'roster', sub: 'svc-deploy', lineage })
  })

  test('I-2 an entry that too few signers certified is not shown', async () => {
    const invited = peopled(['ann'], 1, { people: [personOf('ann'), personOf('bob', { passkeys: [], invitation: { key: keyOf('code'), exp: now() + 60, uses: ['sign_in'] } })] })
    await serve({ document: invited, entries: [certifiedEntry(enrolmentOf('bob', 'code', 'evils-key'), [1])] })
    expect((await shell.run(['roster', 'show', '-o', 'table'])).out).not.toContain('evils-key')
  })

  const other = nextOf(first, { people: [personOf('mallory')], guardians: { people: ['mallory'], count: 1, window: 60 } })
  test('I-5 a roster that is not the one the signers vouch for is refused', async () => {
    await serve({ document: other, vouched: two })
    expect(await shell.run(['roster', 'show'])).toMatchObject({ code: 2, out: '', err: expect.stringContaining('roster_differs') })
  })
  test('I-5 an older one too', async () => {
    await serve({ document: first, vouched: two })
    expect((await shell.run(['roster', 'show'])).err).toContain('roster_differs')
  })
  test('a newer one than any keyset names is shown with a warning', async () => {
    await serve({ document: nextOf(two, { rate: 601 }), vouched: two })
    const { code, out, err } = await shell.run(['roster', 'show', '--field', 'vouched'])
    expect([code, out, err.includes('the api alone says')]).toEqual([0, 'false\n', true])
  })

  test('log and status', async () => {
    const change = { digest: filled(32, 4), version: 3, state: 'pending', needed: 2, approvers: ['bob'], denied: [], proposer: 'ann', iat: now(), exp: now() + 60, change: changeOf(nextOf(two, { rate: 601 })) }
    await serve({ reply: (path) => (path === '/v1/changes/list' ? { status: 200, body: { version: 2, changes: [change], request_id: 'r' } } : undefined) })
    expect((await shell.run(['roster', 'log', '-o', 'table'])).out).toMatch(/\n2 +\S+Z +bootstrap/)
    const { out } = await shell.run(['roster', 'status', '-o', 'table'])
    expect(out).toMatch(/\n3 +signer-3 +does not answer\n[^]*pending +ann +bob +2[^]*row +bob +ann/)
  })
})

const changeOf = (next: Roster) => ({ v: 1, document: toBase64url(encodeRoster(next)), intent: toBase64url(encodeIntent(intentFor(next))), evidence: [{ kind: 'key', proof: 'a.a.a' }], approvals: [], registrations: [], split: [] })

describe('roster diff', () => {
  const next = nextOf(two, { rate: 601 })
  const digest = toBase64url(intentDigest(encodeIntent(intentFor(next))))
  const listed = (of: object = {}) => ({ digest, version: 3, state: 'pending', needed: 2, approvers: [], denied: [], proposer: 'ann', iat: now(), exp: now() + 60, change: changeOf(next), ...of })
  const serveListed = (...changes: object[]) => serve({ reply: (path) => (path === '/v1/changes/list' ? { status: 200, body: { version: 2, changes, request_id: 'r' } } : undefined) })

  test('of the pending change, every leaf that differs', async () => {
    await serveListed(listed())
    const { code, out } = await shell.run(['roster', 'diff', '-o', 'json'])
    expect([code, JSON.parse(out)]).toEqual([0, expect.objectContaining({ change: digest, needed: 2, diff: expect.arrayContaining([expect.objectContaining({ path: 'rate' })]) })])
    expect((await shell.run(['roster', 'diff', '--', digest.slice(0, 8)])).code).toBe(0)
  })
  test('I-5 a document that is not the one that the intent names is not shown', async () => {
    await serveListed(listed({ change: { ...changeOf(next), document: toBase64url(encodeRoster(nextOf(two, { rate: 602 }))) } }))
    expect((await shell.run(['roster', 'diff'])).err).toContain('roster_differs')
  })
  test('I-5 nor one that builds on another version than the one shown', async () => {
    const elsewhere = nextOf(nextOf(two, { rate: 9 }), { version: 3, rate: 10 })
    await serveListed(listed({ digest: toBase64url(intentDigest(encodeIntent(intentFor(elsewhere)))), change: changeOf(elsewhere) }))
    const { code, err } = await shell.run(['roster', 'diff'])
    expect([code, err]).toEqual([1, expect.stringContaining('does not build on the version in force')])
  })
  test('nor under the digest of another intent', async () => {
    await serveListed(listed({ digest: filled(32, 5) }))
    expect((await shell.run(['roster', 'diff'])).err).toContain('roster_differs')
  })
  test('which one must be clear', async () => {
    await serveListed()
    expect((await shell.run(['roster', 'diff'])).code).toBe(1)
    expect((await shell.run(['roster', 'diff', 'AAAA'])).err).toContain('There is no change AAAA')
  })
  test('of a file', async () => {
    await serve()
    const file = shell.write('next.json', JSON.stringify({ ...two, rate: 7 }))
    expect(JSON.parse((await shell.run(['roster', 'diff', '--file', file])).out)).toMatchObject({ version: 3, diff: expect.arrayContaining([expect.objectContaining({ path: 'rate' })]) })
  })
})

describe('roster propose', () => {
  const proposed = async (...args: string[]) => {
    const { code, out, err } = await shell.run(['roster', 'propose', ...args.map((arg) => (/^[a-z]+\.(yaml|json|pub|pem)$/.test(arg) ? join(shell.folder, arg) : arg)), '-o', 'json'])
    const data = (code === 0 ? JSON.parse(out) : {}) as { file?: string; url?: string; link?: string; to?: string; diff?: { path: string; weight: string }[] }
    const draft = data.file === undefined ? undefined : decodeDraft(readFileSync(data.file))
    const decoded = draft === undefined ? undefined : decodeRoster(fromBase64url(draft.document) ?? new Uint8Array())
    return { code, err, ...data, draft, document: decoded?.ok === true ? decoded.value : undefined }
  }

  test('invite: the seed is in the link alone, its public half in the proposal, and nothing is sent', async () => {
    const requests = await serve()
    const { code, err, link = '', url = '', file = '', draft, document, to } = await proposed('invite', 'dan', '--name', 'Dan', '--role', 'engineer')
    const opened = parseLink(new URL(link).hash.slice(1))
    expect([code, opened]).toEqual([0, { v: 1, kind: 'invitation', seed: expect.any(String), lineage, row: 'dan', name: 'Dan', exp: expect.any(Number) }])
    const seed = fromBase64url(opened?.seed ?? '') ?? new Uint8Array()
    expect(document?.people.find(({ id }) => id === 'dan')).toEqual({ id: 'dan', name: 'Dan', roles: ['engineer'], groups: [], passkeys: [], invitation: { key: ed25519Of(seed), exp: opened?.exp, uses: ['sign_in'] } })
    expect([document?.version, document?.previous, document === undefined ? '' : rosterDigest(document)]).toEqual([3, [rosterDigest(two)], to])
    expect(draftIn(new URL(url).hash)).toEqual(draft)
    expect([new URL(url).origin, new URL(url).pathname, new URL(url).search]).toEqual(['https://console.example', '/changes', ''])
    expect([`${url}${err}${readFileSync(file, 'utf8')}`.includes(opened?.seed ?? '?'), statSync(file).mode & 0o777]).toEqual([false, 0o600])
    expect(requests.map(({ path }) => path)).toEqual(['/v1/keyset', '/v1/roster'])
  })

  test('a table shows links whole', async () => {
    await serve()
    const { out } = await shell.run(['roster', 'propose', 'invite', 'dan', '-o', 'table'])
    expect(parseLink(/invitation +https:\/\/console\.example\/enrol#(\S+)\n/.exec(out)?.[1] ?? '')).toMatchObject({ row: 'dan' })
  })

  test.each<[string, readonly string[], (document: Roster) => unknown, unknown]>([
    ['remove', ['remove', 'cleo', '--count', '1'], ({ people, guardians }) => [people.length, guardians?.people, guardians?.count], [2, ['ann', 'bob'], 1]],
    ['remove a service', ['remove', 'svc-deploy'], ({ services }) => services, []],
    ['role', ['role', 'svc-deploy', '--add', 'releaser,auditor', '--remove', 'engineer'], ({ services }) => services[0]?.roles, ['releaser', 'auditor']],
    ['role of a trust', ['role', 'ci-deploy', '--add', 'releaser'], ({ trusts }) => trusts[0]?.roles, ['engineer', 'releaser']],
    ['issuer', ['issuer', 'add', '--file', 'issuer.yaml'], ({ issuers }) => issuers.map(({ id }) => id), ['ci', 'hub']],
    ['trust', ['trust', 'add', '--file', 'trust.yaml'], ({ trusts }) => trusts[0]?.when, [{ claim: 'repository_id', equals: '43' }]],
    ['service', ['service', 'add', 'worker', '--role', 'engineer', '--public-key', 'worker.pub', '--public-key-id', 'worker-1', '--owner', 'ann'], ({ services }) => services[1]?.keys[0]?.id, 'worker-1'],
    ['a whole file', ['--file', 'next.json'], ({ rate, version }) => [rate, version], [7, 3]],
  ])('%s', async (_name, args, pick, value) => {
    await serve()
    shell.write('issuer.yaml', 'id: hub\nissuer: https://hub.example\njwks_uri: https://hub.example/jwks\nclass: bound\nmax_age: 600\n')
    shell.write('trust.yaml', 'id: ci-deploy\nname: Deploy job\nissuer: ci\nroles: [engineer]\ngroups: []\nwhen:\n  - claim: repository_id\n    equals: "43"\n')
    shell.write('worker.pub', String(generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' })))
    shell.write('next.json', JSON.stringify({ ...two, rate: 7 }))
    const { code, err, document } = await proposed(...args)
    expect([code, code === 0 ? '' : err]).toEqual([0, ''])
    expect(document === undefined ? undefined : pick(document)).toEqual(value)
  })

  test('policy: the bundle goes along, and is loaded from the file where a link is too long', async () => {
    await serve()
    const policy = join(import.meta.dirname, '../policy')
    for (const [name, from] of [['policy.wasm', 'bundle/policy.wasm'], ['data.json', 'data.json']] as const) shell.write(`bundle/${name}`, readFileSync(join(policy, from)))
    const { url, err, draft, document, file } = await proposed('policy', '--bundle', join(shell.folder, 'bundle'))
    expect([url, err.includes(`load ${file}`), draft?.bundle === undefined, document?.policy === two.policy]).toEqual([undefined, true, false, false])
  })

  test.each<[string, readonly string[]]>([
    ['somebody who is there', ['invite', 'ann']],
    ['nobody', ['remove', 'zoe']],
    ['a guardian too many', ['remove', 'cleo']],
    ['a role that is not had', ['role', 'ann', '--remove', 'root']],
    ['a private key', ['service', 'add', 'worker', '--public-key', 'key.pem']],
    ['nothing', ['--file', 'same.json']],
    ['two who cannot both be needed', ['--file', 'count.json']],
  ])('%s is a mistake, and writes nothing', async (_name, args) => {
    const requests = await serve()
    shell.write('same.json', JSON.stringify(two))
    shell.write('count.json', JSON.stringify({ ...two, guardians: { ...two.guardians, people: ['zoe'] } }))
    expect((await proposed(...args)).code).toBe(1)
    expect([existsSync(join(shell.folder, 'user/.local/state/symbolon/proposals')), requests.some(({ path }) => path === '/v1/changes')]).toEqual([false, false])
  })

  test('--dry-run shows the diff, and makes neither file nor link', async () => {
    await serve()
    const { code, file, link, diff } = await proposed('invite', 'dan', '--dry-run')
    expect([code, file, link, diff?.some(({ path }) => path.startsWith('people/dan'))]).toEqual([0, undefined, undefined, true])
  })

  test('version 1 is not for terminals', async () => {
    await serve({ document: first })
    expect((await proposed('invite', 'dan')).err).toContain('version 2 is made by the bootstrap key')
  })
})

test('A-8 what the api says of itself steers no terminal', async () => {
  await serve({ reply: (path) => (path === '/v1/changes/list' ? { status: 403, body: { type: 'about:blank', title: steering, status: 403, code: 'policy_denied', request_id: steering, detail: steering } } : undefined) })
  const { err } = await shell.run(['roster', 'status'], { tty: true })
  // oxlint-disable-next-line no-control-regex
  expect([err.includes('policy_denied'), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/.test(err)]).toEqual([true, false])
})

describe('roster bootstrap', () => {
  test('before the ceremony it makes the key; afterwards it prints the link to the same', async () => {
    const seedFile = join(shell.folder, 'seed')
    delete shell.env['SYMBOLON_PIN']
    const before = await shell.run(['roster', 'bootstrap', '--seed-file', seedFile, '-o', 'json'])
    const { public_key, link } = JSON.parse(before.out) as { public_key: { x: string }; link?: string }
    expect([before.code, link, statSync(seedFile).mode & 0o777, before.out.includes(readFileSync(seedFile, 'utf8').trim())]).toEqual([0, undefined, 0o600, false])
    const after = await shell.run(['roster', 'bootstrap', '--seed-file', seedFile, '--pin', lineage, '--field', 'link'])
    const opened = parseLink(new URL(after.out.trim()).hash.slice(1))
    expect(opened).toMatchObject({ kind: 'bootstrap', lineage })
    expect(ed25519Of(fromBase64url(opened?.seed ?? '') ?? new Uint8Array()).x).toBe(public_key.x)
  })

  test('a seed that others may read is not used', async () => {
    const seedFile = shell.write('seed', `${toBase64url(seedOf('x'))}\n`, 0o644)
    expect((await shell.run(['roster', 'bootstrap', '--seed-file', seedFile])).err).toContain('is open to others')
  })
})

describe('service rotate-key', () => {
  const accepted = { status: 200, body: { digest: filled(32, 1), state: 'accepted', signers: [], request_id: 'r' } }
  const rotate = (...flags: string[]) => shell.run(['service', 'rotate-key', '--new-key-file', join(shell.folder, 'new.pem'), '--new-key-id', 'svc-deploy-2', ...flags])
  const sent = (requests: readonly Asked[]) => (JSON.parse(requests.find(({ path }) => path === '/v1/entries')?.body ?? '{}') as { entry?: Parameters<typeof judgeEntry>[0]['entry'] }).entry
  const judge = (requests: readonly Asked[], entries: readonly CertifiedEntry[] = []) => {
    const entry = sent(requests)
    return entry === undefined ? undefined : judgeEntry({ entry, document: two, entries, locked: [], now: now() })
  }

  test('makes the key, and an entry that signers take', async () => {
    const requests = await serve({ reply: (path) => (path === '/v1/entries' ? accepted : undefined) })
    expect((await rotate()).code).toBe(0)
    expect(judge(requests)).toMatchObject({ ok: true, slot: { of: 'row', row: 'svc-deploy', seq: 1 } })
    expect(statSync(join(shell.folder, 'new.pem')).mode & 0o777).toBe(0o600)
  })

  test('goes on where the chain stands', async () => {
    const chain = [certifiedEntry(rotationOf('svc-deploy', { root: 'svc-deploy-1', seq: 1, by: 'svc-deploy-1', to: 'svc-deploy-1b' }))]
    const requests = await serve({ entries: chain, reply: (path) => (path === '/v1/entries' ? accepted : undefined) })
    expect(await rotate()).toMatchObject({ code: 1, err: expect.stringContaining('credential_unusable') })
    const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seedOf('svc-deploy-1b')])
    shell.env['SYMBOLON_KEY_FILE'] = shell.write('newer.pem', String(createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' })))
    expect((await rotate()).code).toBe(0)
    expect(judge(requests, chain)).toMatchObject({ ok: true, slot: { seq: 2 } })
  })

  test('asked again after a lost answer it sends the same key, and --dry-run sends and writes nothing', async () => {
    const requests = await serve({ reply: (path) => (path === '/v1/entries' ? accepted : undefined) })
    await rotate('--dry-run')
    expect([existsSync(join(shell.folder, 'new.pem')), sent(requests)]).toEqual([false, undefined])
    await rotate()
    await rotate()
    const keys = requests.filter(({ path }) => path === '/v1/entries').map(({ body }) => (JSON.parse(body) as { entry: { statement: { key: unknown } } }).entry.statement.key)
    expect([keys.length, keys[0]]).toEqual([2, keys[1]])
  })

  test('a person has no such key', async () => {
    await serve()
    expect((await shell.run(['service', 'rotate-key', '--new-key-file', 'x', '--new-key-id', 'y', '--subject', 'ann'])).err).toContain('ann is no service')
  })
})
