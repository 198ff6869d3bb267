import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { openClient, type Client, type Prepared } from '@symbolon/sdk/client.ts'
import type { Wish } from '@symbolon/sdk/intent.ts'
import type { Issuer } from '@symbolon/roster/roster.ts'
import { startIssuer, type RunningIssuer } from '../issuers/start.ts'
import { startStack, type Stack } from '../stack.ts'

/* A whole deployment that trusts jobs of three platforms by their ids, of a fourth by tokens that are bound to nothing, and of a fifth by tokens that are sealed. */

export const platformTrusts = {
  github: { id: 'job-github', when: [{ claim: 'repository_id', equals: '4242' }, { claim: 'environment', equals: 'production' }] },
  buildkite: { id: 'job-buildkite', when: [{ claim: 'pipeline_id', equals: '0184990a-1111-4a1b-8c2d-1a2b3c4d5e6f' }, { claim: 'build_branch', equals: 'main' }] },
  kubernetes: { id: 'job-kubernetes', when: [{ claim: 'kubernetes.io/serviceaccount/uid', equals: '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798' }, { claim: 'kubernetes.io/namespace', equals: 'ci' }] },
  gitlab: { id: 'job-gitlab', when: [{ claim: 'project_id', equals: '20' }, { claim: 'ref_protected', equals: 'true' }] },
  runner: { id: 'job-runner', when: [{ claim: 'project_id', equals: '20' }, { claim: 'ref_protected', equals: 'true' }] },
} as const
/** Of the two issuers whose tokens have one audience for all requests. */
export const bearerAudience = 'https://mint.example'

const ceiling = { scope: ['read:logs'], max_ttl: 300 }
const unbound: Partial<Record<keyof typeof platformTrusts, Partial<Issuer>>> = { gitlab: { class: 'bearer', bearer_audience: bearerAudience, ceiling }, runner: { class: 'static', bearer_audience: bearerAudience, ceiling } }

export interface CiWorld {
  readonly stack: Stack
  readonly issuers: Readonly<Record<keyof typeof platformTrusts, RunningIssuer>>
  /** The api's URL. */
  readonly addr: string
  readonly pin: Base64url
  readonly client: Client
  prepare(wish: Wish): Promise<Prepared>
  stop(): Promise<void>
}

export async function startCiWorld(): Promise<CiWorld> {
  const issuers = {
    github: await startIssuer({ platform: 'github' }),
    buildkite: await startIssuer({ platform: 'buildkite', algorithm: 'ES256' }),
    kubernetes: await startIssuer({ platform: 'kubernetes', https: true }),
    gitlab: await startIssuer({ platform: 'gitlab' }),
    runner: await startIssuer({ platform: 'gitlab' }),
  }
  const names = Object.keys(platformTrusts) as (keyof typeof platformTrusts)[]
  const rows = {
    issuers: names.map((name) => issuers[name].row(name, unbound[name])),
    trusts: names.map((name) => ({ ...platformTrusts[name], name: `Jobs of ${name}`, issuer: name, roles: ['engineer'], groups: [] })),
  }
  const folder = await mkdtemp(join(tmpdir(), 'symbolon-ci-'))
  await writeFile(join(folder, 'roster.json'), JSON.stringify(rows))
  const stack = await startStack({ env: { ROSTER_FILE: join(folder, 'roster.json') } })
  if (stack.first.code !== 0) throw new Error(stack.first.stderr)
  const { stdout } = await stack.cli(['config', 'show', '-o', 'json'])
  const { addr, pin } = JSON.parse(stdout) as { addr: string; pin: Base64url }
  const opened = openClient({ addr, pin })
  if (!opened.ok) throw opened.error
  return {
    stack,
    issuers,
    addr,
    pin,
    client: opened.value,
    prepare: async (wish) => {
      const prepared = await opened.value.prepare(wish)
      if (!prepared.ok) throw prepared.error
      return prepared.value
    },
    stop: async () => {
      await opened.value.close()
      await Promise.all(Object.values(issuers).map((issuer) => issuer.stop()))
      await stack.stop()
      await rm(folder, { recursive: true })
    },
  }
}

export const textOf = ({ built }: Prepared): string => toBase64url(built.bytes)
export const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const idTokenType = 'urn:ietf:params:oauth:token-type:id_token'
