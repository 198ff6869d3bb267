/**
 * Patterns on claims: literal text, and `*` for any printable ASCII but `/`. Anchored at both ends. A `*` never stands for an empty
 * segment. There is no escape and no other metacharacter: whatever a claim holds is compared as text, never read as a pattern.
 */
export function matchesPattern(pattern: string, value: string): boolean {
  if (value.length > maxValue || !printable.test(value)) return false
  const wanted = pattern.split('/')
  const found = value.split('/')
  return wanted.length === found.length && wanted.every((segment, at) => matchesSegment(segment, found[at] ?? ''))
}

const maxValue = 512
const printable = /^[\x20-\x7e]*$/

/** Linear: each literal part is looked for once, from where the one before it ended. */
function matchesSegment(pattern: string, value: string): boolean {
  const parts = pattern.split('*')
  const first = parts[0] ?? ''
  const last = parts.at(-1) ?? ''
  if (parts.length === 1) return pattern === value
  if (value === '' || value.length < first.length + last.length || !value.startsWith(first) || !value.endsWith(last)) return false
  let at = first.length
  const end = value.length - last.length
  for (const part of parts.slice(1, -1)) {
    const found = value.indexOf(part, at)
    if (found < 0 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}
