import { z } from 'zod'
import { change } from './book.ts'
import { fromBase64url, toBase64url } from './bytes.ts'
import { canonical, decodeAs } from './json.ts'
import { limits } from './limits.ts'

/*
 * A next roster version on its way from who wrote it to who proposes it by a touch: in a link to the console, whose fragment browsers never send, or in a
 * file. Speaks for nothing: the console shows what it would change, and builds the intent itself.
 */
export const draft = z.strictObject({ v: z.literal(1), document: change.shape.document, bundle: change.shape.bundle })
export type Draft = z.infer<typeof draft>

export const encodeDraft = (value: Draft): Uint8Array => canonical(draft.parse(value))
/** @returns undefined for anything else */
export function decodeDraft(bytes: Uint8Array): Draft | undefined {
  const decoded = decodeAs(draft, bytes, limits.changeBytes)
  return decoded.ok ? decoded.value : undefined
}

/** @param console the console's origin, without a slash at its end */
export const draftUrl = (console: string, value: Draft): string => `${console}/changes#propose=${toBase64url(encodeDraft(value))}`

/** @param fragment what stands behind `#`, with or without it */
export function draftIn(fragment: string): Draft | undefined {
  const bytes = fromBase64url(new URLSearchParams(fragment.replace(/^#/, '')).get('propose') ?? '-')
  return bytes === undefined ? undefined : decodeDraft(bytes)
}
