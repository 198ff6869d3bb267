import { randomBytes } from 'node:crypto'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { secretScopes } from '@symbolon/protocol/intent.ts'
import { purposes } from '@symbolon/protocol/purpose.ts'
import type { P256Jwk } from '@symbolon/protocol/p256.ts'
import type { Plan } from '@symbolon/roster/plan.ts'
import type { RosterTemplate } from '@symbolon/roster/roster.ts'
import type { Deployment } from './deployment.ts'
import type { RosterRows } from './roster-file.ts'

/** A public row as `keygen init` wrote it. */
export interface PublicRow {
  readonly id: number
  readonly identity: P256Jwk
  readonly hpke: P256Jwk
}

/** The development service: what `./symbolon mint` speaks for. */
export const developmentService = { id: 'svc-dev', key: 'svc-dev-1', client: 'symbolon-cli' } as const

/** The longest lifetime that policy may give here, in seconds. */
const maxTtl = 3_600
/** Requests a minute and principal, at each signer. */
const rate = 600

/** The plan of the first ceremony: version 1 for one machine, where the launcher plays every operator. */
export function planOf(deployment: Deployment, parts: { rows: readonly PublicRow[]; bootstrap: string; service: string; vault: P256Jwk; policy: RosterTemplate['policy']; others: RosterRows }): unknown {
  const { settings, port } = deployment
  const { rows, bootstrap, service, vault, policy, others } = parts
  return {
    v: 1,
    nonce: toBase64url(randomBytes(16)),
    purposes: [...purposes],
    epoch: 1,
    t: settings.FROST_T,
    n: settings.FROST_N,
    members: rows.map(({ id }) => ({ id, keygen: `127.0.0.1:${port(`keygen-${id}`)}` })),
    template: {
      v: 1,
      version: 1,
      deployment: { name: 'development', issuer: deployment.issuer, rp_id: deployment.rpId, console_origins: [deployment.consoleOrigin] },
      bootstrap: { kty: 'OKP', crv: 'Ed25519', x: bootstrap },
      people: [],
      grants: { max: 43_200 },
      clients: [{ id: developmentService.client, name: 'Symbolon command line' }, { id: 'symbolon-console', name: 'Symbolon console' }, ...(others.clients ?? [])],
      services: [{ id: developmentService.id, name: 'Development service', roles: ['engineer'], groups: [], keys: [{ id: developmentService.key, jwk: { kty: 'OKP', crv: 'Ed25519', x: service } }] }, ...(others.services ?? [])],
      issuers: others.issuers ?? [],
      trusts: others.trusts ?? [],
      // The deployment's own, too: a token for it is evidence for a narrower one.
      audiences: [...new Set([...settings.ALLOWED_AUDIENCES, deployment.issuer])],
      default_audience: settings.ALLOWED_AUDIENCES[0],
      // Those of secrets as well: which paths they reach is policy's to say.
      scopes: [...new Set([...settings.ALLOWED_SCOPES, ...Object.values(secretScopes)])],
      token: { default_ttl: settings.TOKEN_DEFAULT_TTL_SECONDS, max_ttl: Math.max(maxTtl, settings.TOKEN_DEFAULT_TTL_SECONDS) },
      rate: others.rate ?? rate,
      signers: rows.map(({ id, identity, hpke }) => ({ id, name: `signer-${id}`, address: `127.0.0.1:${port(`signer-${id}`)}`, identity, hpke })),
      vault: { hpke: vault, audience: `${deployment.issuer}/secrets` },
      namespaces: [
        { id: 'app', name: 'Secrets that only their readers can open', combine: 'caller' },
        { id: 'secret', name: 'Secrets for KV v2 clients: the vault process opens them', combine: 'vault' },
      ],
      policy,
    } satisfies Record<keyof Omit<RosterTemplate, 'attestation'>, unknown>,
  } satisfies Record<keyof Plan, unknown>
}
