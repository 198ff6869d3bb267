import { parsePath, secretPrefix, type SecretPath } from '@symbolon/protocol/label.ts'
import { LocalFailure } from './failure.ts'

/* Paths as people type them. A path has one spelling: another is refused with the one that was probably meant, never quietly mended. */

/** @throws LocalFailure with a suggestion where there is one */
export function pathOf(text: string): SecretPath {
  const path = parsePath(text)
  if (path !== undefined) return path
  throw new LocalFailure(`${shown(text)} is no path of a secret`, whyNot(text), fixOf(text, (guess) => parsePath(guess) !== undefined, 'Write namespace/name or namespace/project/scope/environment/name, for example app/db.'))
}

/** A namespace, or a folder in one. A slash at the end is what a listing shows, so it is taken. @throws LocalFailure */
export function prefixOf(text: string): string {
  const given = text.endsWith('/') ? text.slice(0, -1) : text
  if (secretPrefix.safeParse(given).success) return given
  throw new LocalFailure(`${shown(text)} is no folder`, text === '' ? 'it is empty' : whyNot(text), fixOf(text, (guess) => secretPrefix.safeParse(guess).success, 'Write a namespace or a folder in one, for example app/payments.'))
}

export interface Reference {
  readonly path: SecretPath
  readonly key: string | undefined
}

/** `path` or `path#key`. @throws LocalFailure */
export function referenceOf(text: string): Reference {
  const at = text.indexOf('#')
  if (at === -1) return { path: pathOf(text), key: undefined }
  const key = text.slice(at + 1)
  if (key === '') throw new LocalFailure(`${shown(text)} names no key`, 'nothing stands behind the #', 'Write path#key, for example app/db#password.')
  return { path: pathOf(text.slice(0, at)), key }
}

const shown = (text: string): string => JSON.stringify(text.slice(0, 120))

const fixOf = (text: string, fits: (guess: string) => boolean, otherwise: string): string => {
  const guess = guessOf(text)
  return guess !== text && fits(guess) ? `Did you mean ${guess}?` : otherwise
}

/** What was probably meant: this only ever ends in a sentence. */
function guessOf(text: string): string {
  const [namespace = '', ...rest] = decoded(text)
    .normalize('NFKC')
    .trim()
    .replaceAll('\\', '/')
    .replaceAll(/\s+/g, '-')
    .split('/')
    .filter((part) => part !== '' && part !== '.')
  return [namespace.toLowerCase(), ...rest.map((part) => part.replace(/\.+$/, ''))].join('/')
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return text
    throw error
  }
}

function whyNot(text: string): string {
  const parts = text.split('/')
  if (/[^\x20-\x7e]/.test(text)) return 'it holds characters that are not printable ASCII'
  if (text.startsWith('/') || text.endsWith('/')) return 'it begins or ends with a slash'
  if (parts.includes('')) return 'two slashes stand side by side'
  if (parts.some((part) => part === '.' || part === '..')) return '. and .. are no names'
  if (parts.length === 1) return 'it names a namespace and nothing in it'
  if (text.includes('%')) return 'nothing is percent-encoded in a path'
  if (/[A-Z]/.test(parts[0] ?? '')) return 'a namespace is lower case'
  return 'it is 2 to 16 segments of A-Z a-z 0-9 _ . @ + = -, each at most 64 long, and begins with a namespace'
}
