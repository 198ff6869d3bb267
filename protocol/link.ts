import { z } from 'zod'
import { fromBase64url, toBase64url } from './bytes.ts'
import { base64urlOf, digestText, line, rosterId, seconds } from './fields.ts'
import { canonical, decodeCanonical } from './json.ts'

/*
 * A link by which a person comes in: `<console>/enrol#<base64url of the canonical link>`. It holds the seed of an Ed25519 key, so it stays
 * in the fragment, which browsers never send, and whoever has it may use it once, until `exp`.
 */

const common = { v: z.literal(1), seed: base64urlOf(32), lineage: digestText, exp: seconds }

export const link = z.discriminatedUnion('kind', [
  /** The bootstrap key: its holder makes version 2, and is its first guardian. */
  z.strictObject({ ...common, kind: z.literal('bootstrap') }),
  /** An invitation's key: its holder adds one passkey to `row`. `name` is what the page greets with, and nothing else. */
  z.strictObject({ ...common, kind: z.literal('invitation'), row: rosterId, name: line(64).optional() }),
])
export type Link = z.infer<typeof link>

const linkBytes = 1_024

/** @param console the console's origin, without a slash at its end */
export const linkUrl = (console: string, value: Link): string => `${console}/enrol#${toBase64url(canonical(link.parse(value)))}`

/** @param fragment what stands behind `#`. @returns undefined for anything that is not exactly a link; its `exp` is for whoever has a clock */
export function parseLink(fragment: string): Link | undefined {
  const bytes = fromBase64url(fragment)
  const decoded = bytes === undefined ? undefined : decodeCanonical(link, bytes, linkBytes)
  return decoded?.ok === true ? decoded.value : undefined
}
