import fc from 'fast-check'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { nobleEd25519Suite } from '@symbolon/core/noble.ts'
import { bytesOf, sha256, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { ciphertextDigest, ciphertextHead } from '@symbolon/protocol/ciphertext.ts'
import { labelOf, type SecretType } from '@symbolon/protocol/label.ts'
import { secretValueBytes, type SecretValue } from '@symbolon/protocol/secret.ts'
import { answerOf, codeOf, digestOf, got, path, strings, testSecrets, write, type TestDeployment } from './envelope.testkit.ts'
import { secretKeys } from './keys.ts'
import { openSecrets } from './open.ts'
import { openRequestKey } from './reply.ts'
import { seal } from './seal.ts'
import { decodeValue, encodeValue } from './value.ts'

const deployment = testSecrets()
const replyKey = await openRequestKey()
const intent = digestOf('intent')
const now = 1_800_000_000

async function readBack(of: TestDeployment, value: SecretValue, name = 'app/x'): Promise<unknown> {
  const row = await write(of, name, value)
  const opened = await Promise.all([1, 3].map((id) => answerOf(of, id, [row.head], { intent, reply: replyKey.reply })))
  const result = await openSecrets({ intent, labels: [{ path: row.plain.path, version: 'latest' }], replyKey, keys: of.keys, now, rows: [row], epoch: 1, opened })
  return got(result)[0]?.value
}

const kinds: readonly SecretValue[] = [
  strings({ user: 'ü', password: '🔑 \u0000 \\ "' }),
  { type: 'string', data: { nested: { deep: [1, null, true, 1.5, { x: 'y' }] } } },
  { type: 'config', template: 'a={{ app/db#a }}\n', format: 'env' },
  { type: 'ssh-key', private_key: 'PEM', public_key: 'ssh-ed25519 AAAA', settings: { host: 'h', port: 22, options: { ForwardAgent: 'no' } } },
  { type: 'key-pair', private_key: 'PEM', public_key: 'PEM', algorithm: 'ed25519' },
  { type: 'certificate', certificate: 'PEM', chain: ['PEM'], private_key: 'PEM' },
  { type: 'file', name: 'x.bin', content: Buffer.alloc(2000, 7).toString('base64url') },
]

describe('a value', () => {
  test.each(kinds.map((value): [string, SecretValue] => [value.type, value]))('of kind %s comes back as it was', async (_type, value) => expect(await readBack(deployment, value)).toEqual(value))

  test('whatever its members are', () =>
    fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string({ minLength: 1, maxLength: 20 }).filter((name) => name !== '__proto__'), fc.jsonValue({ maxDepth: 4, stringUnit: 'grapheme' }), { maxKeys: 6 }), async (data) => {
        const value = { type: 'string', data } as SecretValue
        // JSON has no −0.
        expect(await readBack(deployment, value)).toEqual(JSON.parse(JSON.stringify(value)))
      }),
      { numRuns: 40 },
    ))

  test('as large as a file may be', async () => {
    const value: SecretValue = { type: 'file', name: 'big', content: Buffer.alloc(1_048_576, 3).toString('base64url') }
    expect(await readBack(deployment, value)).toEqual(value)
  })

  test('noble and libsodium read what the other wrote', async () => {
    const { keyset, lineage } = deployment
    const noble = { ...deployment, keys: got(secretKeys({ keyset, lineage, suite: nobleEd25519Suite() })) }
    const row = await write(noble, 'app/x', strings({ a: 'by noble' }))
    const opened = await Promise.all([1, 2].map((id) => answerOf(deployment, id, [row.head], { intent, reply: replyKey.reply })))
    const request = { intent, labels: [{ path: row.plain.path, version: 1 }], replyKey, now, rows: [row], epoch: 1, opened }
    for (const { keys } of [deployment, noble]) expect(got(await openSecrets({ ...request, keys }))[0]?.value).toEqual(strings({ a: 'by noble' }))
  })
})

describe('a head', () => {
  test('is what the wire takes, and says nothing of the value', async () => {
    const value = strings({ password: 'correct horse battery' })
    const { head, body, digest, size } = got(await seal({ value, label: labelOf(path('app/a/b/c/d/e'), { combine: 'caller', version: 7, type: 'string' }), keys: deployment.keys }))
    expect(ciphertextHead.parse(head)).toEqual(head)
    expect(head.label).toEqual({ namespace: 'app', project: 'a', scope: 'b', environment: 'c', name: 'd/e', combine: 'caller', version: 7, type: 'string' })
    expect(digest).toBe(ciphertextDigest(head))
    expect([size, head.size, toBase64url(sha256(body))]).toEqual([body.length, body.length, head.body])
    expect(body.length).toBe(JSON.stringify(value).length + 16)
    expect(Buffer.from(body).includes('horse')).toBe(false)
  })

  test('has nothing in common with that of the same value closed again', async () => {
    const label = labelOf(path('app/x'), { combine: 'caller', version: 1, type: 'string' })
    const [one, two] = [got(await seal({ value: strings({ a: '1' }), label, keys: deployment.keys })), got(await seal({ value: strings({ a: '1' }), label, keys: deployment.keys }))]
    for (const field of ['u', 'u_bar', 'e', 'f', 'wrapped', 'key_hash', 'iv', 'body'] as const) expect(one.head[field]).not.toBe(two.head[field])
  })
})

