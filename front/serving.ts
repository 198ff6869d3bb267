import type { Deployment } from './deployment.ts'
import type { EventFacts } from './event.ts'
import type { Limiter } from './limiter.ts'

/**
 * What every process builds from one roster version; each adds its own. A request takes it once and keeps it to its end, so that nothing is
 * answered by two versions at once.
 */
export interface Serving {
  readonly deployment: Deployment
  /** Origins whose pages may call. */
  readonly origins: ReadonlySet<string>
  /** Requests per client address: those that cost cryptography, and those with a large body. */
  readonly addresses: Limiter
  readonly heavy: Limiter
  readonly facts: Pick<EventFacts, 'deployment' | 'roster' | 'policy'>
}

/** @param parts.own public URL of the process itself, where it is not the deployment's issuer */
export function servingOf({ deployment, own = [], addresses, heavy }: Pick<Serving, 'deployment' | 'addresses' | 'heavy'> & { readonly own?: readonly string[] }): Serving {
  const { roster, lineage } = deployment
  return {
    deployment,
    origins: new Set([roster.deployment.issuer, ...roster.deployment.console_origins, ...own].map((url) => new URL(url).origin)),
    addresses,
    heavy,
    facts: { deployment: lineage, roster: roster.version, policy: roster.policy },
  }
}
