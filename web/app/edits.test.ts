import { describe, expect, test } from 'vitest'
import { fromBase64url } from '@symbolon/protocol/bytes.ts'
import { ed25519Of } from '@symbolon/protocol/ed25519.ts'
import { parseLink } from '@symbolon/protocol/link.ts'
import { idProblem, prepareEdits, prepareInvitation, removal, rolesProblem, wordsIn } from './edits.ts'
import { lineage, peopled, viewOf } from './roster.testkit.ts'

const view = viewOf(peopled(['ann', 'bob', 'cleo'], 2))
const origin = 'https://console.example'
const dan = { id: 'dan', name: 'Dan', roles: 'engineer, sre engineer', seconds: 3_600, approver: false }

function invited(who: typeof dan) {
  const made = prepareInvitation(who, { view, sub: 'ann', origin })
  if (!made.ok) throw new Error(made.error.title)
  const { prepared, link } = made.value
  return { prepared, link: parseLink(link.slice(`${origin}/enrol#`.length)), row: prepared.next.people.find(({ id }) => id === who.id) }
}

describe('I-4 an invitation', () => {
  test('the link holds the seed of the key that the document names, for this row and deployment', () => {
    const { link, row } = invited(dan)
    expect(link).toMatchObject({ kind: 'invitation', row: 'dan', name: 'Dan', lineage })
    expect(row).toMatchObject({ name: 'Dan', roles: ['engineer', 'sre'], passkeys: [], invitation: { key: ed25519Of(fromBase64url(link?.seed ?? '') ?? new Uint8Array()), exp: link?.exp, uses: ['sign_in'] } })
  })

  test('nothing that is sent holds the seed', () => {
    const { link, prepared } = invited(dan)
    expect(link?.seed).toHaveLength(43)
    expect(JSON.stringify({ next: prepared.next, bytes: new TextDecoder().decode(fromBase64url(prepared.asked.bytes)), more: prepared.more })).not.toContain(link?.seed)
  })

  test('two are never the same', () => expect(invited(dan).link?.seed).not.toBe(invited(dan).link?.seed))

  test('of somebody who is there, it takes every passkey away', () => {
    const { row, prepared } = invited({ ...dan, id: 'bob', name: 'bob', approver: true })
    expect(row).toMatchObject({ passkeys: [], invitation: { uses: ['sign_in', 'approve'] } })
    expect(prepared.diff.map(({ sentence }) => sentence)).toContainEqual(expect.stringMatching(/^bob loses passkey/))
  })
})

describe('removing a guardian', () => {
  test('asks for as many approvals as can still be had, and says so', () => {
    const prepared = prepareEdits(view, 'ann', removal('cleo'))
    expect(prepared.ok && prepared.value.next.guardians).toMatchObject({ people: ['ann', 'bob'], count: 1 })
    expect(prepared.ok && prepared.value.diff).toContainEqual(expect.objectContaining({ path: 'guardians/count', weight: 'danger' }))
  })

  test('the last one cannot go', () => expect(prepareEdits(viewOf(peopled(['ann'])), 'ann', removal('ann'))).toMatchObject({ ok: false, error: { code: 'change_unsound' } }))
})

test('what changes nothing is not signed', () => expect(prepareEdits(view, 'ann', [])).toMatchObject({ ok: false, error: { title: 'Nothing would change' } }))

test.each([
  ['an id that is taken', idProblem('ann', view.document), 'ann is in the roster already'],
  ['a service’s id', idProblem('svc-deploy', view.document), 'svc-deploy is in the roster already'],
  ['a capital', idProblem('Dan', view.document), 'Lower case letters, digits and . _ : -, such as ben'],
  ['a good one', idProblem('dan', view.document), undefined],
  ['a bad role', rolesProblem('engineer SRE'), 'SRE is no role, such as engineer'],
  ['good roles', rolesProblem(' engineer,sre '), undefined],
])('%s', (_case, found, wanted) => expect(found).toBe(wanted))

test('words are split at spaces and commas, each once', () => expect(wordsIn(' a, b  a,')).toEqual(['a', 'b']))
