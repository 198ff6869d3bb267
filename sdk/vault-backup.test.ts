import { afterEach, describe, expect, test } from 'vitest'
import { path, strings, testSecrets } from '@symbolon/envelope/envelope.testkit.ts'
import type { Outcome } from './errors.ts'
import { serveVault, type TestVault } from './vault.testkit.ts'

const open: TestVault[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})
const serve = async (options: Parameters<typeof serveVault>[0] = {}): Promise<TestVault> => {
  const served = await serveVault(options)
  open.push(served)
  return served
}
const valueOf = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw outcome.error
  return outcome.value
}
const canary = 'canary-in-a-backup'

async function filled(deployment = testSecrets()): Promise<TestVault> {
  const served = await serve({ deployment })
  const vault = await served.open()
  for (const name of ['app/a', 'app/b', 'app/c', 'secret/d']) valueOf(await vault.write(path(name), strings({ password: `${canary} ${name}` })))
  valueOf(await vault.write(path('app/b'), strings({ password: 'second' })))
  return served
}
async function linesOf(served: TestVault): Promise<string[]> {
  const lines: string[] = []
  for await (const line of (await served.open()).exportAll()) lines.push(valueOf(line))
  return lines
}
async function* given(lines: readonly string[]): AsyncGenerator<string> {
  for (const line of lines) yield line.replace(/\n$/, '')
}
const restore = async (lines: readonly string[], served: TestVault, dry = false) => (await served.open()).importAll(given(lines), { dry })

describe('a backup', () => {
  test('holds no secret, and brings all of them back into an empty vault', async () => {
    const deployment = testSecrets()
    const lines = await linesOf(await filled(deployment))
    expect(lines).toHaveLength(6)
    for (const form of [canary, Buffer.from(canary).toString('base64url').slice(0, -2)]) expect(lines.join('')).not.toContain(form)
    const empty = await serve({ deployment })
    expect(valueOf(await restore(lines, empty))).toEqual({ taken: 4, left: [], secrets: 4, lacking: [] })
    const read = valueOf(await (await empty.open()).read([{ path: path('app/b'), version: 1 }, { path: path('app/b'), version: 'latest' }]))
    expect(read.map(({ value }) => value)).toEqual([strings({ password: `${canary} app/b` }), strings({ password: 'second' })])
  })

  test('is verified without being sent', async () => {
    const deployment = testSecrets()
    const lines = await linesOf(await filled(deployment))
    const empty = await serve({ deployment })
    expect(valueOf(await restore(lines, empty, true)).taken).toBe(4)
    expect(empty.held.asked).toEqual([])
  })

  test('says which ciphertexts the vault has lost', async () => {
    const served = await filled()
    const [lost] = served.held.records.get('app/a')?.[0]?.plain.versions ?? []
    served.held.ciphertexts.delete(lost?.ciphertext ?? '')
    const seen: (readonly string[])[] = []
    const vault = await served.open()
    const lines: string[] = []
    for await (const line of vault.exportAll({ onProgress: ({ lacking }) => seen.push(lacking) })) lines.push(valueOf(line))
    expect(seen.at(-1)).toEqual(['app/a@1'])
    expect(valueOf(await restore(lines, served, true)).lacking).toEqual(['app/a@1'])
  })
})

