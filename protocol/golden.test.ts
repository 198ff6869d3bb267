import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { toBase64url, utf8 } from './bytes.ts'
import { decodeIntent, intentDigest } from './intent.ts'
import { checkShape } from './json.ts'
import { parseProof } from './proof.ts'
import { requestHash, signItem } from './sign.ts'
import { parseToken } from './token.ts'

/* The golden files: as many bad cases as good; an unknown field in a file fails the runner. */

const read = <T extends z.ZodType>(name: string, item: T): z.infer<T>[] =>
  z.strictObject({ story: z.string(), cases: z.array(item) }).parse(JSON.parse(readFileSync(new URL(`golden/${name}.json`, import.meta.url), 'utf8'))).cases as z.infer<T>[]

const told = { id: z.string(), comment: z.string() }

describe('intent', () => {
  const cases = read('intent', z.strictObject({ ...told, bytes: z.string(), result: z.strictObject({ digest: z.string() }).optional(), code: z.string().optional() }))
  test.each(cases)('I-1 $id: $comment', ({ bytes, result, code }) => {
    const decoded = decodeIntent(utf8(bytes))
    if (result !== undefined) {
      expect(decoded.ok).toBe(true)
      expect(toBase64url(intentDigest(utf8(bytes)))).toBe(result.digest)
    } else expect(decoded.ok ? 'accepted' : decoded.reason).toBe(code)
  })
})

const texts = z.strictObject({ ...told, text: z.string(), bytes: z.string().optional(), result: z.literal('ok').optional(), code: z.literal('refused').optional() })

describe('proof', () => {
  test.each(read('proof', texts))('J-4 J-5 J-6 $id: $comment', ({ text, result }) => expect(parseProof(text) !== undefined).toBe(result === 'ok'))
})

describe('token', () => {
  test.each(read('token', texts))('J-1 J-4 J-6 J-7 $id: $comment', ({ text, bytes, result }) => {
    const parsed = parseToken(text)
    expect(parsed !== undefined).toBe(result === 'ok')
    if (parsed !== undefined) expect(Buffer.from(parsed.jws.signingInput).toString()).toBe(bytes)
  })
})

describe('sign item', () => {
  const cases = read('sign-item', z.strictObject({ ...told, value: z.unknown(), result: z.strictObject({ request_hash: z.string() }).optional(), code: z.string().optional() }))
  test.each(cases)('TST-33 SEC-05 $id: $comment', ({ value, result, code }) => {
    const checked = checkShape(signItem, value)
    if (checked.ok) expect(toBase64url(requestHash(checked.value))).toBe(result?.request_hash)
    else expect(checked.reason).toBe(code)
  })

  test('what the api saw is no part of what is asked', () => {
    const hashes = cases.filter((one) => ['plain', 'asserted'].includes(one.id)).map((one) => one.result?.request_hash)
    expect(hashes[0]).toBe(hashes[1])
  })
})
