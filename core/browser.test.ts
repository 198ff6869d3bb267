import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

/** Every module that a file pulls in, types left out, and the packages among them by name. */
function reached(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  const source = readFileSync(file, 'utf8')
  for (const [, names = '', specifier = ''] of source.matchAll(/^(?:import|export) (?!type )(.*?) ?from '([^']+)'|^import '([^']+)'/gm)) {
    expect(names).not.toBe('')
    if (specifier.startsWith('.')) reached(join(dirname(file), specifier), seen)
    else seen.add(specifier)
  }
  return seen
}

test('encrypting and combining run in browsers: noble alone, no module of Node, no native code', () => {
  const modules = new Set(['noble.ts', 'keys.ts', 'tdh2.ts', 'tdh2-combine.ts'].flatMap((name) => [...reached(join(import.meta.dirname, name))]))
  const names = [...modules].map((name) => (name.startsWith('/') ? relative(import.meta.dirname, name) : name)).sort()
  expect(names.filter((name) => !name.endsWith('.ts'))).toEqual(['@noble/curves/ed25519.js', '@noble/curves/utils.js', '@noble/hashes/sha2.js'])
  expect(names).toContain('dleq.ts')
  expect(names).not.toContain('sodium.ts')
  for (const name of names.filter((one) => one.endsWith('.ts'))) expect(readFileSync(join(import.meta.dirname, name), 'utf8'), name).not.toMatch(/\b(?:Buffer|process|require)\b[.(]/)
})
