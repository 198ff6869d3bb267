import { readFileSync, readdirSync } from 'node:fs'
import { expect, test } from 'vitest'

/* What the rules may look at. Read from the source, because compiled rules do not say. */

const folder = new URL('rego/', import.meta.url)
const modules = readdirSync(folder).filter((name) => !name.endsWith('_test.rego'))
const mentioning = (pattern: RegExp) => modules.filter((name) => pattern.test(readFileSync(new URL(name, folder), 'utf8').replaceAll(/#.*$/gm, '')))

test('there are modules to look at', () => expect(mentioning(/input\.intent\.scope/)).toContain('scope.rego'))

test('I-2 what the api asserts is read by the deny list alone: it may refuse, never allow', () => expect(mentioning(/asserted/)).toEqual(['deny.rego']))

test('what a requester says of itself (ctx, reason) allows nothing', () => expect(mentioning(/\.ctx|\.reason\b|"ctx"|"reason"/)).toEqual([]))

test('Z-2 claims of an identity reach no rule but through the roster’s trusts', () => expect(mentioning(/principal\.claims/)).toEqual([]))

test('P-1 no rule takes the input as a whole, so each fact that counts is named', () => expect(mentioning(/\binput\b(?!\.[a-z])/)).toEqual([]))
