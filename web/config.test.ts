import { expect, test } from 'vitest'
import { webConfig } from './config.ts'

const fine = { name: 'web', pid_file: '/run/web.pid', listen: { host: '127.0.0.1', port: 8443 }, site: '/srv/console', api: 'https://api.example', issuer: 'https://api.example', rp_id: 'example', lineage: 'A'.repeat(43) }
const problems = (value: object) => webConfig.safeParse(value).error?.issues.map(({ path }) => path.join('.'))

test('development needs no certificate', () => expect(problems(fine)).toBeUndefined())

test.each([
  ['plain http for others than this machine', { listen: { host: '0.0.0.0', port: 80 } }, 'tls'],
  ['an api with a path', { api: 'https://api.example/v1' }, 'api'],
  ['an api that could widen the policy', { api: "https://api.example 'unsafe-inline'" }, 'api'],
  ['a vault with a path', { vault: 'https://vault.example/v1' }, 'vault'],
  ['a vault that could widen the policy', { vault: 'https://vault.example;script-src *' }, 'vault'],
  ['a short lineage', { lineage: 'AAAA' }, 'lineage'],
  ['an unknown setting', { origin: 'x' }, ''],
])('%s is refused', (_case, change, path) => expect(problems({ ...fine, ...change })).toContain(path))
