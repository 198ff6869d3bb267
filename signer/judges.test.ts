import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import { noStops } from '@symbolon/evidence/stops.ts'
import { at, bundleWith, defaultData, intentOf, makeWorld, request } from '@symbolon/policy/judge.testkit.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import { openBench, type Bench } from './judges.ts'

const benches: { bench: Bench; folder: string }[] = []
afterEach(async () => {
  for (const { bench, folder } of benches.splice(0)) {
    await bench.close()
    rmSync(folder, { recursive: true, force: true })
  }
})
function benchHere(): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'signer-judges-'))
  const log = openLog({ process: 'test', level: 'error', to: new Writable({ write: (_line, _encoding, done) => done() }) })
  const bench = openBench({ issuers: [], folder, workers: 1, timeoutMs: 10_000, unseal: () => Promise.resolve(undefined), log })
  benches.push({ bench, folder })
  return bench
}
const world = makeWorld()
const asked = () => request(world, intentOf(world))

test('judges that retire answer what was asked before, and nothing after', async () => {
  const judges = await benchHere().open({ roster: world.roster, bundle: world.bundle, stops: noStops })
  const before = [judges.judge({ requests: [asked(), asked()], clock: at }), judges.judge({ requests: [asked()], clock: at })]
  const retired = judges.retire()
  expect((await Promise.all(before)).flatMap((answers) => (typeof answers === 'string' ? [answers] : answers.map(({ verdict }) => verdict)))).toEqual(['granted', 'granted', 'granted'])
  await retired
  expect(await judges.judge({ requests: [asked()], clock: at })).toBe('busy')
})

test('two versions’ judges live side by side, each with its own stops', async () => {
  const bench = benchHere()
  const [one, two] = await Promise.all([1, 2].map(() => bench.open({ roster: world.roster, bundle: world.bundle, stops: noStops })))
  await two?.setStops({ revoked: [], locked: [{ row: 'ci', until: at + 86_400 }] })
  const answers = await Promise.all([one, two].map((judges) => judges?.judge({ requests: [asked()], clock: at })))
  expect(answers).toMatchObject([[{ verdict: 'granted' }], [{ verdict: 'refused', reasons: [{ code: 'locked' }] }]])
})

test('TST-35 a program that cannot be evaluated opens no judges', async () => {
  const bundle = bundleWith(defaultData, new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]))
  await expect(benchHere().open({ roster: { ...world.roster, policy: bundle.digest }, bundle, stops: noStops })).rejects.toMatchObject({ code: 'workers_cannot_open' })
})
