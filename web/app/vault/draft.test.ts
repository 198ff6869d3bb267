import { describe, expect, test } from 'vitest'
import type { SecretValue } from '@symbolon/protocol/secret.ts'
import { draftOf, emptyDraft, fileBytes, valueOf, type Draft } from './draft.ts'

const pem = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'
const values: readonly SecretValue[] = [
  { type: 'string', data: { user: 'ann', port: 5432, more: { a: [1, null] }, text: 'two\nlines' } },
  { type: 'string', data: {} },
  { type: 'config', template: 'url: {{ app/db#password }}\n', format: 'yaml' },
  { type: 'config', template: 'x' },
  { type: 'ssh-key', private_key: 'k', public_key: 'p', settings: {} },
  { type: 'ssh-key', private_key: 'k', public_key: 'p', passphrase: 's', settings: { host: 'a', host_name: 'a.example', user: 'u', port: 22, proxy_jump: 'b', known_hosts: ['one', 'two'], options: { IdentitiesOnly: 'yes', SendEnv: 'A B' } } },
  { type: 'key-pair', private_key: 'k', public_key: 'p', algorithm: 'ed25519' },
  { type: 'certificate', certificate: pem, chain: [pem, `${pem}`], private_key: 'k' },
  { type: 'file', name: 'a.bin', media_type: 'application/octet-stream', content: 'AAEC' },
]
test.each(values)('a value goes into its form and back as it was: $type', (value) => expect(valueOf(draftOf(value))).toEqual({ ok: true, value }))

const row = (id: number, name: string, text = '', json = false) => ({ id, name, text, json })
const strings = (...rows: ReturnType<typeof row>[]): Draft => ({ type: 'string', rows })

describe('what is wrong is said beside its field', () => {
  test.each<[string, Draft, string]>([
    ['a value without a name', strings(row(3, '')), 'row 3'],
    ['two of one name', strings(row(0, 'a'), row(1, 'a')), 'row 1'],
    ['a name that is too long', strings(row(0, 'a'.repeat(257))), 'row 0'],
    ['JSON that is none', strings(row(0, 'a', '{', true)), 'row 0'],
    ['a name that readers of JSON take for something else', strings(row(0, '__proto__', 'x')), 'row 0'],
    ['no text', emptyDraft('config'), 'template'],
    ['no private key', { type: 'ssh-key', texts: { public_key: 'p' } }, 'private_key'],
    ['a port that is none', { type: 'ssh-key', texts: { private_key: 'k', public_key: 'p', port: '22x' } }, 'port'],
    ['a port that is too high', { type: 'ssh-key', texts: { private_key: 'k', public_key: 'p', port: '70000' } }, 'port'],
    ['an option without a value', { type: 'ssh-key', texts: { private_key: 'k', public_key: 'p', options: 'IdentitiesOnly' } }, 'options'],
    ['no file', emptyDraft('file'), 'content'],
    ['a file that is too large', { type: 'file', name: 'a', mediaType: '', content: '', bytes: fileBytes + 1 }, 'content'],
    ['a name of a file that is too long', { type: 'file', name: 'a'.repeat(256), mediaType: '', content: 'AA', bytes: 1 }, 'name'],
  ])('%s', (_case, draft, field) => {
    const made = valueOf(draft)
    expect(made.ok ? [] : Object.keys(made.error)).toEqual([field])
  })
})

test('nothing that was typed gets lost: what the schema would drop is there to be refused', () => {
  const made = valueOf(strings(row(0, 'a', '{"__proto__": 1}', true)))
  expect(JSON.stringify(made.ok ? made.value : '')).toContain('"__proto__":1')
})
