import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeRoster } from '@symbolon/roster/roster.ts'
import type { Deployment } from './deployment.ts'
import type { RowContext } from './row.ts'

/** What api and vault are told alike. Their folders hold the roster, keyset and policy that the ceremony left. */
export const frontSettings = (deployment: Deployment, name: 'api' | 'vault', { common, folder, tls, database }: RowContext): Readonly<Record<string, unknown>> => ({
  ...common,
  listen: { host: '127.0.0.1', port: deployment.port(name) },
  channel: tls,
  coordinator: { address: { host: '127.0.0.1', port: deployment.port('coordinator') }, identity: 'symbolon:coordinator/1' },
  roster: join(folder, 'roster.json'),
  keyset: join(folder, 'keyset.json'),
  policy: join(folder, 'policy'),
  book: join(folder, 'book.json'),
  issuer_keys: join(folder, 'issuer-keys'),
  database: database(name),
  store_marker: join(folder, 'store.json'),
  limits: limitsAt(rateOf(join(folder, 'roster.json'))),
})

/** They count wider than the signers, who have the last word: a principal may reach several quorums, an address many principals. */
const limitsAt = (rate: number) => ({ per_identity: 2 * rate, per_address: 5 * rate })

function rateOf(file: string): number {
  const roster = decodeRoster(readFileSync(file))
  if (!roster.ok) throw new TypeError(`${file} is not what the ceremony left: ${roster.reason}`)
  return roster.value.rate
}
