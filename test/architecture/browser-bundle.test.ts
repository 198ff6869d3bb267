import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { build } from 'vite'
import { answerOf, digestOf, got, path, strings, testSecrets, write } from '@symbolon/envelope/envelope.testkit.ts'
import { labelOf } from '@symbolon/protocol/label.ts'
import type * as keysModule from '@symbolon/envelope/keys.ts'
import type * as openModule from '@symbolon/envelope/open.ts'
import type * as replyModule from '@symbolon/envelope/reply.ts'
import type * as sealModule from '@symbolon/envelope/seal.ts'
import { openSecrets } from '@symbolon/envelope/open.ts'
import { openRequestKey } from '@symbolon/envelope/reply.ts'

/* What browsers get of `envelope` is complete without Node, and does the same as what Node gets. */

const root = resolve(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'symbolon-bundle-'))
afterAll(() => rmSync(folder, { recursive: true }))

type Envelope = typeof keysModule & typeof openModule & typeof replyModule & typeof sealModule

/** @hpke/common's, for a Node without `globalThis.crypto`: never reached in a browser. */
const fallback = '__vite-browser-external:crypto'

async function bundled(): Promise<{ readonly modules: readonly string[]; readonly code: string; readonly main: string }> {
  const entry = join(folder, 'entry.ts')
  writeFileSync(entry, ['keys', 'open', 'receipts', 'reply', 'seal'].map((name) => `export * from ${JSON.stringify(join(root, 'envelope', `${name}.ts`))}`).join('\n'))
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    root,
    resolve: { conditions: ['browser', 'module', 'import', 'default'] },
    build: { write: false, minify: false, target: 'es2023', lib: { entry, formats: ['es'] } },
  })
  const outputs = (Array.isArray(built) ? built : [built]).flatMap((one) => ('output' in one ? one.output : []))
  const chunks = outputs.flatMap((one) => (one.type === 'chunk' ? [one] : []))
  for (const { fileName, code } of chunks) writeFileSync(join(folder, fileName), code)
  return { modules: chunks.flatMap(({ moduleIds }) => moduleIds), code: chunks.map(({ code }) => code).join('\n'), main: join(folder, chunks.find(({ isEntry }) => isEntry)?.fileName ?? '') }
}

const bundle = await bundled()

test('it holds no module of Node, and no native code', () => {
  expect(bundle.modules.some((id) => id.endsWith('envelope/platform-browser.ts'))).toBe(true)
  const foreign = bundle.modules.filter((id) => id !== fallback && /^node:|browser-external|sodium|platform-node/.test(id))
  expect(foreign).toEqual([])
  expect(bundle.code).not.toMatch(/(?:from|import\()\s*["'](?:node:|sodium)/)
})

test('what a browser closes Node opens, and the other way round', async () => {
  const browser = (await import(pathToFileURL(bundle.main).href)) as Envelope
  const deployment = testSecrets()
  const { keyset, lineage } = deployment
  const keys = got(browser.secretKeys({ keyset, lineage }))
  expect(keys.suite.group).not.toBe(deployment.keys.suite.group)
  const intent = digestOf('intent')
  const made = got(await browser.seal({ value: strings({ by: 'a browser' }), label: labelOf(path('app/x'), { combine: 'caller', version: 1, type: 'string' }), keys }))
  const row = await write(deployment, 'app/x', strings({ by: 'node' }))
  const [mine] = row.plain.versions
  const theirs = { ...row, head: made.head, body: made.body, record: deployment.sign({ ...row.plain, versions: mine === undefined ? [] : [{ ...mine, ciphertext: made.digest, size: made.size }] }) }
  for (const [open, replyKey, of, value] of [
    [openSecrets, await openRequestKey(), deployment.keys, theirs],
    [browser.openSecrets, await browser.openRequestKey(), keys, row],
  ] as const) {
    const opened = await Promise.all([1, 2].map((id) => answerOf(deployment, id, [value.head], { intent, reply: replyKey.reply })))
    const [one] = got(await open({ intent, labels: [{ path: row.plain.path, version: 'latest' }], replyKey, keys: of, now: 1_800_000_000, rows: [value], epoch: 1, opened }))
    expect(one?.value).toEqual(strings({ by: value === row ? 'node' : 'a browser' }))
  }
})
