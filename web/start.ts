import type { Context, Started } from '@symbolon/runtime/process.ts'
import type { WebConfig } from './config.ts'
import { listen } from './server.ts'
import { loadSite } from './site.ts'

/** Everything is read before it listens. Throws a SafeError where it refuses to start. */
export async function start({ config, log }: Context<WebConfig>): Promise<Started> {
  const { api, vault, issuer, lineage, rp_id } = config
  const site = loadSite(config.site, { api, ...(vault === undefined ? {} : { vault }), issuer, lineage, rp_id })
  const server = await listen(site, config)
  log.info({ ...server.address, lineage, files: site.size }, 'ready')
  return { state: 'running', stop: (deadline) => server.stop(deadline) }
}
