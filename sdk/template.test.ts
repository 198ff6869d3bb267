import { describe, expect, test } from 'vitest'
import { digestOf, path, recordOf } from '@symbolon/envelope/envelope.testkit.ts'
import { combine as combineMode, fieldsOf, type SecretPath } from '@symbolon/protocol/label.ts'
import type { SecretValue } from '@symbolon/protocol/secret.ts'
import { failed, ok, type Outcome } from './errors.ts'
import { namedIn, parseTemplate, resolveConfig } from './template.ts'
import type { Opened } from './vault-read.ts'

const lineage = digestOf('lineage')
const config = (template: string): SecretValue => ({ type: 'config', template })
const string = (data: Record<string, string | number>): SecretValue => ({ type: 'string', data })

function opened(at: string, value: SecretValue): Opened {
  const of = { version: 3, state: 'live', type: value.type, combine: combineMode.parse(fieldsOf(path(at)).namespace === 'secret' ? 'vault' : 'caller'), ciphertext: digestOf(at), size: 100, at: 0, by: 'ann' } as const
  return { path: path(at), version: 3, value, record: recordOf({ lineage }, { path: path(at), versions: [of] }), of, group: digestOf('group') }
}

/** Reads what is there, and notes what was asked for. */
function store(secrets: Record<string, SecretValue>) {
  const asked: SecretPath[][] = []
  const read = async (paths: readonly SecretPath[]): Promise<Outcome<readonly Opened[]>> => {
    asked.push([...paths])
    const found = paths.flatMap((one) => (secrets[one] === undefined ? [] : [opened(one, secrets[one])]))
    return found.length === paths.length ? ok(found) : failed('secret_not_found')
  }
  const resolve = (at: string) => resolveConfig(opened(at, secrets[at] ?? config('')), read)
  return { asked, resolve }
}
const textOf = async (secrets: Record<string, SecretValue>, at = 'app/config') => {
  const resolved = await store(secrets).resolve(at)
  return resolved.ok ? resolved.value.text : `${resolved.error.code}: ${resolved.error.details.detail}`
}

describe('a configuration', () => {
  test('has members of other secrets put in, and says which it used', async () => {
    const { asked, resolve } = store({ 'app/config': config('url=postgres://{{ app/db#user }}:{{app/db#password}}@{{ app/host#name }}:{{ app/db#port }}\n'), 'app/db': string({ user: 'u', password: 'p{{ app/other#x }}', port: 5432 }), 'app/host': string({ name: 'h' }) })
    const resolved = await resolve('app/config')
    expect(resolved).toMatchObject({ ok: true, value: { text: 'url=postgres://u:p{{ app/other#x }}@h:5432\n', used: [{ path: 'app/config', version: 3 }, { path: 'app/db' }, { path: 'app/host' }] } })
    // What stands in a value is not looked into: only what the template names is read.
    expect(asked).toEqual([['app/db', 'app/host']])
  })

  test('has configurations put in, level by level', async () => {
    const { asked, resolve } = store({ 'app/config': config('[{{ app/a }}|{{ app/b }}]'), 'app/a': config('a={{ app/s#k }}'), 'app/b': config('b={{ app/s#k }}'), 'app/s': string({ k: 'v' }) })
    expect(await resolve('app/config')).toMatchObject({ ok: true, value: { text: '[a=v|b=v]' } })
    expect(asked).toEqual([['app/a', 'app/b'], ['app/s']])
  })

  test('takes fields of other kinds', async () => {
    expect(await textOf({ 'app/config': config('{{ app/tls#certificate }}'), 'app/tls': { type: 'certificate', certificate: 'PEM' } })).toBe('PEM')
    expect(await textOf({ 'app/config': config('{{ app/tls#type }}'), 'app/tls': { type: 'certificate', certificate: 'PEM' } })).toBe('template_invalid: app/tls has no member type')
  })

  test('may hold braces', async () => expect(await textOf({ 'app/config': config('\\{{ .Values }} {{ app/s#k }}'), 'app/s': string({ k: 'v' }) })).toBe('{{ .Values }} v'))

  test('no members of the prototype', async () => expect(await textOf({ 'app/config': config('{{ app/s#constructor }}'), 'app/s': string({ k: 'v' }) })).toBe('template_invalid: app/s has no member constructor'))
})

