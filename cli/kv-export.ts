import { z } from 'zod'
import type { Json } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { parsePath, type SecretPath } from '@symbolon/protocol/label.ts'
import { readable } from '@symbolon/protocol/record.ts'
import { failed, ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { printDotenv, type Variable } from './dotenv.ts'
import { LocalFailure } from './failure.ts'
import type { Io } from './io.ts'
import { collected, maskAll } from './kv.ts'
import { progressOf } from './progress.ts'
import { formatOf, printTree, writeSecretFile, type FileFormat } from './secret-files.ts'
import { prefixOf } from './secret-path.ts'
import { membersShown, textForm } from './secret-value.ts'
import type { Opened, Secrets } from './secrets.ts'
import type { Settings } from './settings.ts'
import type { View } from './view.ts'

export const exportFlags = z.object({ out: z.string().optional(), force: z.boolean().default(false), as: z.string().optional() })

/** One secret, or all below a folder. */
export async function kvExport(secrets: Secrets, text: string, { out, force, as }: z.infer<typeof exportFlags>, settings: Settings, io: Io): Promise<Outcome<View>> {
  const format = formatOf(as ?? (out === undefined ? formatSetting(settings) : undefined), out, '--as')
  const opened = await openAll(secrets, prefixOf(text), io)
  if (!opened.ok) return opened
  const printed = exported(opened.value, prefixOf(text), format)
  if (out === undefined) {
    await maskAll(opened.value, io)
    io.out.write(printed)
    return ok(nothing)
  }
  writeSecretFile(out, printed, force)
  return ok({ data: { file: out, format, secrets: opened.value.length }, raw: out, tables: [{ rows: [['file', { whole: out }], ['secrets', String(opened.value.length)], ['format', format]] }] })
}

/** All was said. */
const nothing: View = { data: {}, tables: [], silent: true }

/** `-o` names a format here, too. */
const formatSetting = ({ format }: Settings): string => (format?.value === 'env' || format?.value === 'json' || format?.value === 'yaml' ? format.value : 'env')

async function openAll(secrets: Secrets, prefix: string, io: Io): Promise<Outcome<readonly Opened[]>> {
  const paths = await pathsAt(secrets, prefix)
  if (!paths.ok) return paths
  if (paths.value.length === 0) return failed('secret_not_found')
  const progress = progressOf(io, 'export')
  const opened: Opened[] = []
  for (let at = 0; at < paths.value.length; at += limits.labels) {
    const read = await secrets.read(paths.value.slice(at, at + limits.labels).map((path) => ({ path, version: 'latest' })))
    if (!read.ok) return read
    opened.push(...read.value)
    progress(`opened ${opened.length} of ${paths.value.length}`)
  }
  return ok(opened)
}

async function pathsAt(secrets: Secrets, prefix: string): Promise<Outcome<readonly SecretPath[]>> {
  const path = parsePath(prefix)
  const now = Math.floor(Date.now() / 1000)
  if (path !== undefined) {
    const found = await secrets.records([path])
    if (!found.ok) return found
    const [record] = found.value
    if (record !== undefined && readable(record, 'latest', now) !== undefined) return ok([path])
  }
  const rows = await collected(secrets.list(prefix, { recursive: true }))
  return rows.ok ? ok(rows.value.flatMap((row) => ('path' in row && readable(row.record, 'latest', now) !== undefined ? [row.path] : [])).toSorted()) : rows
}

/** @throws LocalFailure where a file of variables cannot say it */
export function exported(opened: readonly Opened[], prefix: string, format: FileFormat): string {
  if (format === 'env') return printDotenv(variablesOf(opened))
  const [only] = opened
  if (only !== undefined && opened.length === 1 && only.path === prefix && only.value.type === 'string') return printTree(membersShown(only.value), format)
  return printTree(Object.fromEntries(opened.map(({ path, value }) => [path, value.type === 'string' ? membersShown(value) : { $secret: JSON.parse(JSON.stringify(value)) as Json }])), format)
}

/** One secret's keys as they are; of several, `<SERVICE>_<NAME>`. */
function variablesOf(opened: readonly Opened[]): readonly Variable[] {
  const found = new Map<string, string>()
  for (const { path, value } of opened) {
    if (value.type !== 'string') throw new LocalFailure(`${path} is no variables`, `it is of type ${value.type}`, 'Export as JSON or YAML, or name another folder.')
    const prefix = opened.length === 1 ? '' : `${path.split('/').at(-1)?.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_') ?? ''}_`
    for (const [key, member] of Object.entries(membersShown(value))) {
      const name = `${prefix}${key}`
      if (found.has(name)) throw new LocalFailure(`Two secrets make the variable ${name}`, `the second is ${path}`, 'Export a smaller folder, or as JSON or YAML.')
      found.set(name, textForm(member))
    }
  }
  return [...found].map(([name, value]) => ({ name, value }))
}
