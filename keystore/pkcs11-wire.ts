import { z } from 'zod'
import { base64urlOf, line } from '@symbolon/protocol/fields.ts'
import { keystoreCodes } from './errors.ts'

/* What the keystore asks of the process that holds the PKCS#11 module. One question at a time. */

export const request = z.discriminatedUnion('op', [
  /** Raw part: the PIN. */
  z.strictObject({
    op: z.literal('open'),
    id: z.int().min(0),
    module: z.string().min(1).max(4096),
    token: line(32),
    labels: z.strictObject({ identity: line(64), sealing: line(64) }),
    /** Make keys that are not there yet. */
    create: z.boolean(),
    /** Nobody knows how the last attempt with this PIN ended: not another one if the device has counted a wrong one. */
    cautious: z.boolean(),
  }),
  /** Raw part: a SHA-256 digest. Answer: r ‖ s. */
  z.strictObject({ op: z.literal('sign'), id: z.int().min(0) }),
  /** Raw part: 65 bytes of a point. Answer: 32 bytes. */
  z.strictObject({ op: z.literal('derive'), id: z.int().min(0) }),
  /** How many objects this session holds; none, between two questions. */
  z.strictObject({ op: z.literal('objects'), id: z.int().min(0) }),
])
export type Request = z.infer<typeof request>

/** The device as it says itself; for people. */
export const deviceFacts = z.strictObject({ manufacturer: z.string().max(64), model: z.string().max(64), serial: z.string().max(64), firmware: z.string().max(16), library: z.string().max(64) })
export type DeviceFacts = z.infer<typeof deviceFacts>
export const opened = z.strictObject({ identity: base64urlOf(65), sealing: base64urlOf(65), facts: deviceFacts })
export type Opened = z.infer<typeof opened>

export const reply = z.discriminatedUnion('ok', [
  z.strictObject({ ok: z.literal(true), id: z.int().min(0), opened: opened.optional(), objects: z.int().min(0).optional() }),
  z.strictObject({ ok: z.literal(false), id: z.int().min(0), code: z.enum(keystoreCodes), detail: z.string().max(200) }),
])
export type Reply = z.infer<typeof reply>
