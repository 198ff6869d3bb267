import { generateKeyPairSync, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Ground } from '@symbolon/front/answer.ts'
import { addressSet } from '@symbolon/front/client-address.ts'
import { loadDeployment } from '@symbolon/front/deployment.ts'
import type { Limiter } from '@symbolon/front/limiter.ts'
import type { Quorum } from '@symbolon/front/quorum.ts'
import { openHolder } from '@symbolon/front/holder.ts'
import { routesOf, type Parts } from '@symbolon/api/routes.ts'
import { appOf, listen } from '@symbolon/front/server.ts'
import { servingOf } from '@symbolon/api/serving.ts'
import { parseJwks } from '@symbolon/evidence/jwks.ts'
import type { IssuerKeys } from '@symbolon/evidence/verify.ts'
import { noStops } from '@symbolon/evidence/stops.ts'
import { bundleOf } from '@symbolon/policy/bundle.ts'
import { openJudge } from '@symbolon/policy/judge.ts'
import { toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { openBook } from '@symbolon/roster/book.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import { openMetrics } from '@symbolon/runtime/metrics.ts'

/*
 * What everybody else does: one process that judges and signs with one key. It is the api itself, with its HTTP, its checks and its
 * audit events, the same judge and the same policy; only behind it stands a native key instead of a quorum, and no database.
 * Argument: the home of a running stack, whose roster it takes. Says its port, then serves until its parent is gone.
 */

const [home] = process.argv.slice(2)
if (home === undefined) throw new Error('usage: single-key.ts HOME')

interface ApiConfig {
  readonly roster: string
  readonly keyset: string
  readonly policy: string
}
const config = JSON.parse(readFileSync(join(home, 'api/config.json'), 'utf8')) as ApiConfig
const deployment = loadDeployment(config)
const { roster } = deployment
const bundle = bundleOf(roster, { wasm: readFileSync(join(config.policy, 'policy.wasm')), data: readFileSync(join(config.policy, 'data.json')) })
if (!bundle.ok) throw new Error('this is not the bundle that the roster names')

const issuerKeys = await fetchKeys(roster)
const judge = openJudge({ roster, bundle: bundle.bundle, stops: () => noStops, issuerKeys: () => issuerKeys })
const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const log = openLog({ process: 'single-key', level: 'info' })
const never = () => Promise.reject(new Error('nobody asks the bench for this'))

const unlimited = (name: string): Limiter => ({ name, quota: 1_000_000, window: 60, take: async () => ({ ok: true, remaining: 1, resetSeconds: 60 }) })
const oneKey: Quorum = {
  sign: async ({ bytes }) => ({ ok: true, outcome: { outcome: 'signed', signature: toBase64url(sign(null, utf8(bytes), privateKey)), parts: [] } }),
}
const serving = servingOf({
  deployment: { ...deployment, groupKey: publicKey },
  minting: { judges: { judge: async (request, clock) => judge.judge(request, clock), explain: never, list: never, rule: never }, quorum: oneKey, identities: unlimited('identity'), clock: () => Math.floor(Date.now() / 1000) },
  addresses: unlimited('address'),
  heavy: unlimited('heavy'),
})
const parts: Parts = {
  changes: { store: { add: never, find: never, list: never, keep: never, claim: never, giveBack: never, refuse: never, accept: never, remove: never, due: never, waiting: never }, wire: { change: never, stop: never }, state: () => openBook(roster), follow: never, clock: () => Math.floor(Date.now() / 1000) },
  proofs: { take: never },
  device: { devices: { add: never, find: never, decide: never, ask: never, pace: never, deliver: never }, consoleUrl: undefined, proofs: { take: never }, attempts: unlimited('device') },
  overview: { status: never, readiness: never, keyset: never },
  metrics: openMetrics({ process: 'single-key' }),
}
const ground: Ground = { trustedHops: 0, insider: addressSet([]), sink: (facts) => log.info(facts, 'decision'), log, observe: () => undefined }
const app = appOf(routesOf(parts), ground, openHolder({ value: serving, close: async () => undefined }))
const { address } = await listen(app, { listen: { host: '127.0.0.1', port: 0 }, tls: undefined })
process.send?.(address.port)
process.on('disconnect', () => process.exit(0))

/** Once: the keys of a real issuer change in weeks. */
async function fetchKeys({ issuers }: Roster): Promise<IssuerKeys> {
  const rows = issuers.map(async ({ id, jwks_uri }) => {
    const parsed = parseJwks(new Uint8Array(await (await fetch(jwks_uri ?? '')).arrayBuffer()))
    if (!parsed.ok) throw new Error(`${id}: ${parsed.reason}`)
    return [id, { keys: parsed.keys, absent: new Set<string>() }] as const
  })
  return new Map(await Promise.all(rows))
}
