import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CertifiedEntry, CertifiedVersion, Stop } from '@symbolon/protocol/book.ts'
import { fromBase64url, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { encodeIntent, type Intent } from '@symbolon/protocol/intent.ts'
import { openBook, stopId, type BookState } from './book.ts'
import { thresholdOf, verifyCertificate } from './certificate.ts'
import { setRoles, successor, removePerson } from './edit.ts'
import { bookOf, certificateOf, certifiedEntry, certifiedVersion, enrolmentOf, filled, first, keyOf, lineage, nextOf, peopled, personOf, rotationOf } from './roster.testkit.ts'
import { rosterDigest, type Roster } from './roster.ts'

const two = peopled(['ann', 'bob', 'cleo'], 1, { people: [...peopled().people, personOf('dora', { passkeys: [], invitation: { key: keyOf('code-dora'), exp: 1, uses: ['sign_in'] } })] })
const edited = (base: Roster, ...edits: Parameters<typeof successor>[1][]): Roster => {
  const result = successor({ document: base, entries: [] }, ...edits)
  if (!result.ok) throw new Error(result.problems.join())
  return result.document
}
const three = edited(two, setRoles('bob', ['sre']))
const take = (state: BookState, versions: readonly CertifiedVersion[], entries: readonly CertifiedEntry[] = []) => state.take(bookOf({ versions: [...versions], entries: [...entries] }))
const atTwo = take(openBook(first), [certifiedVersion(two)]).state

describe('versions', () => {
  test('are adopted when t signers certified them, in whatever order they come', () => {
    const { state, taken, problems } = take(openBook(first), [certifiedVersion(three), certifiedVersion(two)])
    expect([state.version(), taken.versions.map(({ document }) => document.version), problems]).toEqual([3, [2, 3], []])
    expect([state.digest, state.document]).toEqual([rosterDigest(three), three])
  })
  test('known ones are nothing new', () => expect(take(atTwo, [certifiedVersion(two, [2, 3])])).toMatchObject({ taken: { versions: [] }, problems: [] }))

  const foreign = nextOf(two, { lineage: filled(32, 1) })
  const moved = nextOf(two, { signers: two.signers.map((row) => ({ ...row, address: '127.0.0.1:1' })) })
  const orphan = nextOf(two, { previous: [filled(32, 5)] })
  const later = nextOf(three)
  const good = certifiedVersion(three)
  test.each<[string, CertifiedVersion, string]>([
    ['certified by t−1', certifiedVersion(three, [1]), 'certificate'],
    ['certified by one signer twice', certifiedVersion(three, [1, 1]), 'certificate'],
    ['certified by a signer and a stranger', { ...good, certificate: { ...good.certificate, accepts: good.certificate.accepts.map((row) => (row.signer === 2 ? { ...row, signer: 9 } : row)) } }, 'certificate'],
    ['certified for another deployment', { ...good, certificate: certificateOf({ of: 'roster', version: 3 }, rosterDigest(three), [1, 2], filled(32, 2)) }, 'certificate'],
    ['with the certificate of another document', { ...good, change: certifiedVersion(later).change }, 'malformed'],
    ['with the certificate of another number', { ...good, certificate: certificateOf({ of: 'roster', version: 4 }, rosterDigest(three)) }, 'malformed'],
    ['with the certificate of an entry', { ...good, certificate: certificateOf({ of: 'row', row: 'dora', key: filled(32, 1), seq: 3 }, rosterDigest(three)) }, 'malformed'],
    ['in another spelling', { ...good, change: { ...good.change, document: toBase64url(utf8(JSON.stringify(three, null, 1))) } }, 'malformed'],
    ['of another lineage', certifiedVersion(foreign), 'lineage'],
    ['with other signers, which only a ceremony brings', certifiedVersion(moved), 'constants'],
    ['I-3 of another past', certifiedVersion(orphan), 'forked'],
    ['I-3 whose predecessor is withheld', certifiedVersion(later), 'gap'],
  ])('I-3 one %s is not adopted', (_, version, code) => {
    const { state, problems } = take(atTwo, [version])
    expect([state.version(), problems.map((problem) => problem.code)]).toEqual([2, [code]])
  })

  const rival = edited(two, removePerson('cleo'))
  test('I-3 a second certificate for one number changes nothing, and names who signed both', () => {
    const { state, problems } = take(take(atTwo, [certifiedVersion(three, [1, 2])]).state, [certifiedVersion(rival, [2, 3])])
    expect([state.digest, problems]).toEqual([rosterDigest(three), [{ code: 'forked', what: 'version', where: '3', signers: [2] }]])
  })
  test('I-3 nothing goes back', () => {
    const { state, problems } = take(take(atTwo, [certifiedVersion(three)]).state, [certifiedVersion(two)])
    expect([state.version(), problems]).toEqual([3, []])
  })
  test('I-3 a lie without a certificate stops nobody', () => {
    const { state } = take(atTwo, [certifiedVersion(rival, [1, 1]), certifiedVersion(three)])
    expect(state.digest).toBe(rosterDigest(three))
  })

  const healed = successor({ document: three, entries: [], from: [three, rival] })
  const healing = healed.ok ? healed.document : two
  test('I-3 a healed split is adopted over accepted versions that nobody certified', () => {
    const { state, problems } = take(atTwo, [certifiedVersion(healing, [1, 3], [three, rival])])
    expect([state.version(), problems]).toEqual([4, []])
    // One of them certified late was passed over already.
    expect(take(state, [certifiedVersion(rival)])).toMatchObject({ problems: [], taken: { versions: [] } })
  })
  test('I-3 a healed split that does not bring what it names is a gap', () => expect(take(atTwo, [certifiedVersion(healing)]).problems.map(({ code }) => code)).toEqual(['gap']))
})

describe('entries', () => {
  const enrolment = certifiedEntry(enrolmentOf('dora', 'code-dora', 'dora-1'))
  const link = (seq: number, by: string, to: string) => certifiedEntry(rotationOf('svc-deploy', { root: 'svc-deploy-1', seq, by, to }))
  const entries = [link(2, 'k2', 'k3'), enrolment, link(1, 'svc-deploy-1', 'k2')]
  const keysIn = ({ effective }: BookState) => effective.services.flatMap((row) => row.keys.map(({ id }) => id))
  const doras = ({ effective }: BookState) => effective.people.find(({ id }) => id === 'dora')?.passkeys.map(({ name }) => name)

  test('are in effect as soon as they are certified', () => {
    const { state, taken } = take(atTwo, [], entries)
    expect([keysIn(state), doras(state), taken.entries.length]).toEqual([['k3', 'k2'], ['dora-1'], 3])
    expect(take(state, [], entries).taken.entries).toEqual([])
  })
  test('outlive a version that leaves their row alone', () => expect(keysIn(take(take(atTwo, [], entries).state, [certifiedVersion(three)]).state)).toEqual(['k3', 'k2']))
  test.each<[string, CertifiedEntry, string]>([
    ['t−1', certifiedEntry(enrolment.entry, [1]), 'certificate'],
    ['one signer twice', certifiedEntry(enrolment.entry, [3, 3]), 'certificate'],
    ['t signers for another slot', { ...enrolment, certificate: certificateOf({ of: 'row', row: 'dora', key: filled(32, 1), seq: 1 }, enrolment.certificate.subject) }, 'malformed'],
    ['t signers for another entry', { ...enrolment, certificate: certificateOf(enrolment.certificate.slot, filled(32, 1)) }, 'malformed'],
  ])('certified by %s are not taken', (_, entry, code) => {
    const { state, problems } = take(atTwo, [], [entry])
    expect([doras(state), problems.map((problem) => problem.code)]).toEqual([[], [code]])
  })

  test('I-3 a removal ends a row’s chain, and rotating does not void it', () => {
    const removed = edited(two, (draft) => ({ ...draft, services: [] }), removePerson('dora'))
    const { state } = take(take(atTwo, [], entries).state, [certifiedVersion(removed)])
    expect([state.entries, keysIn(state), doras(state)]).toEqual([[], [], undefined])
    // Neither what was certified before, nor what a quorum certifies afterwards.
    const again = take(state, [], [...entries, link(3, 'k3', 'k4')])
    expect([again.state.summary(), again.taken.entries]).toEqual([state.summary(), []])
  })
  test('I-3 another key in the document ends the chain of the key before', () => {
    const rekeyed = edited(two, (draft) => ({ ...draft, services: draft.services.map((row) => ({ ...row, keys: [{ id: 'fresh', jwk: keyOf('fresh') }, ...row.keys] })) }))
    expect(keysIn(take(take(atTwo, [], entries).state, [certifiedVersion(rekeyed)]).state)).toEqual(['fresh', 'svc-deploy-1'])
  })
  test('I-3 two for one slot are told of, and everybody takes the same one', () => {
    const rival = certifiedEntry(enrolmentOf('dora', 'code-dora', 'dora-2'), [2, 3])
    const one = take(take(atTwo, [], [enrolment]).state, [], [rival])
    const other = take(take(atTwo, [], [rival]).state, [], [enrolment])
    expect(one.problems).toEqual([{ code: 'forked', what: 'entry', where: 'dora', signers: [2] }])
    expect([one.state.summary(), doras(one.state)]).toEqual([other.state.summary(), doras(other.state)])
  })
})

describe('what a book hands on', () => {
  const entries = [certifiedEntry(rotationOf('svc-deploy', { root: 'svc-deploy-1', seq: 1, by: 'svc-deploy-1', to: 'k2' }))]
  const lock = (row: string): Stop => {
    const intent: Intent = { v: 1, kind: 'lock', nonce: filled(16, 1), iat: 1_800_000_000, exp: 1_800_000_300, iss: first.deployment.issuer, lineage, sub: 'ann', row }
    return { intent: toBase64url(encodeIntent(intent)), evidence: [{ kind: 'key', proof: 'a.a.a' }] }
  }
  const full = take(atTwo, [certifiedVersion(three)], entries).state.withStops([{ stop: lock('bob'), until: 1_800_086_400 }])

  test('makes another book equal, in whatever steps', () => {
    const { state, stops } = openBook(first).take(full.after(1))
    expect(state.withStops(stops.map((stop) => ({ stop, until: 1_800_086_400 }))).summary()).toEqual(full.summary())
    expect(full.after(2).versions).toHaveLength(1)
    expect(full.after(3).versions).toEqual([])
  })
  test('stops are for each holder to judge: unseen ones are handed out, and held once', () => {
    expect(openBook(first).take(bookOf({ stops: [lock('bob'), lock('bob')] })).stops.map(stopId)).toEqual([stopId(lock('bob'))])
    expect(full.take(bookOf({ stops: [lock('bob'), lock('cleo')] })).stops).toEqual([lock('cleo')])
    const grantless = { ...lock('bob'), intent: toBase64url(utf8('{}')) }
    expect(full.take(bookOf({ stops: [grantless] }))).toMatchObject({ stops: [], problems: [{ code: 'malformed', what: 'stop' }] })
  })
  test('stops that have ended are left behind', () => {
    expect(full.pruned(1_800_086_399).stops).toHaveLength(1)
    expect(full.pruned(1_800_086_400).summary()).toEqual(take(atTwo, [certifiedVersion(three)], entries).state.summary())
  })
  test('a bundle goes along only while its policy is in force', () => {
    const bundle = { wasm: filled(8, 1), data: filled(8, 2) }
    const withBundle = (document: Roster): CertifiedVersion => ({ ...certifiedVersion(document), change: { ...certifiedVersion(document).change, bundle } })
    const other = edited(three, (draft) => ({ ...draft, policy: filled(32, 1) }))
    const state = take(openBook(first), [withBundle(two), withBundle(three), withBundle(other)]).state
    expect(state.after(1).versions.map(({ change }) => change.bundle !== undefined)).toEqual([false, false, true])
  })
  test('a part of a long history ends where the policy goes along', () => {
    const bundle = { wasm: filled(8, 1), data: filled(8, 2) }
    const bundled = (document: Roster): CertifiedVersion => ({ ...certifiedVersion(document), change: { ...certifiedVersion(document).change, bundle } })
    // 2…40 as the first; 41…80 another policy, 81…90 a third.
    const versions = Array.from({ length: 88 }).reduce<Roster[]>((list, _, at) => [...list, nextOf(list.at(-1) ?? first, at === 38 ? { policy: filled(32, 1) } : at === 78 ? { policy: filled(32, 2) } : {})], [two])
    const held = versions.map((document) => ([41, 81].includes(document.version) ? bundled(document) : certifiedVersion(document)))
    const full = [held.slice(0, 60), held.slice(60)].reduce((state, part) => take(state, part).state, openBook(first))
    expect(full.version()).toBe(90)
    const ends = (part: readonly CertifiedVersion[]) => [part.at(-1)?.certificate.slot, part.filter(({ change }) => change.bundle !== undefined).map(({ certificate: { slot } }) => slot)]
    expect(ends(full.after(1).versions)).toEqual([{ of: 'roster', version: 65 }, [{ of: 'roster', version: 41 }]])
    expect(ends(full.after(65).versions)).toEqual([{ of: 'roster', version: 90 }, [{ of: 'roster', version: 81 }]])
    // One that caught up over two policies at once lacks the one between: it hands on what the asker can adopt.
    const late = openBook(first).take(bookOf({ versions: held.slice(0, 60).map(({ change: { bundle: _, ...change }, certificate }) => ({ change, certificate })) })).state
    expect(ends(late.after(1).versions)).toEqual([{ of: 'roster', version: 40 }, []])
  })
  test('DOS-1 a book full of what nothing proves costs no more than the first of it', () => {
    const rotations = Array.from({ length: 300 }, (_, at) => rotationOf('svc-deploy', { root: 'svc-deploy-1', seq: at + 1, by: 'svc-deploy-1', to: `k-${at}` }))
    const [good] = rotations
    if (good === undefined) throw new Error('a rotation')
    const forged = rotations.slice(1).map((entry) => certifiedEntry(entry, [1]))
    expect(take(atTwo, [], forged).problems).toHaveLength(4)
    expect(take(atTwo, [], [...forged.slice(0, 3), certifiedEntry(good)]).taken.entries).toHaveLength(1)
  })
  test('a long history comes in parts, the oldest first', () => {
    const versions = Array.from({ length: 70 }).reduce<Roster[]>((list) => [...list, nextOf(list.at(-1) ?? first)], [two])
    const state = take(openBook(first), versions.map((document) => certifiedVersion(document))).state
    expect(state.version()).toBe(72)
    const once = openBook(first).take(state.after(1)).state
    expect([once.version(), once.take(state.after(once.version())).state.summary()]).toEqual([65, state.summary()])
  })
})

describe('SEC-16 certificates', () => {
  const slot = { of: 'roster', version: 3 } as const
  test('it takes t of the groups that sign', () => {
    expect(thresholdOf(first)).toBe(2)
    expect(thresholdOf({ groups: first.groups.map((group) => ({ ...group, t: 3 })) })).toBe(3)
  })
  test('count distinct signers, whatever the list', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(1, 2, 3), { minLength: 1, maxLength: 8 }), (by) => {
        const result = verifyCertificate(certificateOf(slot, filled(32, 1), by), first, lineage)
        expect(result).toEqual({ ok: new Set(by).size >= 2, t: 2, signers: [...new Set(by)].sort() })
      }),
      { numRuns: 60 },
    )
  })
  test('A-4 one other bit of a signature, and it is nobody’s word', () => {
    const certificate = certificateOf(slot, filled(32, 1), [1, 2])
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 511 }), (bit) => {
        const [one, two] = certificate.accepts
        if (one === undefined || two === undefined) throw new Error('two accepts')
        const signature = fromBase64url(two.signature) ?? new Uint8Array()
        signature[bit >> 3] = (signature[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(verifyCertificate({ ...certificate, accepts: [one, { ...two, signature: toBase64url(signature) }] }, first, lineage)).toEqual({ ok: false, t: 2, signers: [1] })
      }),
      { numRuns: 60 },
    )
  })
  test.each<[string, Partial<ReturnType<typeof certificateOf>>]>([
    ['subject', { subject: filled(32, 2) }],
    ['version', { slot: { of: 'roster', version: 4 } }],
    ['slot', { slot: { of: 'row', row: 'bob', key: filled(32, 1), seq: 1 } }],
  ])('are for one %s', (_, change) => expect(verifyCertificate({ ...certificateOf(slot, filled(32, 1)), ...change }, first, lineage).signers).toEqual([]))
  test('a word after a false one of the same signer counts', () => {
    const [one, two] = certificateOf(slot, filled(32, 1)).accepts
    if (one === undefined || two === undefined) throw new Error('two accepts')
    const bad = { ...one, signature: two.signature }
    expect(verifyCertificate({ slot, subject: filled(32, 1), accepts: [bad, two, one] }, first, lineage).ok).toBe(true)
    // Not after a list of them: each costs a signature to see through.
    expect(verifyCertificate({ slot, subject: filled(32, 1), accepts: [bad, bad, two, one] }, first, lineage)).toEqual({ ok: false, t: 2, signers: [2] })
  })
})
