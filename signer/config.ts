import { z } from 'zod'
import { signerId } from '@symbolon/protocol/fields.ts'
import { keystoreSettings } from '@symbolon/keystore/settings.ts'
import { absolutePath, address, secretFile } from '@symbolon/runtime/config.ts'
import { tlsFields } from '@symbolon/runtime/identity.ts'
import { processFields } from '@symbolon/runtime/process.ts'

/** The settings of a signer. Whom it serves and what it decides by are not settings: they stand in its roster. */
export const signerConfig = z.strictObject({
  ...processFields,
  signer: signerId.describe('This signer’s number in the roster, for life.'),
  state: absolutePath().describe('Folder of roster, certificates, keyset, policy and journal, 0700. The journal must never be lost, copied or restored while the signer could have signed since.'),
  listen: address().describe('Where the channel listens. Only coordinators are served, by mutual TLS.'),
  tls: tlsFields().describe('Certificate `symbolon:signer/<number>`.'),
  keystore: keystoreSettings({ absolutePath, secretFile }).describe('Where identity key and sealed shares lie; made by `keygen init`.'),
  judges: z.int().min(1).max(64).default(1).describe('Worker threads that judge. One judges a few thousand requests a second; signing stays on the main thread.'),
  judge_timeout_ms: z.int().min(100).max(30_000).default(2_000).describe('How long judging one batch may take, in milliseconds, before the worker is replaced and the batch answered `timed_out`.'),
})
export type SignerConfig = z.output<typeof signerConfig>
