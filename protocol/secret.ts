import { z } from 'zod'
import { limits } from './limits.ts'
import type { SecretType } from './label.ts'

/* What a secret's value is, by its type: the JSON that is encrypted. Only clients ever see it; it may hold any Unicode. */

const text = (max: number) => z.string().max(max)
/** Of environment variables, too: a letter or underscore, then letters, digits, underscores, dots, dashes. */
const key = z.string().min(1).max(256)
const pem = text(65_536)

/** Members by name; values any JSON, as KV v2 clients have them. */
export const stringValue = z.strictObject({ type: z.literal('string'), data: z.record(key, z.json()) })
/** A text with references to other secrets: `{{ app/payments/prod/db#password }}`. */
export const configValue = z.strictObject({ type: z.literal('config'), template: text(1_048_576), format: text(32).optional() })
export const sshKeyValue = z.strictObject({
  type: z.literal('ssh-key'),
  /** OpenSSH or PKCS#8, PEM. */
  private_key: pem,
  public_key: text(16_384),
  passphrase: text(1024).optional(),
  /** What `symbolon ssh` needs to use it (ssh_config names). */
  settings: z.strictObject({ host: text(255).optional(), host_name: text(255).optional(), user: text(64).optional(), port: z.int().min(1).max(65_535).optional(), proxy_jump: text(255).optional(), known_hosts: z.array(text(4096)).max(32).optional(), options: z.record(z.string().max(64), text(255)).optional() }),
})
export const keyPairValue = z.strictObject({ type: z.literal('key-pair'), private_key: pem, public_key: text(16_384), algorithm: text(64).optional() })
export const certificateValue = z.strictObject({ type: z.literal('certificate'), certificate: pem, chain: z.array(pem).max(8).optional(), private_key: pem.optional() })
/** Base64url; at most 1 MiB of bytes. */
export const fileValue = z.strictObject({ type: z.literal('file'), name: text(255), media_type: text(127).optional(), content: z.string().max(Math.ceil((1_048_576 * 4) / 3)).regex(/^[A-Za-z0-9_-]*$/) })

export const secretValue = z.discriminatedUnion('type', [stringValue, configValue, sshKeyValue, keyPairValue, certificateValue, fileValue])
export type SecretValue = z.infer<typeof secretValue>
export type ValueOf<T extends SecretType> = Extract<SecretValue, { readonly type: T }>

/** Bytes of a value's JSON, at most: the body without the cipher's tag. */
export const secretValueBytes = limits.secretBodyBytes - 16
