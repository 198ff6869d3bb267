import { existsSync, readFileSync, statSync } from 'node:fs'

/** The last line of a log in a few words: what a process said before it ended. JSON lines give their message and code. */
export function lastWords(path: string): string {
  if (!existsSync(path) || statSync(path).size === 0) return ''
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n').slice(-20)
  const plain = lines.findLast((line) => line.trim() !== '' && !line.startsWith('    at ')) ?? ''
  return (messageIn(plain) ?? plain).slice(0, 300)
}

function messageIn(line: string): string | undefined {
  try {
    const { msg, code, err } = JSON.parse(line) as { msg?: unknown; code?: unknown; err?: { message?: unknown } }
    return [code, msg, err?.message].filter((part) => typeof part === 'string').join(': ')
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
