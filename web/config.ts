import { z } from 'zod'
import { digestText, issuerUrl } from '@symbolon/protocol/fields.ts'
import { absolutePath, address, secretFile } from '@symbolon/runtime/config.ts'
import { hasTlsOrLoopback } from '@symbolon/runtime/http-listen.ts'
import { processFields } from '@symbolon/runtime/process.ts'

const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text

export const webConfig = z
  .strictObject({
    ...processFields,
    listen: address().describe('Where browsers connect. Without `tls`, loopback only.'),
    tls: z
      .strictObject({ key: secretFile().describe('Private key, PEM.'), certificate: absolutePath().describe('Certificate chain, PEM.') })
      .optional()
      .describe('Present: https. Absent: http, which is for development.'),
    site: absolutePath().describe('Folder with the built console. Read once, at start.'),
    api: issuerUrl.describe('Where the console sends its requests: the api’s origin. Pages may connect nowhere else but to it and `vault`.'),
    vault: issuerUrl.optional().describe('Where the console keeps and opens secrets: the vault’s origin. Absent: it has no pages of secrets.'),
    issuer: issuerUrl.describe('The deployment’s issuer, as its roster has it.'),
    rp_id: z.string().regex(/^[a-z0-9.-]{1,253}$/).describe('The WebAuthn RP id, as the roster has it.'),
    lineage: digestText.describe('Fingerprint of the first keyset, from the ceremony: what the console pins.'),
  })
  .refine(hasTlsOrLoopback, { path: ['tls'], message: 'without certificates the console is served on loopback only' })
  .refine(({ api }) => isOrigin(api), { path: ['api'], message: 'must be an origin, such as https://symbolon.example' })
  .refine(({ vault }) => vault === undefined || isOrigin(vault), { path: ['vault'], message: 'must be an origin, such as https://vault.symbolon.example' })
export type WebConfig = z.output<typeof webConfig>
