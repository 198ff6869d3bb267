import { spawn } from 'node:child_process'
import type { Io } from './io.ts'

/**
 * Asks the CI platform to keep a secret out of its logs, before anything prints it. On stderr: stdout may be on its way into a
 * variable, and runners read both.
 */
export async function mask(secret: string, io: Io): Promise<void> {
  for (const form of formsOf(secret)) {
    if (io.env['GITHUB_ACTIONS'] === 'true') io.err.write(`::add-mask::${form}\n`)
    else if (io.env['BUILDKITE'] === 'true' && !(await redactOnBuildkite(form))) io.err.write('warning: buildkite-agent did not take the token for redaction\n')
  }
}

/** Runners mask line by line, and a program may print a value escaped. */
export function formsOf(secret: string): readonly string[] {
  const lines = secret.split(/\r?\n/)
  const forms = lines.flatMap((line) => [line, JSON.stringify(line).slice(1, -1), encodeURIComponent(line)])
  return [...new Set(forms)].filter((form) => form.trim() !== '')
}

function redactOnBuildkite(secret: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const child = spawn('buildkite-agent', ['redactor', 'add'], { stdio: ['pipe', 'ignore', 'ignore'], timeout: 10_000 })
  child.on('error', () => resolve(false)).on('exit', (code) => resolve(code === 0))
  child.stdin.on('error', () => resolve(false)).end(secret)
  return promise
}
