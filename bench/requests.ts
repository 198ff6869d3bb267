import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { TokenRequest } from '@symbolon/protocol/http.ts'
import { openClient, type Client } from '@symbolon/sdk/client.ts'
import { idTokenCredential, keyCredential, type Credential } from '@symbolon/sdk/credential.ts'
import type { RunningIssuer } from '@symbolon/test/issuers/start.ts'
import { must, type Somebody, type Town } from '@symbolon/test/people.testkit.ts'

/** In the order of the tables. */
export const evidenceKinds = ['key', 'id_token', 'grant', 'passkey'] as const
export type Kind = (typeof evidenceKinds)[number]

/** Who asks with an ID token: one trust of the roster, and the issuer that it believes. */
export const ciTrust = { id: 'ci-deploy', name: 'Deploy job', issuer: 'ci', when: [{ claim: 'repository_id', equals: '4242' }], roles: ['engineer'], groups: [] }

/** Bodies of `POST /v1/tokens`, each made once: intents and their evidence are made, and ID tokens fetched, before a clock starts. */
export interface Requests {
  make(kind: Kind, count: number): Promise<readonly string[]>
  close(): Promise<void>
}

/** As many ID tokens are fetched at once. */
const atOnce = 16

/** What `make up` leaves for whoever speaks for the development service. */
export interface Profile {
  readonly addr: string
  readonly keyset: string
  readonly service: string
  readonly key_id: string
  readonly key_file: string
}

/** The development service, as a client of the SDK. @param home folder of a running stack */
export function serviceAt(home: string): { readonly profile: Profile; readonly client: Client; readonly credential: Credential } {
  const profile = JSON.parse(readFileSync(join(home, 'profile.json'), 'utf8')) as Profile
  return {
    profile,
    client: must(openClient({ addr: profile.addr, pin: profile.keyset as Parameters<typeof openClient>[0]['pin'] })),
    credential: keyCredential({ key: createPrivateKey(readFileSync(profile.key_file)), kid: profile.key_id, sub: profile.service }),
  }
}

/**
 * @param home folder of a running stack
 * @param person who has a passkey in it: touches for each request of kind `passkey`, and once for all of kind `grant`
 */
export function openRequests(home: string, issuer: RunningIssuer, { town, person }: { readonly town: Town; readonly person: Somebody }): Requests {
  const { profile, client, credential } = serviceAt(home)
  const who: Record<Kind, { readonly sub: string; readonly credential: Credential }> = {
    key: { sub: profile.service, credential },
    id_token: { sub: ciTrust.id, credential: idTokenCredential({ description: 'a CI job', fetch: async (audience) => ({ ok: true, value: await issuer.mint({ audience }) }) }) },
    grant: { sub: person.id, credential: town.grant(person).credential },
    passkey: { sub: person.id, credential: person.touch },
  }
  const one = async (kind: Kind): Promise<string> => {
    const { sub, credential } = who[kind]
    const { built } = must(await client.prepare({ sub, client: sub === person.id ? 'symbolon-cli' : undefined, scope: ['read:logs'] }))
    const evidence = must(await credential.evidence(built, Math.floor(Date.now() / 1000)))
    return JSON.stringify({ intent: toBase64url(built.bytes), evidence: [...evidence] } satisfies TokenRequest)
  }
  return {
    async make(kind, count) {
      const made: string[] = []
      while (made.length < count) made.push(...(await Promise.all(Array.from({ length: Math.min(atOnce, count - made.length) }, () => one(kind)))))
      return made
    },
    close: () => client.close(),
  }
}
