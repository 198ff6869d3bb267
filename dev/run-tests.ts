import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

/*
 * Runs vitest's projects, one after the other (system tests measure and crash processes; unit tests beside them would only
 * disturb). Ends with the name and the first words of everything that failed, the name of everything that was skipped, and one
 * line: `N passed, N failed`. Exits 0 only if every runner ended well, something ran, and nothing failed. A test is skipped only
 * where its name says what the machine lacks for it (Linux, root).
 */

const root = dirname(import.meta.dirname)
const tools = join(root, '.tools')

/** Unit tests use the cores of the smallest machine; a system test has them to itself, since it measures, crashes and starts whole stacks. */
const workers: Readonly<Record<string, number>> = { unit: 2, system: 1 }

type Test = { readonly fullName: string; readonly status: string; readonly failureMessages: readonly string[] }
type File = { readonly name: string; readonly status: string; readonly message: string; readonly assertionResults: readonly Test[] }
type Results = { readonly numPassedTests: number; readonly numFailedTests: number; readonly numTotalTests: number; readonly testResults: readonly File[] }
type Outcome = { readonly passed: number; readonly failures: readonly string[]; readonly skipped: readonly string[] }

function runProject(project: string): Outcome {
  const folder = mkdtempSync(join(tools, 'results-'))
  const file = join(folder, 'results.json')
  try {
    const { status } = spawnSync(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--project', project, `--maxWorkers=${workers[project] ?? 1}`, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, PATH: `${join(tools, 'bin')}:${process.env['PATH'] ?? ''}` },
    })
    // No report: the runner itself broke, which no count of tests shows.
    if (!existsSync(file)) return { passed: 0, failures: [`${project}: the runner left no report`], skipped: [] }
    return outcomeOf(project, JSON.parse(readFileSync(file, 'utf8')), status)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function outcomeOf(project: string, results: Results, status: number | null): Outcome {
  const failures = results.testResults.flatMap(failuresOf)
  // A suite without a test, an error that no test handled: failures that no file of the report names.
  const outside = failures.length === 0 && (status !== 0 || results.numTotalTests === 0) ? [`${project}: failed outside every test; see above`] : []
  const skipped = results.testResults.flatMap((file) => file.assertionResults.filter((test) => test.status !== 'passed' && test.status !== 'failed').map((test) => nameOf(file, test)))
  return { passed: results.numPassedTests, failures: [...failures, ...outside], skipped }
}

/** Every failed test of a file; the file itself where it failed outside its tests (it does not load, a hook threw). */
function failuresOf(file: File): string[] {
  const failed = file.assertionResults.filter((test) => test.status === 'failed')
  if (failed.length === 0 && file.status === 'failed') return [`${relative(root, file.name)}: ${firstWords(file.message)}`]
  return failed.map((test) => `${nameOf(file, test)}\n    ${firstWords(test.failureMessages[0] ?? '')}`)
}

const nameOf = (file: File, test: Test): string => `${relative(root, file.name)} > ${test.fullName}`
const firstWords = (message: string): string => stripVTControlCharacters(message).split('\n').slice(0, 3).join(' ').slice(0, 400)

const outcomes = process.argv.slice(2).map(runProject)
const skipped = outcomes.flatMap((each) => each.skipped)
const failures = outcomes.flatMap((each) => each.failures)
const passed = outcomes.reduce((sum, each) => sum + each.passed, 0)
if (skipped.length > 0) process.stdout.write(`\nSkipped here, ${skipped.length}:\n${skipped.map((name) => `  ${name}\n`).join('')}`)
if (failures.length > 0) process.stdout.write(`\nFailed, ${failures.length}:\n${failures.map((name) => `  ${name}\n`).join('')}`)
process.stdout.write(`\n${passed} passed, ${failures.length} failed\n`)
process.exit(failures.length === 0 && passed > 0 ? 0 : 1)
