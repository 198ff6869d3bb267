import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { allowedBuiltins, capabilities, capabilitiesPath, compileRego, opa, opaPath, opaVersion, programs } from '@symbolon/policy/build.ts'
import { openEvaluator } from '@symbolon/policy/evaluate.ts'

/* The Rego and what was compiled from it, by the pinned compiler. Processes never need it; this is where it is needed. */

beforeAll(() => {
  if (!existsSync(opaPath)) throw new Error(`opa ${opaVersion} is needed at ${opaPath}: GOBIN=$PWD/.tools/bin go install github.com/open-policy-agent/opa@v${opaVersion}`)
})

const rego = join(import.meta.dirname, '../../policy/rego')

test('opa is the pinned version: another one may compile to other bytes', () => expect(opa(['version'])).toContain(`Version: ${opaVersion}\n`))

describe('P-2 the committed program is what the Rego compiles to', () => {
  test.each(programs)('$source', ({ source, program, entrypoints }) => expect(Buffer.from(compileRego(source, { entrypoints })).equals(readFileSync(program))).toBe(true))

  test('twice the same, so that anyone can check it', () => expect(Buffer.from(compileRego('rego')).equals(compileRego('rego'))).toBe(true))
})

describe('the Rego', () => {
  test('is formatted', () => expect(opa(['fmt', '--list', 'rego', 'testdata'])).toBe(''))
  test('passes the strict check', () => expect(opa(['check', '--strict', 'rego'])).toBe(''))

  test('has tests for every module', () => {
    const modules = readdirSync(rego).filter((name) => !name.endsWith('_test.rego'))
    expect(modules.length).toBeGreaterThan(5)
    expect(modules.filter((name) => !existsSync(join(rego, `${basename(name, '.rego')}_test.rego`)))).toEqual([])
  })

  test('passes them, and they reach every line', () => {
    const passed = JSON.parse(opa(['test', '--format', 'json', 'rego'])) as { fail?: boolean; error?: unknown; name: string }[]
    expect(passed.length).toBeGreaterThan(50)
    expect(passed.filter((one) => one.fail === true || one.error !== undefined)).toEqual([])
    const report = JSON.parse(opa(['test', '--coverage', '--format', 'json', 'rego'])) as { coverage: number; files: Record<string, { not_covered?: unknown }> }
    expect(Object.entries(report.files).filter(([, file]) => file.not_covered !== undefined)).toEqual([])
    expect(report.coverage).toBe(100)
  })
})

describe('P-2 built-ins', () => {
  test('are those of the capabilities file, declared as the compiler declares them', () => expect(readFileSync(capabilitiesPath, 'utf8')).toBe(capabilities()))

  test('reach no clock, random source, network, environment or pattern', () => {
    const reaching = /^(http|net\.lookup|time|rand|uuid|opa|io|crypto|providers|rego|regex|re_match|glob|trace|print|internal\.print|yaml|json|sprintf|strings\.render)/
    expect([...allowedBuiltins].filter((name) => reaching.test(name))).toEqual([])
    const declared = JSON.parse(readFileSync(capabilitiesPath, 'utf8')) as { builtins: { name: string; nondeterministic?: boolean }[]; allow_net: string[] }
    expect(declared.allow_net).toEqual([])
    expect(declared.builtins.map((one) => one.name).filter((name) => !allowedBuiltins.has(name))).toEqual([])
    expect(declared.builtins.filter((one) => one.nondeterministic === true)).toEqual([])
    expect(declared.builtins).toHaveLength(allowedBuiltins.size)
  })

  test.each(['http.send({"method": "get", "url": input.url})', 'time.now_ns()', 'rand.intn("x", 2)', 'regex.match(input.pattern, "x")', 'glob.match(input.pattern, [], "x")', 'sprintf("%s", [input])', 'opa.runtime()'])('%s does not compile', (call) =>
    expect(() => compileRego(folderOf(`package symbolon\n\ndecision := ${call}\n`))).toThrow(/undefined function|is not allowed|unsafe built-in/))

  test('that the host would have to lend are refused when the program is opened', () => {
    const program = compileRego(folderOf('package symbolon\n\ndecision := sprintf("%s", [input.sub])\n'), { capabilities: false })
    expect(() => openEvaluator({ wasm: program, data: {} as never })).toThrow('the program asks for built-ins of the host: sprintf')
  })
})

test('P-1 a program without the one entrypoint is refused when it is opened', () => {
  const program = compileRego(folderOf('package symbolon\n\nanswer := true\n'), { entrypoints: ['symbolon/answer'] })
  expect(() => openEvaluator({ wasm: program, data: {} as never })).toThrow('the program has no entrypoint symbolon/decision')
})

function folderOf(source: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'symbolon-rego-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'policy.rego'), source)
  return folder
}
