import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { Json } from '@symbolon/protocol/json.ts'
import type { SecretPath } from '@symbolon/protocol/label.ts'
import { readable } from '@symbolon/protocol/record.ts'
import type { SecretValue } from '@symbolon/protocol/secret.ts'
import { ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { LocalFailure } from './failure.ts'
import type { Io } from './io.ts'
import { progressOf } from './progress.ts'
import { pathOf, prefixOf } from './secret-path.ts'
import { decodeTree, formatOf, readSecretFile, type Tree } from './secret-files.ts'
import { shaped } from './secret-value.ts'
import type { Secrets } from './secrets.ts'
import type { Cell, View } from './view.ts'

export const importFlags = z.object({ to: z.string().optional(), from: z.string().optional(), services: z.array(z.string()).default([]), shared: z.boolean().default(false), merge: z.boolean().default(false), compare: z.boolean().default(true), dryRun: z.boolean().default(false) })
export type ImportFlags = z.infer<typeof importFlags>

interface Item {
  readonly path: SecretPath
  readonly value: SecretValue
}
type Step = Item & { readonly what: 'new' | 'changed' | 'same' }

/** Secret by secret, each whole or not at all. What is there already is left as it is, so a second run goes on where the first one ended. */
export async function kvImport(secrets: Secrets, file: string, flags: ImportFlags, io: Io): Promise<Outcome<View>> {
  if (flags.merge && !flags.compare) throw new LocalFailure('--merge needs to compare', 'keys that are kept are read first', 'Leave --no-compare out.')
  const bytes = file === '-' ? await io.input() : readSecretFile(file)
  const items = itemsOf(decodeTree(bytes, formatOf(flags.from, file, '--from'), file), flags)
  const progress = progressOf(io, 'import')
  const compared = flags.compare ? await compare(secrets, items, flags.merge) : ok(items.map((item): Step => ({ ...item, what: 'changed' })))
  if (!compared.ok) return compared
  const steps = compared.value
  const wanted = steps.filter(({ what }) => what !== 'same')
  if (flags.dryRun) return ok(importView(steps, 0, false))
  for (const [at, { path, value }] of wanted.entries()) {
    const written = await secrets.write(path, value, {})
    if (!written.ok) {
      io.err.write(`${at} of ${wanted.length} are stored. What is left begins with ${path}; the same command goes on there.\n`)
      return written
    }
    progress(`stored ${at + 1} of ${wanted.length}`)
  }
  return ok(importView(steps, wanted.length, true))
}

/** With what is there. A version that ended cannot be compared with, and what it held is not kept. */
async function compare(secrets: Secrets, items: readonly Item[], merge: boolean): Promise<Outcome<readonly Step[]>> {
  const records = await secrets.records(items.map(({ path }) => path))
  if (!records.ok) return records
  const now = Math.floor(Date.now() / 1000)
  const there = items.filter((_item, at) => ((record) => record !== undefined && readable(record, 'latest', now) !== undefined)(records.value[at]))
  const read = there.length === 0 ? ok([]) : await secrets.read(there.map(({ path }) => ({ path, version: 'latest' })))
  if (!read.ok) return read
  const before = new Map(read.value.map((opened) => [opened.path, opened.value]))
  return ok(items.map((item) => stepOf(item, before.get(item.path), merge)))
}

function stepOf({ path, value }: Item, before: SecretValue | undefined, merge: boolean): Step {
  if (before === undefined) return { path, value, what: 'new' }
  const after: SecretValue = merge && before.type === 'string' && value.type === 'string' ? { type: 'string', data: { ...before.data, ...value.data } } : value
  return { path, value: after, what: isDeepStrictEqual(before, after) ? 'same' : 'changed' }
}

const isObject = (value: Json | undefined): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Which secrets a file makes. @throws LocalFailure */
function itemsOf(tree: Tree, { to, services, shared }: Pick<ImportFlags, 'to' | 'services' | 'shared'>): readonly Item[] {
  const names = Object.keys(tree)
  if (names.length === 0) throw new LocalFailure('There is nothing to import', 'the file holds no value', 'Check that it is the file you mean.')
  if (services.length > 0) return byService(tree, { to: folderOf(to), services, shared })
  const objects = names.filter((name) => isObject(tree[name]))
  if (objects.length > 0 && objects.length < names.length) throw new LocalFailure('The file holds both', 'some names stand for secrets and some for values', 'Put the values under a name.')
  if (objects.length === 0) {
    if (to === undefined) throw new LocalFailure('It is not said where to', 'the file holds keys and values of one secret', 'Give --to, for example --to app/payments/prod/web.')
    return [{ path: pathOf(to), value: shaped({ type: 'string', data: tree }) }]
  }
  return names.map((name) => ({ path: pathOf(to === undefined ? name : `${prefixOf(to)}/${name}`), value: typedOf(tree[name]) }))
}

/** As `kv export` writes it: a typed secret says its type, another one is keys and values. */
const typedOf = (value: Json | undefined): SecretValue => (isObject(value) && isObject(value['$secret']) && Object.keys(value).length === 1 ? shaped(value['$secret']) : shaped({ type: 'string', data: value }))

function folderOf(to: string | undefined): string {
  if (to === undefined) throw new LocalFailure('It is not said where to', 'the services need a folder', 'Give --to, for example --to app/payments/prod.')
  return prefixOf(to)
}

const serviceVariable = (service: string): string => `${service.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}_`

/** `<SERVICE>_<NAME>`. The longest service that fits has it: `web-admin` before `web`. */
function byService(tree: Tree, { to, services, shared }: { readonly to: string; readonly services: readonly string[]; readonly shared: boolean }): readonly Item[] {
  const longest = services.toSorted((a, b) => b.length - a.length)
  const found = new Map<string, Record<string, Json>>(services.map((service) => [service, {}]))
  const put = (service: string, key: string, value: Json) => {
    const data = found.get(service) ?? {}
    if (Object.hasOwn(data, key)) throw new LocalFailure('Two variables are one', `both would be ${key} of ${service}`, 'Rename one of them, or leave --shared out.')
    data[key] = value
  }
  for (const [name, value] of Object.entries(tree)) {
    const owner = longest.find((service) => name.startsWith(serviceVariable(service)) && name.length > serviceVariable(service).length)
    if (owner !== undefined) put(owner, name.slice(serviceVariable(owner).length), value)
    else if (shared) for (const service of services) put(service, name, value)
    else throw new LocalFailure(`${name} names no service`, `it begins with none of ${services.map(serviceVariable).join(', ')}`, 'Name its service in --services, or give --shared: then each of them gets it.')
  }
  return [...found].filter(([, data]) => Object.keys(data).length > 0).map(([service, data]) => ({ path: pathOf(`${to}/${service}`), value: shaped({ type: 'string', data }) }))
}

function importView(steps: readonly Step[], stored: number, sent: boolean): View {
  const count = (what: Step['what']) => steps.filter((step) => step.what === what).length
  return {
    data: { sent, new: count('new'), changed: count('changed'), same: count('same'), stored, secrets: steps.map(({ path, what, value }) => ({ path, what, type: value.type, ...(value.type === 'string' ? { keys: Object.keys(value.data) } : {}) })) },
    raw: String(stored),
    tables: [{ head: ['PATH', 'IS', 'KEYS'], rows: steps.map(({ path, what, value }): Cell[] => [{ whole: path }, what, { whole: value.type === 'string' ? Object.keys(value.data).join(', ') : value.type }]) }, { rows: [[sent ? 'stored' : 'would store', String(sent ? stored : count('new') + count('changed'))], ['left as they are', String(count('same'))]] }],
  }
}
