import { z } from 'zod'
import { issuerUrl } from '@symbolon/protocol/fields.ts'
import { databaseFields } from '@symbolon/runtime/database.ts'
import { absolutePath } from '@symbolon/runtime/config.ts'
import { hasTlsOrLoopback } from '@symbolon/runtime/http-listen.ts'
import { frontFields, limitsFields, tlsOrLoopback } from '@symbolon/front/config.ts'

export const config = z
  .strictObject({
    ...frontFields,
    keyset: absolutePath().describe('The first signed keyset, served until the coordinator gives a younger one.'),
    change_ms: z.int().min(1_000).max(120_000).default(25_000).describe('Milliseconds to wait for the coordinator where signers judge a change.'),
    database: databaseFields().describe('Rate limits and replayed proofs; shared by every api of the deployment.'),
    vault_url: issuerUrl.optional().describe('Where the vault is reached. Shown in /v1/status as `vault_addr`, for clients that ask there; believed by nobody.'),
    console_url: issuerUrl.optional().describe('Where the console is served. Shown in /v1/status, for clients that send people there; believed by nobody.'),
    limits: limitsFields('Proposed roster changes a minute, for one client address: their bodies may be large.'),
    mint_ms: z.int().min(100).max(60_000).default(15_000).describe('Milliseconds to wait for the coordinator.'),
  })
  .refine(hasTlsOrLoopback, tlsOrLoopback('the api'))
export type Config = z.output<typeof config>
