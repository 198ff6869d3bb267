import { namespaceId, parsePath, secretPrefix, type SecretPath } from '@symbolon/protocol/label.ts'

/* Where somebody is in the vault, as it stands behind `#` in the address: `app/payments/` is a folder, `app/payments/db` a secret. */

export type Place = { readonly at: 'top' } | { readonly at: 'folder'; readonly prefix: string } | { readonly at: 'secret'; readonly path: SecretPath } | { readonly at: 'nowhere' }

export function placeIn(fragment: string): Place {
  if (fragment === '') return { at: 'top' }
  if (fragment.endsWith('/')) {
    const prefix = fragment.slice(0, -1)
    return secretPrefix.safeParse(prefix).success ? { at: 'folder', prefix } : { at: 'nowhere' }
  }
  const path = parsePath(fragment)
  return path === undefined ? { at: 'nowhere' } : { at: 'secret', path }
}

/** A path's segments need no escaping in a fragment. */
export const folderLink = (prefix: string): string => `/secrets#${prefix}/`
export const secretLink = (path: SecretPath): string => `/secrets#${path}`

/** The folders above, nearest last: `app/a/b` → `app`, `app/a`. */
export function foldersAbove(path: string): readonly string[] {
  const parts = path.split('/')
  return parts.slice(0, -1).map((_part, at) => parts.slice(0, at + 1).join('/'))
}

/** Without what is shown already. */
export const lastOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** @returns why a typed path is none, or undefined */
export function pathProblem(text: string, namespaces: readonly { readonly id: string }[]): string | undefined {
  const [first = ''] = text.split('/', 1)
  if (!namespaceId.safeParse(first).success || !namespaces.some(({ id }) => id === first)) return `It begins with a namespace: ${namespaces.map(({ id }) => id).join(', ') || 'there is none'}`
  return parsePath(text) === undefined ? 'Such as app/payments/prod/db: segments of A-Z a-z 0-9 _ . @ + = -, parted by a slash' : undefined
}
