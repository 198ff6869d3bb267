import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { boundTo } from './token-key.ts'

const folder = mkdtempSync(join(tmpdir(), 'symbolon-token-key-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('a key is made once, for its owner alone, and its thumbprint stays the same', () => {
  const path = join(folder, 'new', 'token.key')
  const first = boundTo(path)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(boundTo(path)).toBe(first)
  expect(boundTo(join(folder, 'other.key'))).not.toBe(first)
})

test.each([
  ['a key of another kind', () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 0o600, 'holds no key that a token can be bound to'],
  ['no key', () => 'hello', 0o600, 'is no private key'],
  ['a key that others may read', () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 0o644, 'is open to others'],
])('%s is refused, and left as it is', (name, text, mode, message) => {
  const path = join(folder, `${name.replaceAll(' ', '-')}.key`)
  writeFileSync(path, text(), { mode })
  expect(() => boundTo(path)).toThrow(expect.objectContaining({ message: expect.stringContaining(message) }))
})