describe('is refused', () => {
  test.each([
    ['{{ app/db }}', 'app/db is of kind string: name a member, app/db#key'],
    ['{{ app/db#none }}', 'app/db has no member none'],
    ['x\n{{ db#k }}', 'app/config: line 2: not a reference; write {{ namespace/path#key }}, or \\{{ for the braces themselves'],
    ['{{ app/db#k', 'app/config: line 1: not a reference; write {{ namespace/path#key }}, or \\{{ for the braces themselves'],
    ['{{ app/../db#k }}', 'app/config: line 1: not a reference; write {{ namespace/path#key }}, or \\{{ for the braces themselves'],
    ['{{ app/db# }}', 'app/config: line 1: not a reference; write {{ namespace/path#key }}, or \\{{ for the braces themselves'],
  ])('%s', async (template, detail) => expect(await textOf({ 'app/config': config(template), 'app/db': string({ k: 'canary' }) })).toBe(`template_invalid: ${detail}`))

  test('naming itself, over however many steps', async () => {
    expect(await textOf({ 'app/config': config('{{ app/config }}') })).toBe('template_invalid: it names itself: app/config → app/config')
    expect(await textOf({ 'app/config': config('{{ app/a }}'), 'app/a': config('{{ app/b }}'), 'app/b': config('{{ app/a }}') })).toBe('template_invalid: it names itself: app/config → app/a → app/b → app/a')
  })

  test('lying too deep', async () => {
    const chain = (length: number) => Object.fromEntries(Array.from({ length }, (_, at) => [at === 0 ? 'app/config' : `app/c${at}`, config(at === length - 1 ? 'end' : `{{ app/c${at + 1} }}`)]))
    expect(await textOf(chain(9))).toBe('end')
    expect(await textOf(chain(10))).toBe('template_invalid: configurations lie more than 8 deep in one another')
  })

  test('naming too many, or becoming too long', async () => {
    const many = Array.from({ length: 65 }, (_, at) => `{{ app/s${at}#k }}`).join('')
    expect(await textOf({ 'app/config': config(many) })).toBe('template_invalid: it names more than 64 secrets')
    const bomb = Object.fromEntries(Array.from({ length: 8 }, (_, at) => [at === 0 ? 'app/config' : `app/c${at}`, config(at === 7 ? 'x'.repeat(100) : `{{ app/c${at + 1} }}`.repeat(10))]))
    expect(await textOf(bomb)).toBe('template_invalid: it becomes longer than 1499984 bytes')
  })

  test('T-8 costs what it is long, however often it names what holds nothing', { timeout: 10_000 }, async () => {
    const many = (reference: string) => config(`${reference}\n`.repeat(Math.floor(1_048_576 / (reference.length + 1))))
    const start = performance.now()
    expect(await textOf({ 'app/config': config('{{ app/a }}'.repeat(20_000)), 'app/a': config('{{ app/b }}'.repeat(20_000)), 'app/b': config('{{ app/c }}'.repeat(20_000)), 'app/c': config('') })).toBe('')
    expect(await textOf({ 'app/config': many('{{app/e}}'), 'app/e': config('') })).toBe('\n'.repeat(104_857))
    expect(performance.now() - start).toBeLessThan(5_000)
  })

  test('I-8 naming what lies outside a namespace that the vault combines', async () => {
    expect(await textOf({ 'secret/config': config('{{ app/db#k }}'), 'app/db': string({ k: 'canary' }) }, 'secret/config')).toBe('template_invalid: secret/config: app/db lies outside its namespace, whose secrets the vault may combine')
    expect(await textOf({ 'secret/config': config('{{ secret/db#k }}'), 'secret/db': string({ k: 'v' }) }, 'secret/config')).toBe('v')
    // Through a configuration of its callers, too.
    expect(await textOf({ 'app/config': config('{{ secret/config }}'), 'secret/config': config('{{ app/db#k }}'), 'app/db': string({ k: 'canary' }) })).toContain('outside its namespace')
  })

  test('when one of them is not there', async () => expect(await textOf({ 'app/config': config('{{ app/none#k }}') })).toBe('secret_not_found: undefined'))
})

test('what is named is named once', () => {
  const parsed = parseTemplate('{{ app/a#x }}{{ app/a#y }}{{ app/b }}')
  expect(parsed.ok ? namedIn(parsed.value) : []).toEqual(['app/a', 'app/b'])
})
