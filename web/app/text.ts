/* What others wrote, made fit to be shown: nothing in it may reorder, hide or forge what stands around it. */

// Controls, and format characters: bidirectional marks and overrides, joiners and other invisible ones, tags, the byte order mark.
const unseen = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu
// Letters of scripts that are written from right to left turn the order of what stands beside them.
const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/gu

const named = (character: string): string => `⟨U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`

/** Each character that is not seen, or is not read from left to right, by its number. @param max cut beyond, and said so */
export function shown(text: string, max = 2_000): string {
  const safe = text.toWellFormed().replace(unseen, named).replace(rightToLeft, named)
  return safe.length <= max ? safe : `${safe.slice(0, max)}… (${safe.length - max} more characters)`
}

const units = [
  [86_400, 'day'],
  [3_600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
] as const

/** `900` → `15 minutes`; two units at most. */
export function duration(seconds: number): string {
  const parts: string[] = []
  let left = Math.max(0, Math.round(seconds))
  for (const [size, name] of units) {
    const count = Math.floor(left / size)
    if (count > 0 && parts.length < 2) parts.push(`${count} ${name}${count === 1 ? '' : 's'}`)
    left -= count * size
  }
  return parts.length === 0 ? '0 seconds' : parts.join(' ')
}

export const time = (seconds: number): string => new Date(seconds * 1000).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
