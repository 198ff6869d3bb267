import { namespaceId, parsePath, type SecretPath } from '@symbolon/protocol/label.ts'

/*
 * Where a client of KV v2 points: `<mount>/<part>/<path>`. Names are canonical after one strict decoding at this edge, or they are refused: no second
 * spelling of a path ever reaches a decision.
 */

/** The parts of a mount, as KV v2 names them. */
const mountParts = ['data', 'metadata', 'subkeys', 'delete', 'undelete', 'destroy', 'config'] as const
export type MountPart = (typeof mountParts)[number]

export interface Place {
  /** Id of a namespace, whether there is one or not. */
  readonly mount: string
  readonly part: MountPart
  /** Segments behind the part, decoded. */
  readonly segments: readonly string[]
  /** The path ended in a slash: a folder is meant. */
  readonly folder: boolean
}

/** @returns undefined for what is no place in a mount */
export function placeOf(rest: string): Place | undefined {
  const segments = rest.split('/').map(decoded)
  const folder = segments.length > 2 && segments.at(-1) === ''
  const [mount, part, ...names] = folder ? segments.slice(0, -1) : segments
  const known = mountParts.find((each) => each === part)
  if (known === undefined || mount === undefined || !namespaceId.safeParse(mount).success) return undefined
  const sound = names.filter((name): name is string => name !== undefined && name !== '')
  return sound.length === names.length ? { mount, part: known, segments: sound, folder } : undefined
}

/** Once. What still holds a percent sign, or a slash, then is no name of ours. */
function decoded(segment: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(segment)) return undefined
  try {
    return decodeURIComponent(segment)
  } catch (error) {
    // Bytes that are no UTF-8.
    if (error instanceof URIError) return undefined
    throw error
  }
}

/** The secret that is meant; undefined for what is no path, or for a folder. */
export const secretAt = ({ mount, segments, folder }: Place): SecretPath | undefined => (folder || segments.some((name) => name.includes('/')) ? undefined : parsePath([mount, ...segments].join('/')))

/** The folder that is meant, with or without its slash: what `secret.list` calls a prefix. */
export function folderAt({ mount, segments }: Place): string | undefined {
  if (segments.length === 0) return mount
  return secretAt({ mount, part: 'metadata', segments, folder: false })
}
