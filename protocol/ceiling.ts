import { z } from 'zod'
import { audience, scopeName, seconds } from './fields.ts'
import { limits } from './limits.ts'

/** What a credential may at most be turned into; carried from evidence to token to the next token, never widened. */
export const ceiling = z.strictObject({
  /** Absent: any; empty: none. */
  aud: z.array(audience).max(16).optional(),
  scope: z.array(scopeName).max(256).optional(),
  /** Seconds. */
  max_ttl: z.int().min(1).max(limits.tokenTtl).optional(),
  /** NumericDate that nothing made from this may outlive. */
  end: seconds.optional(),
})
export type Ceiling = z.infer<typeof ceiling>
