import { z } from 'zod'
import { signerId } from '@symbolon/protocol/fields.ts'
import { keystoreSettings } from '@symbolon/keystore/settings.ts'
import { absolutePath, address, secretFile } from '@symbolon/runtime/config.ts'
import { tlsFields } from '@symbolon/runtime/identity.ts'
import { processFields } from '@symbolon/runtime/process.ts'

export const keygenConfig = z.strictObject({
  ...processFields,
  signer: signerId.describe('The member whose share is made here; stable for life.'),
  state: absolutePath().describe('The signer’s state directory, 0700. `public.json`, and after a ceremony `roster.json`, `certificates.json` and `keyset.json`, are written there.'),
  keystore: keystoreSettings({ absolutePath, secretFile }).describe('Where the keys rest. The same as the signer’s.'),
  plan: absolutePath().describe('The ceremony plan, as this signer’s own operator gave it. Read by `run` only.'),
  listen: address().describe('Where the other members reach this one. The plan names it as host:port.'),
  tls: tlsFields().describe('The channel’s certificate, with the name `symbolon:keygen/<signer>`.'),
  deadline_seconds: z.int().min(5).max(86_400).default(600).describe('How long the others may take from this start to the end of the ceremony. After it nothing is active, or the plan must be run again; the last line says which.'),
})
export type KeygenConfig = z.output<typeof keygenConfig>
