import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { utf8 } from '@symbolon/protocol/bytes.ts'
import { bundleDigest, bundleOf, readBundle, wasmBytesLimit } from './bundle.ts'
import { encodePolicyData } from './data.ts'
import { defaultData, defaultProgram } from './files.ts'
import { good } from './judge.testkit.ts'
import { decodePolicyData } from './data.ts'

const files = { wasm: new Uint8Array(readFileSync(defaultProgram)), data: new Uint8Array(readFileSync(defaultData)) }
const data = good(decodePolicyData(files.data))
const digest = bundleDigest(files.wasm, data)

describe('a policy bundle', () => {
  test('is opened by the digest that the roster names', () => expect(bundleOf({ policy: digest }, files)).toEqual({ ok: true, bundle: { wasm: files.wasm, data, digest } }))

  test('the spelling of its data does not matter', () => expect(bundleOf({ policy: digest }, { ...files, data: encodePolicyData(data) })).toMatchObject({ ok: true }))

  test('TST-35 one byte of the program changed is another bundle', () => {
    const wasm = Uint8Array.from(files.wasm)
    wasm[4096] = (wasm[4096] ?? 0) ^ 1
    expect(bundleOf({ policy: digest }, { ...files, wasm })).toMatchObject({ ok: false, reason: 'digest_differs' })
  })

  test.each([
    ['one second more', { ...data, roles: { ...data.roles, sre: { ...data.roles['sre'], max_ttl_seconds: 1801 } } }],
    ['one scope more', { ...data, roles: { ...data.roles, engineer: { allow_scopes: ['read:logs', 'write:staging', 'deploy:canary', 'write:prod'], max_ttl_seconds: 3600 } } }],
    ['an entry in the deny list', { ...data, deny: { ...data.deny, principals: ['ci'] } }],
    ['a touch less', { ...data, scopes: { 'write:prod': { touch: true } } }],
  ])('TST-35 %s in the data is another bundle', (_, changed) =>
    expect(bundleOf({ policy: digest }, { ...files, data: utf8(JSON.stringify(changed)) })).toMatchObject({ ok: false, reason: 'digest_differs' }))

  test.each([
    ['nothing', new Uint8Array()],
    ['a text', utf8('package symbolon')],
    ['too much', Uint8Array.from({ length: wasmBytesLimit + 1 }, (_, place) => files.wasm[place] ?? 0)],
  ])('U-5 %s is no program', (_, wasm) => expect(readBundle({ ...files, wasm })).toMatchObject({ ok: false, reason: 'program_unreadable' }))

  test.each([
    ['nothing', ''],
    ['an empty policy', '{}'],
    ['a policy without roles', '{"roles":{}}'],
  ])('U-5 %s is no data, and says where', (_, text) => {
    const read = readBundle({ ...files, data: utf8(text) })
    expect(read).toMatchObject({ ok: false, reason: 'data_unreadable' })
    if (!read.ok) expect(read.problems).not.toEqual([])
  })
})
