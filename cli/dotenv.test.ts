import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseDotenv, printDotenv } from './dotenv.ts'
import { LocalFailure } from './failure.ts'

const names = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,20}$/)
const values = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom(...'\'"\\$`#\n\r\t =ab'.split('')) })).filter((text) => !text.includes('\u0000') && text.isWellFormed())
const variables = fc.uniqueArray(fc.record({ name: names, value: values }), { selector: ({ name }) => name, maxLength: 8 })

const failureOf = (text: string): string => {
  try {
    parseDotenv(text, '.env')
  } catch (error) {
    if (error instanceof LocalFailure) return error.why
    throw error
  }
  return 'it was read'
}

describe('environment files', () => {
  test('S2-33 comments, quotes, escapes, newlines and export are read', () => {
    const text = '\uFEFF# head\nA=1\nexport B="x\\ny \\"q\\" \\$HOME"\n\nC=\'a #b\n$d\' # tail\nD=\nE=va#lue\r\nF="two\nlines"\n'
    expect(Object.fromEntries(parseDotenv(text).map(({ name, value }) => [name, value]))).toEqual({ A: '1', B: 'x\ny "q" $HOME', C: 'a #b\n$d', D: '', E: 'va#lue', F: 'two\nlines' })
  })

  test.each([
    ['A=1\nA=2', 'line 2: its variable is set already'],
    ['A = 1', 'line 1: there is no = right behind the name'],
    ['A=one two', 'line 1: something stands behind the value'],
    ['A="open', 'line 1: the quotes do not end'],
    ["A='x'y", 'line 1: something stands behind the value'],
    ['A=x"y"', 'line 1: a quote or backslash stands outside of quotes'],
    ['A="\\q"', 'line 1: a backslash stands before what needs none'],
    ['1A=x', 'line 1: there is no name of a variable'],
    ['just words', 'line 1: there is no = right behind the name'],
    ['A=\u0000', 'line 1: it holds a NUL'],
  ])('%j is refused: %s', (text, why) => {
    expect(failureOf(text)).toContain(why)
  })

  test('L-2 no refusal quotes a value', () => {
    fc.assert(fc.property(values, (value) => !failureOf(`A=${value}hunter2canary "`).includes('hunter2canary')))
  })

  test('what is printed reads back as the same', () => {
    fc.assert(fc.property(variables, (given) => void expect(parseDotenv(printDotenv(given))).toEqual(given)))
  })

  test('a shell reads the same', () => {
    const given = [`it's`, 'a "b" $HOME `id` \\ \\n', 'two\nlines', '#x', ' sp ', '', "'\n$x\"", '!x'].map((value, at) => ({ name: `V${at}`, value }))
    const script = `${printDotenv(given)}\nprintf '%s\\0' ${given.map(({ name }) => `"$${name}"`).join(' ')}`
    expect(spawnSync('sh', ['-c', script], { encoding: 'utf8' }).stdout.split('\u0000').slice(0, -1)).toEqual(given.map(({ value }) => value))
  })

  test('what no variable can hold is refused', () => {
    expect(() => printDotenv([{ name: 'a-b', value: '' }])).toThrow(LocalFailure)
    expect(() => printDotenv([{ name: 'A', value: '\u0000' }])).toThrow(LocalFailure)
  })
})
