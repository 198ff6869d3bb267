import { z } from 'zod'
import { signerId } from '@symbolon/protocol/fields.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { absolutePath, address } from '@symbolon/runtime/config.ts'
import { databaseFields } from '@symbolon/runtime/database.ts'
import { tlsFields } from '@symbolon/runtime/identity.ts'
import { processFields } from '@symbolon/runtime/process.ts'

const milliseconds = (least: number, most: number) => z.int().min(least).max(most)

/** The settings of a coordinator. It holds no secret but its TLS key. */
export const coordinatorConfig = z.strictObject({
  ...processFields,
  listen: address().describe('Where the channel listens. Only api and vault are served, by mutual TLS, and operators may read its health.'),
  tls: tlsFields().describe('Certificate `symbolon:coordinator/<number>`.'),
  roster: absolutePath().describe('File with the roster’s canonical bytes. Says who the signers are and under which keys they sign.'),
  keyset: absolutePath().describe('File with the keyset that the ceremony left, signed by all signers. Must be the roster’s own.'),
  signers: z
    .array(z.strictObject({ id: signerId.describe('Its number in the roster.'), address: address().describe('Where its channel listens. The certificate there must be `symbolon:signer/<id>`.') }))
    .min(3)
    .max(limits.signers)
    .describe('Exactly the signers of the roster. No request can name another.'),
  database: databaseFields().describe('Holds one row per token, record or opening that was asked for, and the evidence against signers that cheated. Both are only ever added to.'),
  book: absolutePath().describe('File that remembers what signers certified since version 1 of the roster. Losing it costs one fetch.'),
  follow_ms: milliseconds(500, 60_000).default(10_000).describe('How often a signer is asked whether the book has grown, in milliseconds. A newer roster version is noticed sooner.'),
  accept_ms: milliseconds(500, 60_000).default(10_000).describe('How long a signer may take to judge a proposed change, in milliseconds.'),
  store_marker: absolutePath().describe('File that remembers which store was used, so that an empty one in its place is noticed.'),
  mint_ms: milliseconds(100, 30_000).default(5_000).describe('How long one token, record or opening may take among the signers, in milliseconds.'),
  call_ms: milliseconds(50, 30_000).default(3_000).describe('How long one call to a signer may take before its connection is given up, in milliseconds. Others are asked long before.'),
  probe_ms: milliseconds(50, 10_000).default(1_000).describe('How long a signer may take to say how it is, in milliseconds.'),
  hedge_least_ms: milliseconds(1, 10_000).default(25).describe('Another attempt is never started sooner than this after one, in milliseconds. In between, it follows how long each signer usually takes.'),
  hedge_most_ms: milliseconds(1, 10_000).default(500).describe('Another attempt is started at the latest this long after one, in milliseconds, if enough signers are free and not too many attempts are hedged already.'),
  blame_ms: milliseconds(100, 30_000).default(2_000).describe('How long a worker may take to find who spoiled an attempt, in milliseconds.'),
  log_ms: milliseconds(50, 15_000).default(2_000).describe('How long the database may take for a log row, in milliseconds. Without the row no signer is asked.'),
  most_under_way: z.int().min(64).max(65_536).default(1_024).describe('Tokens and records under way at once, and as many openings. More are answered `busy` at once, before anything is logged or asked.'),
  commitments: z.int().min(8).max(limits.commitmentsHeld / 2).default(limits.commitmentsHeld / 2).describe('Commitments to hold of each signer, so that a signature is one round trip.'),
  calls_per_signer: z.int().min(1).max(8).default(2).describe('Batches under way to one signer at once.'),
})
export type CoordinatorConfig = z.output<typeof coordinatorConfig>
