import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maskForms, openMasker } from './masking.ts'

const masked = (chunks: readonly Uint8Array[], secrets: readonly string[]): string => {
  const masker = openMasker(secrets.flatMap(maskForms))
  return Buffer.concat([...chunks.map((chunk) => masker.push(chunk)), masker.end()]).toString()
}
const cut = (bytes: Buffer, sizes: readonly number[]): Buffer[] => {
  const chunks: Buffer[] = []
  let at = 0
  for (const size of sizes) {
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return [...chunks, bytes.subarray(at)]
}
const whole = (text: string, secrets: readonly string[]): string => masked([Buffer.from(text)], secrets)

// No star, which is what a secret becomes.
const secret = fc.string({ unit: fc.constantFrom(...'abAB01/+="\\ \n%é'.split('')), minLength: 4, maxLength: 12 }).filter((text) => text.split('\n').every((line) => line.trim().length >= 4))

describe('L-4 masking', () => {
  test('no form of a secret is left, wherever chunks end', () => {
    const text = fc.array(fc.oneof(fc.constant(0), fc.constant(1), fc.constant(2), fc.string({ unit: fc.constantFrom(...'abAB01 x'.split('')) })), { maxLength: 8 })
    fc.assert(
      fc.property(secret, secret, text, fc.nat(), fc.array(fc.nat(7), { maxLength: 40 }), (one, two, parts, pick, sizes) => {
        const forms = [...maskForms(one), ...maskForms(two)].map(String)
        const said = parts.map((part) => (typeof part === 'string' ? part : (forms[(pick + part * 7) % forms.length] ?? ''))).join('')
        const shown = masked(cut(Buffer.from(said), sizes), [one, two])
        for (const form of forms) expect(shown.includes(form), `${form} in ${shown}`).toBe(false)
      }),
    )
  })

  test('chunks change nothing', () => {
    fc.assert(fc.property(secret, fc.string({ unit: 'binary' }), fc.array(fc.nat(5)), (one, text, sizes) => masked(cut(Buffer.from(`${text}${one}${text}`), sizes), [one]) === whole(`${text}${one}${text}`, [one])))
  })

  test('what is no secret passes unchanged', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'xyz \n'.split('')) }), (text) => whole(text, ['abcd']) === text))
  })

  test('each line, JSON, URL, hex and base64, also inside of something longer', () => {
    const value = 'first line/1\nsecond "line"'
    const said = ['first line/1', 'second "line"', JSON.stringify(value), encodeURIComponent(value), Buffer.from(value).toString('hex'), ...[0, 1, 2].map((offset) => Buffer.from(`${'u:'.repeat(2).slice(0, offset)}${value}`).toString('base64'))]
    for (const each of said) {
      const shown = whole(`<${each}>`, [value])
      expect(shown).toContain('***')
      expect(shown.length).toBeLessThan(14)
    }
  })

  test('secrets that overlap leave nothing of either, and a longer one leaves no rest', () => {
    expect(whole('-abcdefgh-', ['abcdef', 'efgh'])).toBe('-***-')
    expect(whole('-abcdefgh-', ['abcd', 'abcdefgh'])).toBe('-***-')
    expect(whole('-abcdabcd-', ['abcd'])).toBe('-***-')
  })

  test('what may become a secret is held back, and shown when it does not', () => {
    const masker = openMasker(['secret'])
    expect(masker.push(Buffer.from('a sec')).toString()).toBe('a ')
    expect(masker.push(Buffer.from('ond')).toString()).toBe('second')
    expect(masker.push(Buffer.from('secr')).toString()).toBe('')
    expect(masker.end().toString()).toBe('secr')
  })
})
