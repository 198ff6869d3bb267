import { createHash } from 'node:crypto'
import { json, type FrontRequest, type Reply } from '@symbolon/front/route.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import type { Readiness } from '@symbolon/runtime/health.ts'
import { callerOf, isGood, type Here } from './facade-caller.ts'
import { answerOf } from './facade-shape.ts'

/* `sys/…`: as much as clients ask for before they ask for secrets. Nothing here changes anything. */

/** Of the interface: what clients compare with what they know how to ask. */
const version = '1.15.0'

/** A health answer's status may be chosen by the query, as there: for load balancers that know few. */
export async function health({ request, facade }: Here, readiness: () => Promise<Readiness>): Promise<Reply | Failure> {
  const { ready } = await readiness()
  const status = chosen(request, ready ? ['activecode', 200] : ['sealedcode', 503])
  if (status === undefined) return fail('malformed', { detail: 'A status is a number from 200 to 599.' })
  const body = { initialized: true, sealed: !ready, standby: false, performance_standby: false, replication_performance_mode: 'disabled', replication_dr_mode: 'disabled', server_time_utc: Math.floor(Date.now() / 1000), version, enterprise: false, cluster_name: new URL(facade.issuer).host, cluster_id: uuidOf(facade.lineage) }
  return { ...json(body), status }
}

function chosen({ query }: FrontRequest, [name, usual]: readonly [string, number]): number | undefined {
  const text = new URLSearchParams(query).get(name)
  if (text === null || text === '') return usual
  return /^[2-5]\d\d$/.test(text) && text !== '204' ? Number(text) : undefined
}

/** Sealed means: fewer signers answer than the threshold needs, so nothing can be opened. */
export async function sealStatus({ facade }: Here, readiness: () => Promise<Readiness>): Promise<Reply> {
  const { ready } = await readiness()
  const signers = facade.keys.newest.keys.group.shares.size
  return json({ type: 'symbolon', initialized: true, sealed: !ready, t: facade.threshold, n: signers, progress: 0, nonce: '', version, build_date: '', migration: false, cluster_name: new URL(facade.issuer).host, cluster_id: uuidOf(facade.lineage), recovery_seal: false, storage_type: 'symbolon' })
}

export const initialized = (): Reply => json({ initialized: true })

/** Clients want an id in this form; it says nothing more than the text that it is made of. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`
}

const mountOf = (id: string) => ({ accessor: `kv_${id}`, config: { default_lease_ttl: 0, force_no_cache: false, max_lease_ttl: 0 }, description: 'Secrets that the vault process opens for its clients.', external_entropy_access: false, local: false, options: { version: '2' }, running_plugin_version: '', seal_wrap: false, type: 'kv', uuid: uuidOf(`mount ${id}`) })

const mountsOf = ({ facade: { namespaces } }: Here) => Object.fromEntries([...namespaces].filter(([, combine]) => combine === 'vault').map(([id]) => [`${id}/`, mountOf(id)]))

/** With a good token: namespaces that such clients can use. */
export async function mounts(here: Here, form: 'sys' | 'ui'): Promise<Reply | Failure> {
  const refused = await isStranger(here)
  if (refused !== undefined) return refused
  const secret = mountsOf(here)
  if (form === 'ui') return answerOf(here.request.requestId, { data: { auth: {}, secret } })
  const reply = answerOf(here.request.requestId, { data: secret })
  // As there: the mounts stand in `data`, and once more beside it, where older clients look.
  return { ...reply, body: JSON.stringify({ ...secret, ...(JSON.parse(reply.body) as object) }) }
}

/** Which mount a path is in: what clients ask before their first question about it. */
export async function mountAt(here: Here): Promise<Reply | Failure> {
  const refused = await isStranger(here)
  if (refused !== undefined) return refused
  const [id = ''] = here.request.rest.split('/')
  const combine = here.facade.namespaces.get(id)
  if (combine === 'caller') return callerOnly(id)
  if (combine === undefined) return fail('policy_denied', { detail: 'preflight capability check returned 403, please ensure client’s policies grant access to this path: there is no such mount.' })
  return answerOf(here.request.requestId, { data: { ...mountOf(id), path: `${id}/` } })
}

/** The vault cannot open what only its readers may combine. */
export const callerOnly = (id: string): Failure => fail('facade_not_allowed', { detail: `Secrets of ${id}/ are opened by their readers alone, not by the vault. Use symbolon kv get ${id}/…, or the SDK.` })

async function isStranger(here: Here): Promise<Failure | undefined> {
  const caller = callerOf(here)
  return caller.ok ? isGood(caller.value) : caller
}
