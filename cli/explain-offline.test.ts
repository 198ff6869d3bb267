import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bundleWith, defaultData, makeWorld } from '@symbolon/policy/judge.testkit.ts'
import { makePeople } from '@symbolon/policy/people.testkit.ts'
import { openShell, type Shell } from './cli.testkit.ts'

let shell: Shell
let rosterFile: string
beforeEach(() => {
  shell = openShell()
  rosterFile = shell.write('roster.json', JSON.stringify(makeWorld().roster))
})
afterEach(() => shell.remove())

interface Explained {
  readonly granted: boolean
  readonly principal?: string
  readonly reasons: readonly { code: string; rule?: string; fact?: string; remedy?: string }[]
  readonly matching: readonly string[]
  readonly near: readonly { trust: string; unmet: readonly { claim: string; found: unknown }[] }[]
}
const explain = async (...flags: string[]): Promise<Explained> => {
  const { code, out, err } = await shell.run(['explain', '--roster', rosterFile, ...flags])
  expect([code, err]).toEqual([0, ''])
  return JSON.parse(out) as Explained
}
const claims = (value: object) => shell.write('claims.json', JSON.stringify(value))

describe('explain without a server, key or signature', () => {
  test('a job whose claims a trust takes', async () => {
    expect(await explain('--claims', claims({ iss: 'https://forge.example', sub: 'x', repository_id: '42' }), '--scope', 'read:logs')).toMatchObject({ granted: true, principal: 'deploy', matching: ['deploy'] })
  })

  test('a refused scope names rule, fact and what would change it', async () => {
    const { granted, reasons: [reason] } = await explain('--claims', claims({ iss: 'https://forge.example', sub: 'x', repository_id: '42' }), '--scope', 'write:prod')
    expect(granted).toBe(false)
    expect(reason).toMatchObject({ code: 'scope_not_allowed', rule: expect.any(String), fact: expect.stringContaining('engineer'), remedy: expect.stringContaining('sre') })
  })

  test('claims that miss a trust show by what', async () => {
    expect(await explain('--claims', claims({ iss: 'https://forge.example', sub: 'x', repository_id: '43' }), '--scope', 'read:logs')).toMatchObject({ granted: false, reasons: [{ code: 'trust_none' }], near: [{ trust: 'deploy', unmet: [{ claim: 'repository_id', found: '43' }] }] })
  })

  test('a service, and somebody with a role', async () => {
    expect(await explain('--service', 'ci', '--scope', 'read:logs')).toMatchObject({ granted: true, principal: 'ci' })
    expect((await explain('--roles', 'sre', '--scope', 'write:prod')).granted).toBe(true)
    expect((await explain('--roles', 'engineer', '--scope', 'write:prod')).granted).toBe(false)
  })

  test('a person, and whether they touched', async () => {
    const guarded = { ...defaultData, scopes: { 'write:staging': { touch: true } } }
    shell.write('roster.json', JSON.stringify(makePeople({ bundle: bundleWith(guarded) }).roster))
    const asked = (...flags: string[]) => explain('--scope', 'write:staging', '--policy', shell.write('data.json', JSON.stringify(guarded)), ...flags)
    expect(await asked('--person', 'dan', '--touch')).toMatchObject({ granted: true, principal: 'dan' })
    expect(await asked('--person', 'dan')).toMatchObject({ granted: false, reasons: [{ code: 'touch_required' }] })
    expect(await asked('--person', 'eve', '--touch')).toMatchObject({ granted: false, reasons: [{ code: 'passkey_unknown' }] })
  })

  test('another policy’s data decides otherwise', async () => {
    const data = JSON.parse((await import('node:fs')).readFileSync(new URL('../policy/data.json', import.meta.url), 'utf8')) as { roles: Record<string, unknown> }
    const path = shell.write('data.json', JSON.stringify({ ...data, roles: { ...data.roles, engineer: data.roles['sre'] } }))
    expect((await explain('--roles', 'engineer', '--scope', 'write:prod', '--policy', path)).granted).toBe(true)
  })

  test.each([
    ['a roster that is none', ['--roster', 'claims.json', '--roles', 'sre'], 'is no roster'],
    ['claims that are none', ['--claims', 'list.json'], 'holds no claims'],
    ['two askers', ['--roles', 'sre', '--service', 'ci'], 'Two askers are named'],
    ['a person and a service', ['--person', 'ann', '--service', 'ci'], 'Two askers are named'],
    ['a touch of nobody', ['--roles', 'sre', '--touch'], 'Nobody is named who touches'],
    ['a file that is not there', ['--claims', 'nowhere.json'], 'cannot be read'],
  ])('%s is said', async (_name, flags, said) => {
    claims({ a: 1 })
    shell.write('list.json', '[]')
    const inFolder = flags.map((flag) => (flag.endsWith('.json') ? `${shell.folder}/${flag}` : flag))
    const { code, err } = await shell.run(['explain', '--roster', rosterFile, '--scope', 'read:logs', ...inFolder])
    expect([code, err]).toEqual([1, expect.stringContaining(said)])
  })
})
