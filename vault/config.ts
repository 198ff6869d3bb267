import { z } from 'zod'
import { issuerUrl } from '@symbolon/protocol/fields.ts'
import { absolutePath, secretFile } from '@symbolon/runtime/config.ts'
import { databaseFields } from '@symbolon/runtime/database.ts'
import { hasTlsOrLoopback } from '@symbolon/runtime/http-listen.ts'
import { frontFields, limitsFields, tlsOrLoopback } from '@symbolon/front/config.ts'

/** In clear, anybody on the way could use what is sent. */
const isSafe = (text: string): boolean => {
  const { protocol, hostname } = new URL(text)
  return protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
}

export const config = z
  .strictObject({
    ...frontFields,
    database: databaseFields().describe('Ciphertexts, records and rate limits; shared by every vault process of the deployment.'),
    public_url: issuerUrl.describe('Where clients reach the vault.'),
    receive_key: secretFile().describe('HPKE key (P-256) that replies for façades are sealed to, PKCS#8 PEM or JWK. Must be the one that the roster names; it opens nothing of a `combine: caller` namespace.'),
    api: z.strictObject({ url: issuerUrl.refine(isSafe, 'must be https, or http on loopback: ID tokens travel there').describe('Base URL: https, or http on loopback.'), ca: absolutePath().optional().describe('PEM of the CA that signed its certificate, instead of the system’s.') }).optional().describe('Where logins and revocations of KV v2 clients are sent; absent: the issuer.'),
    limits: limitsFields('Backups read and restored a minute, in pages, for one client address.'),
    quorum_ms: z.int().min(100).max(60_000).default(15_000).describe('Milliseconds to wait for the coordinator.'),
    receipt_ms: z.int().min(100).max(60_000).default(3_000).describe('Milliseconds to wait for the signers’ receipts of a change. After them it is answered as pending.'),
    settle_ms: z.int().min(1_000).max(3_600_000).default(15_000).describe('How often the signers are asked again for receipts of changes that are pending, in milliseconds.'),
  })
  .refine(hasTlsOrLoopback, tlsOrLoopback('the vault'))
export type Config = z.output<typeof config>
