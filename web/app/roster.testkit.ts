import { sha256, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import { ed25519Of } from '@symbolon/protocol/ed25519.ts'
import { purposes } from '@symbolon/protocol/purpose.ts'
import { lineageOf } from '@symbolon/roster/keyset.ts'
import { roster, rosterDigest, type Roster } from '@symbolon/roster/roster.ts'
import type { RosterView } from './people.ts'

/* A roster as a page has read it, for tests that run where a page runs: without Node. Its signers sign nothing. */

export const filled = (length: number, fill: number): Base64url => toBase64url(new Uint8Array(length).fill(fill))
const ids = [1, 2, 3]
const keyOf = (name: string) => ed25519Of(sha256(utf8(name)))
const p256 = (fill: number) => ({ kty: 'EC', crv: 'P-256', x: filled(32, fill), y: filled(32, fill + 1) })

const first = roster.parse({
  v: 1,
  version: 1,
  deployment: { name: 'test', issuer: 'https://mint.example', rp_id: 'mint.example', console_origins: ['https://console.example'] },
  bootstrap: keyOf('bootstrap'),
  people: [],
  grants: { max: 43_200 },
  clients: [{ id: 'symbolon-console', name: 'Console' }],
  services: [{ id: 'svc-deploy', name: 'Deploy', roles: ['engineer'], groups: [], keys: [{ id: 'svc-deploy-1', jwk: keyOf('svc-deploy-1') }] }],
  issuers: [],
  trusts: [],
  audiences: ['https://logs.example'],
  default_audience: 'https://logs.example',
  scopes: ['read:logs'],
  token: { default_ttl: 900, max_ttl: 3600 },
  rate: 600,
  signers: ids.map((id) => ({ id, name: `signer-${id}`, address: `127.0.0.1:${7000 + id}`, identity: p256(id * 2), hpke: p256(40) })),
  policy: filled(32, 99),
  groups: purposes.map((purpose, at) => ({ purpose, epoch: 1, t: 2, n: 3, key: filled(32, 10 + at), kid: filled(32, 20 + at), alg: 'EdDSA', shares: ids.map((id) => ({ id, share: filled(32, 30 + 4 * at + id) })) })),
})
export const lineage = lineageOf(first)

/** Version 2 with these people, each with a passkey that may do everything, all of them guardians. */
export function peopled(people: readonly string[], count = 1): Roster {
  const { bootstrap: _, ...rest } = first
  const rows = people.map((id, at) => ({ id, name: id, roles: [], groups: [], passkeys: [{ id: filled(16, 60 + at), name: `${id}-1`, key: keyOf(`passkey ${id}`), uses: ['sign_in', 'approve'], aaguid: '00000000-0000-0000-0000-000000000000', synced: false }] }))
  return roster.parse({ ...rest, version: 2, previous: [rosterDigest(first)], lineage, people: rows, guardians: { people, count, window: 86_400 } })
}

export const viewOf = (document: Roster): RosterView => ({ deployment: { issuer: first.deployment.issuer, lineage, rpId: first.deployment.rp_id }, document, digest: rosterDigest(document), entries: [], effective: document, told: { stops: [], signers: [], history: [] } })
