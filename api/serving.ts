import { tokenJwks } from '@symbolon/roster/keyset.ts'
import { namesOf } from '@symbolon/front/deployment.ts'
import type { FrontRoute } from '@symbolon/front/route.ts'
import { servingOf as commonOf, type Serving as Common } from '@symbolon/front/serving.ts'
import { authorizationServer, openidConfiguration } from './metadata.ts'
import type { MintParts } from './mint.ts'
import { openSubjects, type SubjectOf } from './subject.ts'

/** What the api builds from one roster version besides what every process does. */
export interface Serving extends Common {
  readonly minting: MintParts
  readonly subjectOf: SubjectOf
  /** Documents that anyone may fetch, as JSON. */
  readonly published: { readonly jwks: string; readonly authorizationServer: string; readonly openidConfiguration: string }
}
export type ApiRoute = FrontRoute<Serving>

export type ServingParts = Pick<Serving, 'deployment' | 'addresses' | 'heavy'> & { readonly minting: Omit<MintParts, 'groupKey' | 'roster' | 'policy' | 'names'>; readonly subjectOf?: SubjectOf }

export function servingOf({ deployment, minting, subjectOf = openSubjects(deployment.roster), addresses, heavy }: ServingParts): Serving {
  const { roster, groupKey } = deployment
  return {
    ...commonOf({ deployment, addresses, heavy }),
    minting: { ...minting, groupKey, roster: roster.version, policy: roster.policy, names: namesOf(roster) },
    subjectOf,
    published: { jwks: JSON.stringify(tokenJwks(roster)), authorizationServer: JSON.stringify(authorizationServer(roster)), openidConfiguration: JSON.stringify(openidConfiguration(roster)) },
  }
}