describe('is refused', () => {
  const tamper = async (change: (lines: string[]) => string[]) => {
    const deployment = testSecrets()
    const lines = await linesOf(await filled(deployment))
    const restored = await restore(change(lines), await serve({ deployment }))
    return restored.ok ? 'ok' : `${restored.error.code}: ${restored.error.details.detail}`
  }
  const edit = (line: string | undefined, by: (secret: Record<string, unknown[]>) => unknown): string => `${JSON.stringify(by(JSON.parse(line ?? '{}') as Record<string, unknown[]>))}\n`

  test.each<[string, (lines: string[]) => string[], string]>([
    ['that was cut', (lines) => lines.slice(0, -1), 'it has no end: it was cut'],
    ['with a line left out', (lines) => lines.toSpliced(2, 1), 'it is not whole: its end counts or hashes something else'],
    ['with lines exchanged', (lines) => [lines[0] ?? '', lines[2] ?? '', lines[1] ?? '', ...lines.slice(3)], 'it is not whole: its end counts or hashes something else'],
    ['with something behind its end', (lines) => [...lines, lines[1] ?? ''], 'something stands behind its end'],
    ['that is none', () => ['{"a":1}'], 'not a backup of a vault'],
    ['that is empty', () => [], 'it has no end: it was cut'],
    ['with another body', (lines) => lines.with(1, edit(lines[1], (secret) => ({ ...secret, versions: [{ ...(secret['versions']?.[0] as object), body: 'AAAA' }] }))), 'line 2: app/a: a ciphertext that its record does not name'],
    ['with another secret’s ciphertext', (lines) => lines.with(1, edit(lines[1], (secret) => ({ ...secret, versions: (JSON.parse(lines[3] ?? '{}') as Record<string, unknown>)['versions'] }))), 'line 2: app/a: a ciphertext that its record does not name'],
    ['with another secret’s history', (lines) => lines.with(1, edit(lines[1], (secret) => ({ ...secret, history: (JSON.parse(lines[2] ?? '{}') as Record<string, unknown>)['history'] }))), 'line 2: app/a: its history holds a record that is not its own'],
    ['with a record that nobody signed', (lines) => lines.with(1, edit(lines[1], (secret) => ({ ...secret, record: { ...(secret['record'] as unknown as object), signature: Buffer.alloc(64).toString('base64url') } }))), 'line 2: a record that no quorum signed'],
    ['with a line that is no secret', (lines) => lines.with(1, '{"record":1}\n'), 'line 2: no secret of a backup: wrong_shape'],
  ])('one %s', async (_name, change, detail) => expect(await tamper(change)).toBe(`backup_invalid: ${detail}`))

  test('one of another deployment', async () => {
    const lines = await linesOf(await filled())
    const restored = await restore(lines, await serve({ deployment: testSecrets({ name: 'another' }) }))
    expect(restored.ok ? '' : restored.error.details.detail).toMatch(/^it is of another deployment/)
  })
})

describe('re-encryption', () => {
  const rotated = () => testSecrets({ epochs: 2 })

  test('writes anew what is closed to the older key, keeps values, and is done when begun again', async () => {
    const deployment = rotated()
    const served = await serve({ deployment })
    await served.closeTo('app/old', strings({ k: 'old' }), 1)
    await served.closeTo('app/gone', strings({ k: 'gone' }), 1)
    const vault = await served.open()
    valueOf(await vault.delete(path('app/gone')))
    valueOf(await vault.write(path('app/new'), strings({ k: 'new' })))
    const progress: string[] = []
    const done = valueOf(await vault.reencrypt({ prefix: 'app', onProgress: ({ path: of, what, seen }) => progress.push(`${seen} ${of} ${what}`) }))
    expect(done).toEqual({ renewed: 1, kept: 2, overtaken: 0, failures: [] })
    expect(progress).toEqual(['1 app/gone kept', '2 app/new kept', '3 app/old renewed'])
    const [read] = valueOf(await vault.read([{ path: path('app/old'), version: 'latest' }]))
    expect(read).toMatchObject({ version: 2, value: strings({ k: 'old' }), group: deployment.keys.newest.kid })
    expect(valueOf(await vault.reencrypt({ prefix: 'app' }))).toMatchObject({ renewed: 0, kept: 3 })
  })

  test('secrets that a rotation has parted are still read together', async () => {
    const deployment = rotated()
    const served = await serve({ deployment })
    await served.closeTo('app/old', strings({ k: 'old' }), 1)
    const vault = await served.open()
    valueOf(await vault.write(path('app/new'), strings({ k: 'new' })))
    const read = valueOf(await vault.read(['app/old', 'app/new'].map((name) => ({ path: path(name), version: 'latest' }))))
    expect(read.map(({ value }) => value)).toEqual([strings({ k: 'old' }), strings({ k: 'new' })])
  })

  test('goes on after one that fails, begins where it is told, and stops when it is told', async () => {
    const deployment = rotated()
    const served = await serve({ deployment, lie: (at, reply, body) => (at === '/v1/secrets/read' && JSON.stringify(Buffer.from(String(body['intent']), 'base64url').toString()).includes('app/b') ? { status: 403, body: { type: 'about:blank', title: 'no', status: 403, code: 'policy_denied', request_id: 'r' } } : reply) })
    for (const name of ['app/a', 'app/b', 'app/c']) await served.closeTo(name, strings({ k: name }), 1)
    const vault = await served.open()
    const stop = new AbortController()
    expect(valueOf(await vault.reencrypt({ prefix: 'app', signal: stop.signal, onProgress: () => stop.abort() }))).toMatchObject({ renewed: 1 })
    const rest = valueOf(await vault.reencrypt({ prefix: 'app', after: 'app/a' }))
    expect(rest).toMatchObject({ renewed: 1, failures: [{ path: 'app/b' }] })
    expect(rest.failures[0]?.error.code).toBe('policy_denied')
  })
})
