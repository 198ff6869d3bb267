import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

/* The verifiers import nothing of ours, so each runs the vectors in its own language, as a relying party would. */

const run = promisify(execFile)
const folder = resolve(import.meta.dirname, '../../verifiers')
const vectors = JSON.parse(await readFile(join(folder, 'vectors/tokens.json'), 'utf8')) as { jwks: object; issuer: string; audience: string; now: number; cases: { id: string; comment: string; token: string; result: string }[] }
const { verify } = (await import(join(folder, 'node/verify.mjs'))) as { verify: (token: string, expected: object) => object }

const resultOf = (token: string): string => {
  try {
    verify(token, vectors)
    return 'ok'
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : `threw ${String(error)}`
  }
}

describe('Node', () => {
  test.each(vectors.cases)('J-1 J-3 J-6 J-7 J-9 $id: $comment', ({ token, result }) => expect(resultOf(token)).toBe(result))
})

test('J-9 Python agrees on every vector', async () => {
  const { stderr } = await run('python3', ['-B', '-m', 'unittest', 'verify_test'], { cwd: join(folder, 'python') })
  expect(stderr).toMatch(/Ran 1 test[^]*OK/)
})

test('J-9 Go agrees on every vector', async () => {
  const { stdout } = await run('go', ['test', '-count=1', './...'], { cwd: join(folder, 'go'), env: { ...process.env, GOTOOLCHAIN: 'local' } })
  expect(stdout).toMatch(/^ok/)
})
