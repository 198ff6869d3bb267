import { describe, expect, test } from 'vitest'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { keysetOf } from '@symbolon/roster/keyset.ts'
import { encodeRoster, type Roster } from '@symbolon/roster/roster.ts'
import { certifiedEntry, enrolmentOf, filled, keyOf, lineage, nextOf, passkeyFor, peopled, personOf } from '@symbolon/roster/roster.testkit.ts'
import { believeRoster } from './believe.ts'

const two = peopled()
const dan = personOf('dan', { passkeys: [], invitation: { key: keyOf('code-dan'), exp: 1_900_000_000, uses: ['sign_in'] } })
const three = nextOf(two, { people: [...two.people, dan] })
const text = (document: Roster) => toBase64url(encodeRoster(document))
const vouched = { keyset: keysetOf(three), lineage }
const enrolled = certifiedEntry(enrolmentOf('dan', 'code-dan', 'dan-1'))
const shown = { document: text(three), entries: [enrolled] }

describe('the roster that an api shows', () => {
  test('is believed if the signers vouch for all of it', () => {
    const believed = believeRoster(shown, vouched)
    expect(believed.ok && believed.value.document).toEqual(three)
    expect(believed.ok && believed.value.effective.people.find(({ id }) => id === 'dan')?.passkeys.map(({ id }) => id)).toEqual([passkeyFor('dan-1').id])
  })

  test.each<[string, Base64url]>([
    ['an older version', text(two)],
    ['another role', text({ ...three, people: three.people.map((row) => ({ ...row, roles: ['admin'] })) })],
    ['another spelling', toBase64url(new TextEncoder().encode(JSON.stringify(three, null, 1)))],
    ['nothing', toBase64url(new Uint8Array())],
  ])('with %s is not', (_case, document) => expect(believeRoster({ ...shown, document }, vouched)).toEqual({ ok: false, code: 'document_differs' }))

  const other = enrolmentOf('dan', 'code-dan', 'mallory-1')
  test.each([
    ['certified by t−1', certifiedEntry(enrolled.entry, [1])],
    ['certified twice by one', certifiedEntry(enrolled.entry, [1, 1])],
    ['under the certificate of another', { entry: other, certificate: enrolled.certificate }],
    ['under a certificate that was relabelled', { entry: other, certificate: { ...enrolled.certificate, subject: certifiedEntry(other).certificate.subject } }],
    ['in another slot', { ...enrolled, certificate: { ...enrolled.certificate, slot: { of: 'row' as const, row: 'dan', key: filled(32, 1), seq: 1 } } }],
  ])('with an enrolment %s is not', (_case, entry) => expect(believeRoster({ ...shown, entries: [entry] }, vouched)).toEqual({ ok: false, code: 'entry_uncertified' }))
})
