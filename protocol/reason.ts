import { z } from 'zod'
import { refusalCodes, type RefusalCode } from './errors.ts'

/** Why a request was refused, for the person who asked. Facts are the requester's own; nothing secret may stand here. */
export const reason = z.strictObject({
  code: z.enum(refusalCodes),
  /** One sentence. */
  message: z.string().min(1).max(500),
  /** The rule that decided: a policy rule (`symbolon.scope`), a roster row (`trust:deploy`), or a check (`intent.exp`). */
  rule: z.string().max(200).optional(),
  /** The fact that it found. */
  fact: z.string().max(500).optional(),
  /** What would change the answer. */
  remedy: z.string().max(500).optional(),
})
export type Reason = z.infer<typeof reason>

/** What policy decided, for explain and for the token's lifetime. */
export const decision = z.strictObject({
  allow: z.boolean(),
  scope: z.array(z.string().max(128)).max(256),
  /** Seconds; 0 when nothing is allowed. */
  max_ttl: z.int().min(0),
  approvals: z.array(z.strictObject({ group: z.string().max(64), count: z.int().min(1).max(100) })).max(16),
  touch: z.boolean(),
  /** Codes are the policy's own. */
  reasons: z.array(z.strictObject({ ...reason.shape, code: z.string().max(64), message: z.string().max(500) })).max(64),
  obligations: z.array(z.string().max(128)).max(16),
})
export type Decision = z.infer<typeof decision>

/** Cuts what is longer than a reason may be: a long value of the requester's must not make the refusal itself unreadable. */
export function reasonOf(code: RefusalCode, message: string, { rule, fact, remedy }: { rule?: string; fact?: string; remedy?: string } = {}): Reason {
  return {
    code,
    message: message.slice(0, 500),
    ...(rule === undefined ? {} : { rule: rule.slice(0, 200) }),
    ...(fact === undefined ? {} : { fact: fact.slice(0, 500) }),
    ...(remedy === undefined ? {} : { remedy: remedy.slice(0, 500) }),
  }
}