describe('L-2 what cannot be closed', () => {
  const canary = 'correct-horse-battery'
  const deep = (levels: number): unknown => (levels === 0 ? canary : [deep(levels - 1)])
  test.each<[string, unknown, SecretType, string]>([
    ['no value at all', canary, 'string', 'value_invalid'],
    ['members of another kind', { type: 'string', data: { a: 1 }, [canary]: canary }, 'string', 'value_invalid'],
    ['a kind that there is not', { type: canary }, 'string', 'value_invalid'],
    ['another kind than the label’s', strings({ a: canary }), 'file', 'value_invalid'],
    ['deeper than anybody reads', { type: 'string', data: { a: deep(20) } }, 'string', 'value_invalid'],
    ['a member that no reader takes', JSON.parse(`{"type":"string","data":{"__proto__":"${canary}"}}`), 'string', 'value_invalid'],
    ['more than fits', strings({ a: canary + 'x'.repeat(secretValueBytes) }), 'string', 'value_too_large'],
    ['a file’s content in another alphabet', { type: 'file', name: 'x', content: `${canary}+/=` }, 'file', 'value_invalid'],
    ['half a surrogate, which has no UTF-8', { type: 'string', data: { a: canary }, x: '\ud800' }, 'string', 'value_invalid'],
  ])('%s is refused, and nothing of it is said', async (_case, value, type, code) => {
    const result = await seal({ value: value as SecretValue, label: labelOf(path('app/x'), { combine: 'caller', version: 1, type }), keys: deployment.keys })
    expect(codeOf(result)).toBe(code)
    for (const shown of [JSON.stringify(result), inspect(result, { depth: 9 })]) expect(shown).not.toContain('horse')
  })

  test('bytes are judged like values', async () => {
    const label = labelOf(path('app/x'), { combine: 'caller', version: 1, type: 'string' })
    const bytes = utf8('{"type":"string","data":{"a":"1"}}')
    expect(codeOf(await seal({ value: bytes, label, keys: deployment.keys }))).toBe('ok')
    // They are the caller's, who wipes them.
    expect(bytes[0]).toBe(0x7b)
    for (const bad of ['{"type":"string","data":{"a":1,"a":2}}', '\ufeff{"type":"string","data":{}}', 'null', '']) expect(codeOf(await seal({ value: utf8(bad), label, keys: deployment.keys }))).toBe('value_invalid')
  })
})

test('what was inside is decoded as strictly as it is encoded', () => {
  const good = got(encodeValue(strings({ a: '1' })))
  expect(decodeValue(good)).toEqual(strings({ a: '1' }))
  for (const bad of ['{"type":"string","data":{},"x":1}', '{"type":"string"}', '[]', '{"type":"string","data":{}} x']) expect(decodeValue(utf8(bad))).toBeUndefined()
  expect(decodeValue(Uint8Array.from([...good.subarray(0, -3), 0xff, 0x22, 0x7d]))).toBeUndefined()
})

describe('T-2 a hostile answer, whatever is changed in it', () => {
  /** One character of one string, or one number, anywhere. */
  function mutate(value: unknown, choose: (count: number) => number): unknown {
    const places: (readonly (string | number)[])[] = []
    const walk = (node: unknown, at: readonly (string | number)[]): void => {
      if (typeof node === 'string' || typeof node === 'number') places.push(at)
      else if (Array.isArray(node)) for (const [index, item] of node.entries()) walk(item, [...at, index])
      else if (typeof node === 'object' && node !== null) for (const [name, item] of Object.entries(node)) walk(item, [...at, name])
    }
    walk(value, [])
    const target = places[choose(places.length)] ?? []
    const change = (node: unknown, at: readonly (string | number)[]): unknown => {
      const [first, ...rest] = at
      if (first === undefined) return typeof node === 'number' ? node + 1 + choose(3) : flip(String(node), choose)
      if (Array.isArray(node)) return node.with(Number(first), change(node[Number(first)], rest))
      return { ...(node as object), [first]: change((node as Record<string, unknown>)[first], rest) }
    }
    return change(value, target)
  }
  const flip = (text: string, choose: (count: number) => number): string => {
    const at = choose(text.length)
    return text.slice(0, at) + 'ABab01_-'.charAt(choose(8)) + text.slice(at + 1)
  }

  test('gives the true value or a named error, and never throws', async () => {
    const value = strings({ password: 'correct horse' })
    const row = await write(deployment, 'app/x', value)
    const opened = await Promise.all([1, 2, 3].map((id) => answerOf(deployment, id, [row.head], { intent, reply: replyKey.reply })))
    const answer = { rows: [{ record: row.record, head: row.head, body: toBase64url(row.body) }], epoch: 1, opened }
    const seen = new Set<string>()
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat()), async (numbers) => {
        const choose = (count: number) => (numbers.next().value ?? 0) % Math.max(count, 1)
        const { rows, ...rest } = mutate(answer, choose) as typeof answer
        const result = await openSecrets({ intent, labels: [{ path: row.plain.path, version: 'latest' }], replyKey, keys: deployment.keys, now, rows: rows.map((one) => ({ ...one, body: bytesOf(one.body) })), ...rest })
        if (result.ok) expect(result.value[0]?.value).toEqual(value)
        seen.add(codeOf(result))
      }),
      { numRuns: 200 },
    )
    expect(seen.size).toBeGreaterThan(3)
  })
})
