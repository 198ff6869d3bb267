import { custom as customSchema, settings as settingsSchema, tags as tagsSchema, type VaultRecord } from '@symbolon/protocol/record.ts'
import { failed, ok, type Result } from '../result.ts'
import type { Wish } from './change.ts'
import type { Problems } from './draft.ts'

/* What stands beside the versions, as it is typed: tags and notes by line, limits as numbers. */

export interface MetaDraft {
  readonly tags: string
  readonly notes: string
  readonly maxVersions: string
  readonly casRequired: boolean
  /** Seconds. */
  readonly deleteAfter: string
}

export const metaDraftOf = ({ tags, custom, settings }: VaultRecord): MetaDraft => ({
  tags: tags.join('\n'),
  notes: Object.entries(custom).map(([name, text]) => `${name}=${text}`).join('\n'),
  maxVersions: `${settings.max_versions}`,
  casRequired: settings.cas_required,
  deleteAfter: `${settings.delete_version_after}`,
})

const lines = (text: string): string[] => text.split('\n').map((line) => line.trim()).filter((line) => line !== '')
const number = (text: string): number => (/^\d{1,12}$/.test(text.trim()) ? Number(text) : Number.NaN)

export function metaWish({ tags, notes, maxVersions, casRequired, deleteAfter }: MetaDraft): Result<Extract<Wish, { act: 'secret.meta' }>, Problems> {
  const pairs = lines(notes).map((line): [string, string] => [line.slice(0, Math.max(0, line.indexOf('='))).trim(), line.slice(line.indexOf('=') + 1).trim()])
  const isTwice = new Set(pairs.map(([name]) => name)).size !== pairs.length
  const read = {
    tags: tagsSchema.safeParse(lines(tags)),
    notes: customSchema.safeParse(Object.fromEntries(pairs)),
    maxVersions: settingsSchema.shape.max_versions.safeParse(number(maxVersions)),
    deleteAfter: settingsSchema.shape.delete_version_after.safeParse(number(deleteAfter)),
  }
  const problems = {
    ...(read.tags.success ? {} : { tags: 'At most 32 different ones, each of 1 to 64 printable ASCII characters' }),
    ...(read.notes.success && !isTwice ? {} : { notes: 'At most 32, each name once, as name=text in printable ASCII' }),
    ...(read.maxVersions.success ? {} : { maxVersions: 'A number from 1 to 50' }),
    ...(read.deleteAfter.success ? {} : { deleteAfter: 'A number of seconds; 0: never' }),
  }
  if (!read.tags.success || !read.notes.success || !read.maxVersions.success || !read.deleteAfter.success || isTwice) return failed(problems)
  return ok({ act: 'secret.meta', tags: read.tags.data, custom: read.notes.data, settings: { max_versions: read.maxVersions.data, cas_required: casRequired, delete_version_after: read.deleteAfter.data } })
}
