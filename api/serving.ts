import type { EventFacts } from './event.ts'
import type { Deployment } from './deployment.ts'
import type { Limiter } from './limiter.ts'
import { authorizationServer, openidConfiguration } from './metadata.ts'
import type { MintParts } from './mint.ts'
import { openSubjects, type SubjectOf } from './subject.ts'
import { tokenJwks } from '@symbolon/roster/keyset.ts'

/** All that is built from one roster version. A request takes it once and keeps it to its end, so that nothing is answered by two versions at once. */
export interface Serving {
  readonly deployment: Deployment
  readonly minting: MintParts
  readonly subjectOf: SubjectOf
  /** Documents that anyone may fetch, as JSON. */
  readonly published: { readonly jwks: string; readonly authorizationServer: string; readonly openidConfiguration: string }
  /** Origins whose pages may call. */
  readonly origins: ReadonlySet<string>
  /** Requests per client address: those that cost cryptography, and those with a large body. */
  readonly addresses: Limiter
  readonly heavy: Limiter
  readonly facts: Pick<EventFacts, 'deployment' | 'roster' | 'policy'>
}

export type ServingParts = Pick<Serving, 'deployment' | 'addresses' | 'heavy'> & { readonly minting: Omit<MintParts, 'groupKey' | 'roster' | 'policy' | 'names'>; readonly subjectOf?: SubjectOf }

export function servingOf({ deployment, minting, subjectOf = openSubjects(deployment.roster), addresses, heavy }: ServingParts): Serving {
  const { roster, lineage, groupKey } = deployment
  return {
    deployment,
    minting: { ...minting, groupKey, roster: roster.version, policy: roster.policy, names: new Map(roster.signers.map(({ id, name }) => [id, name])) },
    subjectOf,
    published: { jwks: JSON.stringify(tokenJwks(roster)), authorizationServer: JSON.stringify(authorizationServer(roster)), openidConfiguration: JSON.stringify(openidConfiguration(roster)) },
    origins: new Set([roster.deployment.issuer, ...roster.deployment.console_origins].map((url) => new URL(url).origin)),
    addresses,
    heavy,
    facts: { deployment: lineage, roster: roster.version, policy: roster.policy },
  }
}
