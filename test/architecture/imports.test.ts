import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

/* The import table of ARCHITECTURE.md is the rule; this walk is what makes it true. */

const root = resolve(import.meta.dirname, '../..')
const ignored = new Set(['node_modules', '.tools', '.symbolon', '.git', 'coverage'])

const sources = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return ignored.has(entry.name) ? [] : sources(path)
    return /\.tsx?$/.test(entry.name) ? [path] : []
  })

/** The rows `| folder | may import | packages |` between the two markers, as folder → allowed names. */
function table(): Map<string, { folders: Set<string>; packages: Set<string> }> {
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')
  const section = text.split('<!-- import table -->')[1]
  if (section === undefined) throw new Error('ARCHITECTURE.md has no import table')
  const names = (cell: string | undefined) => new Set([...(cell ?? '').matchAll(/`([^`]+)`/g)].map((m) => m[1] ?? ''))
  return new Map(
    section
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) => {
        const cells = line.split('|').map((cell) => cell.trim())
        return [[...names(cells[1])][0] ?? '', { folders: names(cells[2]), packages: names(cells[3]) }]
      }),
  )
}

/** `import … from`, `export … from`, a bare import, a dynamic one, and a resolved URL (worker entries). */
const importPattern = /^\s*(?:import|export)\s+(?:type\s+)?[\w*{}\s,$]+?\s+from\s+['"]([^'"]+)['"]|^\s*import\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]|\bimport\.meta\.resolve\(\s*['"]([^'"]+)['"]/gm
const importsOf = (file: string) =>
  [...readFileSync(join(root, file), 'utf8').matchAll(importPattern)].map((m) => m[1] ?? m[2] ?? m[3] ?? m[4] ?? '')

const top = (path: string) => path.split('/')[0] ?? ''
const packageOf = (specifier: string) => specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')

const declaredBy = (folder: string): string[] => Object.keys(JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')).dependencies ?? {})

function violations(folder: string): string[] {
  const rule = table().get(folder)
  if (rule === undefined) return [`${folder}: has no row in ARCHITECTURE.md`]
  const declared = new Set(declaredBy(folder))
  const judge = (file: string, specifier: string): string[] => {
    const edge = `${file} → ${specifier}`
    if (specifier.startsWith('node:')) return []
    // A name in the folder's own package.json.
    if (specifier.startsWith('#')) return []
    if (specifier.endsWith('.testkit.ts') && !/\.(test|testkit)\.ts$/.test(file)) return [`${edge}: a test kit is for tests only`]
    if (specifier.startsWith('.')) {
      const target = relative(root, resolve(root, dirname(file), specifier))
      if (top(target) !== folder) return [`${edge}: a relative import leaves its folder`]
      return /\.(ts|tsx|mjs|json|css)$/.test(specifier) ? [] : [`${edge}: a relative import must end in its file's extension`]
    }
    const name = packageOf(specifier)
    if (name.startsWith('@symbolon/')) return rule.folders.has(name.slice('@symbolon/'.length)) ? [] : [`${edge}: ${folder} may not import ${name}`]
    if (/\.test\.ts$|\/contract\.ts$/.test(file) && ['vitest', 'fast-check'].includes(name)) return []
    if (!rule.packages.has(name)) return [`${edge}: ${folder} may not use the package ${name}`]
    return declared.has(name) ? [] : [`${edge}: ${name} is not declared in ${folder}/package.json`]
  }
  return sources(folder).flatMap((file) => importsOf(file).flatMap((specifier) => judge(file, specifier)))
}

const workspaces: string[] = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).workspaces
const bound = workspaces.filter((folder) => !['test', 'bench'].includes(folder))

/** What the row allows, or package.json declares, and no file of the folder imports. */
function unused(folder: string): string[] {
  const rule = table().get(folder)
  const used = new Set(sources(folder).flatMap((file) => importsOf(file)).map(packageOf))
  const folders = [...(rule?.folders ?? [])].filter((name) => !used.has(`@symbolon/${name}`)).map((name) => `${folder} may import ${name}`)
  const packages = [...(rule?.packages ?? [])].filter((name) => !used.has(name)).map((name) => `${folder} may use ${name}`)
  return [...folders, ...packages, ...declaredBy(folder).filter((name) => !used.has(name)).map((name) => `${folder}/package.json declares ${name}`)]
}

describe('imports follow the table in ARCHITECTURE.md', () => {
  test.each(bound)('%s', (folder) => expect(violations(folder)).toEqual([]))

  test.each(bound)('%s uses all that it may', (folder) => expect(unused(folder)).toEqual([]))

  test('every row names a workspace', () => expect([...table().keys()].filter((name) => !bound.includes(name))).toEqual([]))

  test('no process imports another', () => {
    const processes = ['api', 'coordinator', 'signer', 'keygen', 'web', 'vault']
    const crossing = [...table()].flatMap(([name, rule]) => [...rule.folders].filter((to) => processes.includes(to)).map((to) => `${name} → ${to}`))
    expect(crossing).toEqual([])
  })

  test('the table has no circle', () => {
    const rows = table()
    const reach = (name: string, path: string[]): string[][] =>
      path.includes(name) ? [[...path, name]] : [...(rows.get(name)?.folders ?? [])].flatMap((to) => reach(to, [...path, name]))
    expect([...rows.keys()].flatMap((name) => reach(name, []))).toEqual([])
  })
})
