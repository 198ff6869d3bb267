import { describe, expect, test } from 'vitest'
import { checkPolicyData } from './data.ts'
import { secretPattern } from './secret-rules.ts'

const said = (pattern: unknown) => {
  const parsed = secretPattern.safeParse(pattern)
  return parsed.success ? 'ok' : parsed.error.issues[0]?.message
}

describe('a pattern of secrets', () => {
  test.each(['app/db', 'app/**', 'app/*/db', 'app/payments/*/**', 'app/*', '**', '*/shared/db', '*/**', 'app/Case/_x.y@z+1=2-3'])('%s is one', (pattern) => expect(said(pattern)).toBe('ok'))

  test.each([
    ['a part of a segment', 'app/pay*', '* stands for a whole segment; did you mean app/*?'],
    ['a namespace in part', 'ap*/db', '* stands for a whole segment; did you mean */db?'],
    ['two stars in the middle', 'app/**/db', '** stands at the end only; did you mean app/*/db?'],
    ['two stars in front', '**/db', '** stands at the end only; did you mean */db?'],
    ['three stars', 'app/***', '* stands for a whole segment; did you mean app/*?'],
    ['a namespace in upper case', 'App/**', 'namespaces are lower case; did you mean app/**?'],
    ['a namespace alone', 'app', 'a namespace alone is no secret; did you mean app/**?'],
    ['a star alone', '*', 'a namespace alone is no secret; did you mean */**?'],
    ['a slash in front', '/app/**', 'a pattern has no empty segments; did you mean app/**?'],
    ['a slash at the end', 'app/payments/', 'a pattern has no empty segments; did you mean app/payments/**?'],
    ['two slashes', 'app//db', 'a pattern has no empty segments; did you mean app/db?'],
  ])('Z-6 %s is refused, with what was meant', (_, pattern, message) => expect(said(pattern)).toBe(message))

  test.each(['', '/', 'app/..', 'app/../db', 'app/./db', 'app/a b', 'app/ä', 'app/%2e', 'app/a\0', 'sys/db', 'v1/**', 'auth/**', 'app/{x}', 'app/x?', 'app/[a-z]', 'app/x\n', `app/${'x'.repeat(65)}`, `app/${'x/'.repeat(15)}x`, 5, null])('Z-1 %j is refused', (pattern) => expect(said(pattern)).not.toBe('ok'))
})

describe('a role’s rules about secrets', () => {
  const role = { allow_scopes: ['secret:read', 'secret:list'], max_ttl_seconds: 60 }
  const pointers = (secrets: unknown, more: object = {}) => {
    const checked = checkPolicyData({ roles: { engineer: { ...role, secrets } }, ...more })
    return checked.ok ? 'ok' : checked.problems.map(({ pointer }) => pointer)
  }
  const rule = { path: 'app/**', actions: ['read'] }

  test('are what the data say, and nothing is put in', () => expect(checkPolicyData({ roles: { engineer: { ...role, secrets: [{ ...rule, touch: true }] } } })).toMatchObject({ ok: true, value: { roles: { engineer: { secrets: [{ path: 'app/**', actions: ['read'], touch: true }] } } } }))

  test.each<[string, unknown, readonly string[]]>([
    ['an unknown action', [{ ...rule, actions: ['reads'] }], ['/roles/engineer/secrets/0/actions/0']],
    ['an action twice', [{ ...rule, actions: ['read', 'read'] }], ['/roles/engineer/secrets/0/actions']],
    ['T-2 no action', [{ ...rule, actions: [] }], ['/roles/engineer/secrets/0/actions']],
    ['T-2 no rule', [], ['/roles/engineer/secrets']],
    ['no path', [{ actions: ['read'] }], ['/roles/engineer/secrets/0/path']],
    ['an unknown member', [{ ...rule, deny: true }], ['/roles/engineer/secrets/0']],
    ['touch: false, which reads like a switch', [{ ...rule, touch: false }], ['/roles/engineer/secrets/0/touch']],
    ['a touch for a listing', [{ ...rule, actions: ['list'], touch: true }], ['/roles/engineer/secrets/0']],
    ['an action whose scope no role has', [{ ...rule, actions: ['read', 'destroy'] }], ['/roles/engineer/secrets/0/actions/1']],
    ['a pattern that is none', [rule, { ...rule, path: 'app' }], ['/roles/engineer/secrets/1/path']],
  ])('%s is refused', (_, secrets, where) => expect(pointers(secrets)).toEqual(where))

  test.each([
    ['a pattern that is none', ['app/x*'], ['/deny/secrets/0']],
    ['T-2 an empty list', [], ['/deny/secrets']],
    ['one twice', ['app/**', 'app/**'], ['/deny/secrets']],
  ])('on the deny list, %s is refused', (_, secrets, where) => expect(pointers([rule], { deny: { secrets } })).toEqual(where))

  test('the scope may come from another role', () =>
    expect(checkPolicyData({ roles: { engineer: { ...role, secrets: [{ ...rule, actions: ['write'] }] }, writer: { allow_scopes: ['secret:write'], max_ttl_seconds: 60 } } }).ok).toBe(true))

  test('data without any keep their spelling, and so their digest', () => {
    const checked = checkPolicyData({ roles: { engineer: role } })
    expect(checked.ok && [Object.keys(checked.value.deny).includes('secrets'), Object.keys(checked.value.roles['engineer'] ?? {})]).toEqual([false, ['allow_scopes', 'max_ttl_seconds']])
  })
})
