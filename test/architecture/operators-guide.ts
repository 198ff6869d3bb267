import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { config as apiConfig } from '@symbolon/api/config.ts'
import { coordinatorConfig } from '@symbolon/coordinator/config.ts'
import { keygenConfig } from '@symbolon/keygen/config.ts'
import { signerConfig } from '@symbolon/signer/config.ts'
import { config as vaultConfig } from '@symbolon/vault/config.ts'
import { webConfig } from '@symbolon/web/config.ts'

/* The settings in docs/operators.md are the processes' own schemas, written out. `node test/architecture/operators-guide.ts` rewrites them. */

export const guide = join(resolve(import.meta.dirname, '../..'), 'docs/operators.md')
const marker = '<!-- settings -->'

interface Node {
  readonly description?: string
  readonly type?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly properties?: Readonly<Record<string, Node>>
  readonly required?: readonly string[]
  readonly anyOf?: readonly Node[]
  readonly oneOf?: readonly Node[]
  readonly items?: Node
}

interface Row {
  readonly name: string
  readonly kind: string
  readonly fallback: string
  readonly meaning: string
}

function kindOf(node: Node): string {
  if (node.const !== undefined) return `\`${String(node.const)}\``
  if (node.enum !== undefined) return node.enum.map((value) => `\`${String(value)}\``).join(' or ')
  if (node.type === 'array') return 'list'
  if (node.type === 'integer') return node.minimum === undefined || node.maximum === undefined ? 'integer' : `${node.minimum} to ${node.maximum}`
  return node.type ?? 'string'
}

const shown = (value: unknown): string => (value === undefined ? '' : typeof value === 'object' && value !== null && Object.keys(value).length === 0 ? '' : `\`${JSON.stringify(value)}\``)

/** One row a setting; nested ones by dots. */
function rowsOf(node: Node, prefix: string, required: boolean): Row[] {
  const branches = node.oneOf ?? node.anyOf
  const row: Row = { name: prefix, kind: node.properties === undefined && branches === undefined ? kindOf(node) : '', fallback: node.default === undefined ? (required ? 'required' : '') : shown(node.default), meaning: node.description ?? '' }
  const nested = [...(branches ?? []), node].flatMap((each) => Object.entries(each.properties ?? {}).flatMap(([name, inner]) => rowsOf(inner, prefix === '' ? name : `${prefix}.${name}`, each.required?.includes(name) ?? false)))
  const items = node.items?.properties === undefined ? [] : rowsOf(node.items, `${prefix}[]`, true).slice(1)
  return prefix === '' ? nested : [row, ...nested, ...items]
}

const unique = (rows: readonly Row[]): Row[] => rows.filter((row, at) => rows.findIndex((other) => other.name === row.name && other.kind === row.kind && other.meaning === row.meaning) === at)
const cell = (text: string) => text.replaceAll('|', '\\|')

function table(title: string, schema: z.ZodType): string {
  const root = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Node
  const rows = unique(rowsOf(root, '', true)).map(({ name, kind, fallback, meaning }) => `| \`${name}\` | ${cell(kind)} | ${cell(fallback)} | ${cell(meaning)} |`)
  return [`### ${title}`, '', '| setting | value | default | meaning |', '| --- | --- | --- | --- |', ...rows, ''].join('\n')
}

export const settings = (): string =>
  ['', ...([['signer', signerConfig], ['coordinator', coordinatorConfig], ['api', apiConfig], ['vault', vaultConfig], ['keygen', keygenConfig], ['web', webConfig]] as const).map(([title, schema]) => table(`\`${title}\``, schema))].join('\n')

/** The guide with its settings as the schemas have them now. */
export function current(): string {
  const [before, , after] = readFileSync(guide, 'utf8').split(marker)
  if (before === undefined || after === undefined) throw new Error(`${guide} has no two markers`)
  return [before, settings(), after].join(marker)
}

if (process.argv[1] === import.meta.filename) writeFileSync(guide, current())
