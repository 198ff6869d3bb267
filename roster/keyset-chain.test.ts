import { describe, expect, test } from 'vitest'
import { fingerprint, keysetBytes, keysetMaxAge, keysetOf, type Keyset, type SignedKeyset } from './keyset.ts'
import { followKeysets } from './keyset-chain.ts'
import { filled, first, lineage, nextOf, peopled, signedBy } from './roster.testkit.ts'
import type { Roster } from './roster.ts'

const now = 1_800_000_000
const signed = (keyset: Keyset, words: readonly (readonly [signer: number, iat: number])[]): SignedKeyset => ({ keyset, signatures: words.map(([signer, iat]) => ({ signer, iat, signature: signedBy(signer, keysetBytes(keyset, iat)) })) })
const of = (document: Roster, words: readonly (readonly [number, number])[] = [[1, now], [2, now]]) => signed(keysetOf(document), words)
const two = peopled()
const three = nextOf(two, { rate: 601 })
const codeOf = (...args: Parameters<typeof followKeysets>) => {
  const followed = followKeysets(...args)
  return followed.ok ? `ok ${followed.keyset.roster}` : `${followed.code} ${followed.detail}`
}
const old: readonly (readonly [number, number])[] = [[1, now - 9 * keysetMaxAge], [2, now - 9 * keysetMaxAge], [3, now - 9 * keysetMaxAge]]

describe('a chain of keysets', () => {
  test('is followed from the pin to the newest; only that one must be fresh', () => {
    expect(codeOf({ keysets: [of(first)] }, lineage, now)).toBe('ok 1')
    expect(codeOf({ keysets: [of(first, old), of(two, old), of(three)] }, lineage, now)).toBe('ok 3')
  })
  test('need not name every version while the signers stay', () => expect(codeOf({ keysets: [of(first, old), of(three)] }, lineage, now)).toBe('ok 3'))
  test('unpinned starts from whatever it is shown first', () => expect(codeOf({ keysets: [of(first, old), of(three)] }, 'unpinned', now)).toBe('ok 3'))
  test('tells what to remember, and until when it is fresh', () =>
    expect(followKeysets({ keysets: [of(first, old), of(two, [[1, now - 100], [2, now - 50], [3, now - 70]])] }, lineage, now)).toMatchObject({ ok: true, seen: { roster: 2, digest: keysetOf(two).digest }, freshUntil: now - 70 + keysetMaxAge }))

  const forged = { ...keysetOf(two), groups: two.groups.map((group) => ({ ...group, key: filled(32, 200) })) }
  const stranger = { ...keysetOf(two), signers: two.signers.map(({ id, hpke }) => ({ id, identity: hpke, hpke })) }
  test.each<[string, Parameters<typeof followKeysets>, string]>([
    ['with another first keyset', [{ keysets: [of(nextOf(first))] }, lineage, now], 'pin_differs the first keyset'],
    ['of nothing', [{ keysets: [] }, lineage, now], 'pin_differs the first keyset'],
    ['signed by t−1', [{ keysets: [of(first), of(two, [[1, now]])] }, lineage, now], 'signatures_missing version 2'],
    ['signed twice by one', [{ keysets: [of(first), of(two, [[1, now], [1, now - 1]])] }, lineage, now], 'signatures_missing version 2'],
    ['with another group key than was signed', [{ keysets: [of(first), { ...of(two), keyset: forged }] }, lineage, now], 'signatures_missing version 2'],
    ['that names signers of its own', [{ keysets: [of(first), { keyset: stranger, signatures: of(two).signatures }] }, lineage, now], 'signatures_missing version 2'],
    ['whose t-th youngest signature is older than a day', [{ keysets: [of(first), of(two, [[1, now], [2, now - keysetMaxAge - 1], [3, now - keysetMaxAge - 2]])] }, lineage, now], 'stale version 2'],
    ['that ends in a version of long ago', [{ keysets: [of(first, old)] }, lineage, now], 'stale version 1'],
    ['with words from the future', [{ keysets: [of(first), of(two, [[1, now], [2, now + 61]])] }, lineage, now], 'signatures_missing version 2'],
    ['that goes back', [{ keysets: [of(first), of(three), of(two)] }, lineage, now], 'chain_broken version 2'],
    ['that stands still', [{ keysets: [of(first), of(two), of(two)] }, lineage, now], 'chain_broken version 2'],
    ['of another lineage', [{ keysets: [of(first), signed({ ...keysetOf(two), lineage: filled(32, 1) }, [[1, now], [2, now]])] }, lineage, now], 'chain_broken version 2'],
    ['of another issuer', [{ keysets: [of(first), signed({ ...keysetOf(two), issuer: 'https://other.example' }, [[1, now], [2, now]])] }, lineage, now], 'chain_broken version 2'],
    ['older than what the client has seen', [{ keysets: [of(first), of(two)] }, lineage, now, { roster: 3, digest: keysetOf(three).digest }], 'rolled_back version 2, seen 3'],
    ['with another version of that number than the client has seen', [{ keysets: [of(first), of(two)] }, lineage, now, { roster: 2, digest: filled(32, 3) }], 'rolled_back version 2, seen 2'],
  ])('I-5 %s is refused', (_, args, code) => expect(codeOf(...args)).toBe(code))

  test('the words of a day ago still hold, to the second', () => expect(codeOf({ keysets: [of(first), of(two, [[1, now], [2, now - keysetMaxAge]])] }, lineage, now)).toBe('ok 2'))
  test('the lineage is the first one’s fingerprint', () => expect(fingerprint(keysetOf(first))).toBe(lineage))
})
