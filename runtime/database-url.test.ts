import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { readDatabaseUrl } from './database-url.ts'

const folder = mkdtempSync(join(tmpdir(), 'symbolon-url-'))
afterAll(() => rmSync(folder, { recursive: true }))
const key = join(folder, 'key')
writeFileSync(key, 'x', { mode: 0o600 })
const tls = `sslmode=verify-full&sslrootcert=/ca&sslcert=/cert&sslkey=${key}`
const codes = (url: string) => [...new Set(readDatabaseUrl(url).problems.map(({ code }) => code))]

describe('the database URL', () => {
  test('a unix socket', () => {
    expect(readDatabaseUrl('postgres://api@/symbolon?host=/run/s')).toEqual({ target: { host: '/run/s', port: 5432, database: 'symbolon', user: 'api', tls: undefined }, problems: [] })
    expect(readDatabaseUrl('postgres://api@:6000/symbolon?host=/run/s').target).toMatchObject({ host: '/run/s', port: 6000 })
  })

  test('TCP with mutual TLS', () => {
    const { target, problems } = readDatabaseUrl(`postgresql://a%40b@db.example:6432/symbolon?${tls}`)
    expect(problems).toEqual([])
    expect(target).toMatchObject({ host: 'db.example', port: 6432, user: 'a@b', tls: { ca: '/ca', certificate: '/cert', key: { path: key } } })
    expect(readDatabaseUrl(`postgres://a@[::1]/d?${tls}`).target.host).toBe('::1')
  })

  test.each([
    ['no TLS over TCP', 'postgres://a@h/d', ['database_tls_required']],
    ['a weaker mode', `postgres://a@h/d?${tls.replace('verify-full', 'verify-ca')}`, ['database_tls_required']],
    ['no client certificate', 'postgres://a@h/d?sslmode=verify-full&sslrootcert=/ca', ['database_tls_required']],
    ['an absent key', `postgres://a@h/d?${tls}x`, ['secret_missing']],
    ['a password', 'postgres://a:b@/d?host=/s', ['database_password_in_url']],
    ['a parameter that is not known', 'postgres://a@/d?host=/s&options=-c', ['database_parameter_unknown']],
    ['a parameter twice', 'postgres://a@/d?host=/s&host=/t', ['database_parameter_unknown']],
    ['no user', 'postgres:///d?host=/s', ['database_url_malformed']],
    ['no database', 'postgres://a@/?host=/s', ['database_url_malformed']],
    ['a relative socket', 'postgres://a@/d?host=s', ['database_url_malformed']],
    ['no place at all', 'postgres://a@/d', ['database_url_malformed']],
    ['a host and a socket', 'postgres://a@h/d?host=/s', ['database_url_malformed']],
    ['another scheme', 'mysql://a@h/d', ['database_url_malformed']],
  ])('%s is refused', (_name, url, expected) => expect(codes(url)).toEqual(expected))
})
