import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'

/*
 * Runs vitest's projects, one after the other (system tests measure and crash processes; unit tests beside them would only
 * disturb), and ends with one line: `N passed, N failed`. Exits 0 only if every runner ended well, something ran, and nothing
 * failed or was left out.
 */

const root = dirname(import.meta.dirname)
const tools = join(root, '.tools')

/** Unit tests use the cores of the smallest machine; a system test has them to itself, since it measures, crashes and starts whole stacks. */
const workers: Readonly<Record<string, number>> = { unit: 2, system: 1 }

type Counts = { readonly passed: number; readonly failed: number }

function runProject(project: string): Counts {
  const folder = mkdtempSync(join(tools, 'results-'))
  const file = join(folder, 'results.json')
  try {
    const { status } = spawnSync(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--project', project, `--maxWorkers=${workers[project] ?? 1}`, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, PATH: `${join(tools, 'bin')}:${process.env['PATH'] ?? ''}` },
    })
    return count(file, status)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

type Results = { readonly numPassedTests: number; readonly numFailedTests: number; readonly numFailedTestSuites: number; readonly numTotalTests: number }

function count(file: string, status: number | null): Counts {
  // No report: the runner itself broke, which no count of tests shows.
  if (!existsSync(file)) return { passed: 0, failed: 1 }
  const { numPassedTests, numFailedTests, numTotalTests }: Results = JSON.parse(readFileSync(file, 'utf8'))
  // A file that does not load, an unhandled error, a suite without a test: failures outside any test.
  const outside = (status !== 0 && numFailedTests === 0) || numTotalTests === 0 ? 1 : 0
  return { passed: numPassedTests, failed: numFailedTests + outside }
}

const counts = process.argv.slice(2).map(runProject)
const passed = counts.reduce((sum, each) => sum + each.passed, 0)
const failed = counts.reduce((sum, each) => sum + each.failed, 0)
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)
