import { decodeAs } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { CoordinatorStatus } from '@symbolon/protocol/mint.ts'
import type { StatusResponse } from '@symbolon/protocol/http.ts'
import { followKeysets, keysetChain, type KeysetChain } from '@symbolon/roster/keyset-chain.ts'
import type { Channel } from '@symbolon/runtime/channel-client.ts'
import type { Readiness } from '@symbolon/runtime/health.ts'
import type { Deployment } from '@symbolon/front/deployment.ts'
import { asking, openHealth, remember, type Found } from '@symbolon/front/health.ts'
import { endpoint } from './metadata.ts'

/** What the coordinator says, as of at most `freshMs` ago. */
export interface Overview {
  status(): Promise<StatusResponse>
  /** Whether a token could be minted now, and what is in the way. */
  readiness(): Promise<Readiness>
  /** From the one that clients pinned to the newest. */
  keyset(): Promise<KeysetChain>
}

export interface OverviewOptions {
  readonly channel: Pick<Channel, 'get'>
  /** The one that is answered by now. */
  deployment(): Deployment
  /** Where people sign in, if there is a console. */
  readonly consoleUrl?: string | undefined
  /** Where secrets are asked for, if there is a vault. */
  readonly vaultUrl?: string | undefined
  /** Changes that wait for approvals. */
  pending(): Promise<number>
  /** Whether the database answers. */
  check(): Promise<{ readonly ok: true } | { readonly ok: false; readonly code: string }>
  readonly clock?: () => number
}

/** How long a chain is handed out: so long clients may take a version for the newest that no longer is. */
const keysetMs = 5_000

export function openOverview({ channel, deployment, consoleUrl, vaultUrl, pending, check, clock = Date.now }: OverviewOptions): Overview {
  const health = openHealth({ channel, threshold: () => deployment().group.t, check, clock })
  const changes = remember(1_000, clock, pending)
  let chain: KeysetChain | undefined
  const keyset = remember(keysetMs, clock, async () => {
    chain = (await askKeyset(channel, deployment(), Math.floor(clock() / 1000))) ?? chain
    return chain
  })
  return {
    readiness: health.readiness,
    async status() {
      const [found, state, waiting] = await Promise.all([health.coordinator(), health.readiness(), changes()])
      const problems = state.failing.map(({ check: name, reason }) => (name === 'quorum' ? reason : `${name}: ${reason}`))
      return { ...describe(deployment(), found, problems), pending: waiting, ...(consoleUrl === undefined ? {} : { console_url: consoleUrl }), ...(vaultUrl === undefined ? {} : { vault_addr: vaultUrl }) }
    },
    keyset: async () => (await keyset()) ?? { keysets: [deployment().keyset] },
  }
}

/** Only one that a client would follow from the keyset that this process started with: which is in force is not the coordinator's to say. */
async function askKeyset(channel: Pick<Channel, 'get'>, { lineage }: Deployment, now: number): Promise<KeysetChain | undefined> {
  const answer = await channel.get('/v1/keyset', asking)
  const decoded = answer.ok && answer.status === 200 ? decodeAs(keysetChain, answer.body, limits.batchBodyBytes) : undefined
  return decoded?.ok === true && followKeysets(decoded.value, lineage, now).ok ? decoded.value : undefined
}

function describe({ roster, lineage, group }: Deployment, found: Found, problems: readonly string[]): Omit<StatusResponse, 'pending' | 'console_url' | 'vault_addr'> {
  const inForce = found.ok ? versionInForce(found.value.signers, group.t) : undefined
  return {
    ...(inForce === undefined ? {} : { roster_in_force: inForce }),
    issuer: roster.deployment.issuer,
    jwks_uri: endpoint(roster, '/.well-known/jwks.json'),
    lineage,
    roster: roster.version,
    policy: roster.policy,
    threshold: group.t,
    ready: problems.length === 0,
    problems: [...problems],
    audiences: roster.audiences,
    default_audience: roster.default_audience,
    signers: found.ok ? found.value.signers : roster.signers.map(({ id, name }) => ({ id, name, healthy: false, problem: 'unknown', epoch: 0, roster: 0, policy: '', commitments: 0 })),
  }
}

/** The newest version that t signers stand at or beyond. @returns undefined if fewer answer */
const versionInForce = (signers: CoordinatorStatus['signers'], threshold: number): number | undefined =>
  signers.map(({ roster }) => roster).filter((version) => version > 0).toSorted((a, b) => b - a)[threshold - 1]
