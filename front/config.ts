import { isIP } from 'node:net'
import { z } from 'zod'
import { absolutePath, address, secretFile } from '@symbolon/runtime/config.ts'
import { databaseFields } from '@symbolon/runtime/database.ts'
import { identityUri, tlsFields } from '@symbolon/runtime/identity.ts'
import { processFields } from '@symbolon/runtime/process.ts'

const ipAddress = z.string().refine((text) => isIP(text) !== 0, 'must be an IP address')

/** The public end: certificate and, if clients may or must bring their own, the CA that signs those. */
const publicTls = z
  .strictObject({
    key: secretFile().describe('Private key, PEM.'),
    certificate: absolutePath().describe('Certificate chain, PEM.'),
    client_ca: absolutePath().optional().describe('CA of client certificates, PEM. A certificate that it did not sign ends the connection.'),
    client_certificates: z.enum(['optional', 'required']).optional().describe('Whether clients must bring one. Needs client_ca.'),
  })
  .refine((tls) => (tls.client_ca === undefined) === (tls.client_certificates === undefined), 'client_ca and client_certificates come together')

/** The settings of every process that clients reach; spread into the strict object of its `config.ts`, which then is refined by `hasTlsOrLoopback` (runtime/http-listen.ts). */
export const frontFields = {
  ...processFields,
  listen: address().describe('Where clients connect. Without `tls`, loopback only.'),
  tls: publicTls.optional().describe('Present: https. Absent: http, which is for development.'),
  trusted_hops: z.int().min(0).max(8).default(0).describe('Proxies of yours in front. The client address is the one that the outermost of them saw; 0: the peer’s.'),
  channel: tlsFields().describe('This process’s end of the mutual TLS.'),
  coordinator: z.strictObject({ address: address().describe('Where its channel listens.'), identity: identityUri().describe('What its certificate must name: `symbolon:coordinator/<id>`.') }).describe('The coordinator to ask.'),
  roster: absolutePath().describe('Canonical roster bytes. Believed as far as answering early goes; the signers have their own.'),
  keyset: absolutePath().describe('The first signed keyset. Must be the roster’s.'),
  policy: absolutePath().describe('Folder with policy.wasm and data.json; must be the bundle that the roster names.'),
  book: absolutePath().describe('File that remembers what signers certified since version 1 of the roster. Losing it costs one fetch.'),
  follow_ms: z.int().min(500).max(60_000).default(5_000).describe('How often the coordinator is asked whether the book has grown, in milliseconds.'),
  issuer_keys: absolutePath().describe('Folder where fetched issuer keys are kept for a bounded time.'),
  database: databaseFields().describe('Rate limits, and what else this process keeps; shared by all of its kind in the deployment.'),
  store_marker: absolutePath().describe('File that remembers which store this process used, so that its loss is noticed.'),
  limits: limitsFields('Requests a minute with a large body, for one client address.'),
  workers: z.int().min(1).max(64).default(1).describe('Threads that judge.'),
  judge_ms: z.int().min(50).max(60_000).default(2_000).describe('Milliseconds that one batch of judgements may take before its thread is replaced.'),
  metrics_from: z.array(ipAddress).max(16).default(['127.0.0.1', '::1']).describe('Client addresses that may read /metrics.'),
}

/** @param heavy what is counted there, in the process's own words */
export function limitsFields(heavy: string) {
  return z
    .strictObject({
      per_address: z.int().min(1).max(10_000_000).optional().describe('Requests a minute that cost cryptography, for one client address (IPv6: one /64). Default: five times the roster’s rate.'),
      per_identity: z.int().min(1).max(10_000_000).optional().describe('Requests a minute for one principal, once its evidence is verified. Default: the roster’s rate, at which each signer stops too.'),
      heavy_per_address: z.int().min(1).max(100_000).default(30).describe(heavy),
    })
    .prefault({})
    .describe('How much one caller may ask. Beyond it: 429 with Retry-After.')
}

const front = z.strictObject(frontFields)
export type FrontConfig = z.output<typeof front>
export type PublicEnd = Pick<FrontConfig, 'listen' | 'tls'>

/** What the refinement by `hasTlsOrLoopback` says. @param who `the api` */
export const tlsOrLoopback = (who: string) => ({ path: ['tls'], message: `without certificates ${who} listens on loopback only` })
