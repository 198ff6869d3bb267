import { rmSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { adoptReply, type CertifiedVersion } from '@symbolon/protocol/book.ts'
import { encodeIntent, type LockIntent, type RevokeIntent, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { bundleWith, defaultData, idTokenEvidence } from '@symbolon/policy/judge.testkit.ts'
import { removePerson, rename, setPolicy, type Edit } from '@symbolon/roster/edit.ts'
import { encodeRoster, rosterDigest } from '@symbolon/roster/roster.ts'
import { openBookFile } from './book-file.ts'
import { after, askAll, asked, at, certified, changeOf, commonOf, discard, edited, openClerk, partOf, people, peopled, stopOf, told, touched, type Clerk, type ClerkOptions, type Name } from './book.testkit.ts'

const clerks: Clerk[] = []
afterEach(() => discard(clerks.splice(0)))
async function clerk(options: Partial<ClerkOptions> = {}): Promise<Clerk> {
  const opened = await openClerk({ ...peopled(), ...options })
  clerks.push(opened)
  return opened
}
/** Two who accept, and one who was not asked. */
async function three(ground = peopled()): Promise<[Clerk, Clerk, Clerk]> {
  return Promise.all([clerk({ ...ground, id: 1 }), clerk({ ...ground, id: 2 }), clerk({ ...ground, id: 3 })])
}
/** A version that the first two certified. */
async function agreed([one, two]: readonly [Clerk, Clerk, ...Clerk[]], edit: Edit, over: Parameters<typeof changeOf>[1] = {}): Promise<CertifiedVersion> {
  const change = changeOf(after(one, edit), over)
  return certified(change, await askAll([one, two], change))
}
const codeOf = async (work: () => Promise<unknown>): Promise<unknown> => {
  try {
    await work()
    return 'no error'
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
}
/** What this signer's next batch would say to a token that somebody touches a passkey for. */
async function mint({ inForce, book, clock }: Clerk, who: Name, over: Partial<TokenIntent> = {}): Promise<string> {
  const intent: TokenIntent = { ...commonOf(book.state().document, who, clock.now), kind: 'token', client: 'cli', aud: 'https://api.example', scope: ['read:logs'], ...over }
  const judged = await inForce.current().judge({ requests: [{ intent: encodeIntent(intent), evidence: touched(people[who], intent), approvals: [], asserted: {} }], clock: clock.now })
  const [judgement] = typeof judged === 'string' ? [] : judged
  if (judgement === undefined) return `${judged}`
  return judgement.verdict === 'refused' ? judgement.reasons.map(({ code }) => code).join(' ') : judgement.verdict
}

describe('what t signers certified', () => {
  test('is in force at once, on the disk, and in the next life', async () => {
    const ground = peopled()
    const all = await three(ground)
    const part = partOf({ versions: [await agreed(all, removePerson('cleo'))] })
    const reply = await all[2].adopt(part, asked)
    expect(adoptReply.parse(reply)).toEqual({ v: 1, result: 'adopted', version: 3, stops: 0 })
    expect(all[2].inForce.current().versions).toMatchObject({ roster: 3 })
    expect((await all[2].inForce.current().keyset()).keyset.roster).toBe(3)
    clerks.pop()
    all[2].close()
    const again = await clerk({ ...ground, id: 3, folder: all[2].folder })
    expect([again.book.state().version(), again.inForce.current().versions.roster]).toEqual([3, 3])
    expect(again.book.summary()).toEqual(all[2].book.summary())
  })

  test('a removed person’s touch is refused in the very next batch', async () => {
    const all = await three()
    expect(await mint(all[2], 'cleo')).toBe('granted')
    await all[2].adopt(partOf({ versions: [await agreed(all, removePerson('cleo'))] }))
    expect([await mint(all[2], 'cleo'), await mint(all[2], 'ann')]).toEqual(['passkey_unknown', 'granted'])
  })

  test('is adopted whatever the clock: approvals and intent may long have expired', async () => {
    const all = await three()
    const version = await agreed(all, removePerson('cleo'))
    all[2].clock.now = at + 30 * 86_400
    expect(told(await all[2].adopt(partOf({ versions: [version] })))).toBe('adopted 3')
  })

  test('also by a signer that accepted something else in its place', async () => {
    const all = await three()
    await askAll([all[2]], changeOf(after(all[2], rename('bob', 'Robert'))))
    expect(told(await all[2].adopt(partOf({ versions: [await agreed(all, removePerson('cleo'))] })))).toBe('adopted 3')
  })

  test('comes with all that is between', async () => {
    const all = await three()
    const first = await agreed(all, removePerson('cleo'))
    await Promise.all(all.slice(0, 2).map((each) => each.adopt(partOf({ versions: [first] }))))
    const second = await agreed(all, rename('bob', 'Robert'))
    await all[0].adopt(partOf({ versions: [second] }))
    expect(told(await all[2].adopt(partOf({ versions: [second] })))).toBe('change_unsound')
    expect(all[0].book.after(2).versions).toHaveLength(2)
    expect(told(await all[2].adopt(all[0].book.after(2)))).toBe('adopted 4')
    expect(all[2].book.summary()).toEqual(all[0].book.summary())
    expect(told(await all[2].adopt(all[0].book.after(2)))).toBe('adopted 4')
  })

  test('L-3 each part that came is one event', async () => {
    const all = await three()
    const version = await agreed(all, removePerson('cleo'))
    await all[2].adopt(partOf({ versions: [version] }), asked)
    expect(all[2].events.filter(({ event }) => event === 'adopt')).toMatchObject([{ by: asked.by, request_id: asked.requestId, versions: [version.certificate.subject], result: 'adopted' }])
  })

  test('L-3 and names the peer that it was fetched from', async () => {
    const all = await three()
    await all[2].adopt(partOf({ versions: [await agreed(all, removePerson('cleo'))] }), { by: 'symbolon:signer/1' })
    expect(all[2].events.filter(({ event }) => event === 'adopt')).toMatchObject([{ by: 'symbolon:signer/1', result: 'adopted' }])
  })
})

describe('W-6 TST-34 a passkey’s counter, in changes and stops', () => {
  const alarmed = ({ events }: Clerk) => events.flatMap(({ event, alarm, principal, counter, before }) => (event === 'alarm' ? [{ alarm, principal, counter, before }] : []))
  const locking = (one: Clerk, iat: number, counter: number) => {
    const intent: LockIntent = { ...commonOf(one.book.state().document, 'ann', iat), kind: 'lock', row: 'cleo' }
    return partOf({ stops: [{ intent: toBase64url(encodeIntent(intent)), evidence: touched(people.ann, intent, counter) }] })
  }

  test('a stop that somebody touched for after a higher one is told, and stops all the same', async () => {
    const one = await clerk()
    one.clock.now = at + 10
    await one.adopt(locking(one, at, 50_000))
    await one.adopt(locking(one, at + 5, 49_000))
    expect(alarmed(one)).toEqual([{ alarm: 'counter_behind', principal: 'ann', counter: 49_000, before: 50_000 }])
    expect(one.book.state().stops).toHaveLength(2)
  })

  test('one that was touched for before, and only comes later, is well', async () => {
    const one = await clerk()
    one.clock.now = at + 10
    await one.adopt(locking(one, at + 5, 50_000))
    await one.adopt(locking(one, at, 49_000))
    expect(alarmed(one)).toEqual([])
  })

  test('a change by a copy of the passkey is told', async () => {
    const one = await clerk()
    await one.adopt(locking(one, at - 100, 50_000))
    const change = changeOf(after(one, rename('bob', 'Robert')))
    expect(told((await askAll([one], change))[0])).toBe('accepted')
    expect(told((await askAll([one], change))[0])).toBe('accepted')
    expect(alarmed(one)).toContainEqual({ alarm: 'counter_behind', principal: 'ann', counter: expect.any(Number), before: 50_000 })
  })
})

describe('what is not certified is not adopted', () => {
  const broken = (version: CertifiedVersion, how: 'one' | 'twice' | 'other') => {
    const [first, second] = version.certificate.accepts
    if (first === undefined || second === undefined) throw new Error('two accepts')
    const accepts = { one: [first], twice: [first, first], other: [first, { ...second, signer: 3 }] }[how]
    return { ...version, certificate: { ...version.certificate, accepts } }
  }

  test.each([
    ['with fewer than t accepts', 'one'],
    ['with one signer’s accept twice', 'twice'],
    ['with an accept under another signer’s number', 'other'],
  ] as const)('%s', async (_, how) => {
    const all = await three()
    const entries = all[2].journal.head().seq
    expect(told(await all[2].adopt(partOf({ versions: [broken(await agreed(all, removePerson('cleo')), how)] })))).toBe('change_unsound')
    expect([all[2].book.state().version(), all[2].journal.head().seq]).toEqual([2, entries])
  })

  test('another document under a true certificate', async () => {
    const all = await three()
    const version = await agreed(all, removePerson('cleo'))
    const other = edited({ document: all[2].book.state().document, entries: [] }, removePerson('bob'))
    expect(told(await all[2].adopt(partOf({ versions: [{ ...version, change: { ...version.change, document: toBase64url(encodeRoster(other)) } }] })))).toBe('change_unsound')
    expect(rosterDigest(all[2].inForce.current().document)).toBe(rosterDigest(all[0].inForce.current().document))
  })

  test('nor believed at a start: a book whose certificate does not hold stops the signer', async () => {
    const ground = peopled()
    const all = await three(ground)
    const version = broken(await agreed(all, removePerson('cleo')), 'twice')
    const [one] = all
    const file = openBookFileOf(one)
    expect(file.write('taken', canonical({ versions: [version], entries: [] }), at)).toBe(true)
    clerks.splice(clerks.indexOf(one), 1)
    file.close()
    one.journal.close()
    expect(await codeOf(() => openClerk({ ...ground, folder: one.folder }))).toBe('book_unproven')
    rmSync(one.folder, { recursive: true })
  })

  /** The file under a signer's own book, as somebody with its disk and its journal would write it. */
  function openBookFileOf({ book, folder, journal }: Clerk) {
    book.close()
    return openBookFile({ folder, signer: 1, lineage: Buffer.from(book.state().lineage, 'base64url'), journal, onFailure() {} })
  }
})

describe('TST-35 a policy', () => {
  const policy = bundleWith(JSON.parse(JSON.stringify(defaultData).replaceAll(/"max_ttl_seconds":\d+/g, '"max_ttl_seconds":60')))
  const bundle = { wasm: toBase64url(policy.wasm), data: toBase64url(canonical(policy.data)) }

  test('that a version names is exchanged with it, and kept for the next life', async () => {
    const ground = peopled()
    const all = await three(ground)
    expect(await mint(all[2], 'ann', { ttl: 900 })).toBe('granted')
    const version = await agreed(all, setPolicy(policy.digest), { over: { bundle } })
    expect(told(await all[2].adopt(partOf({ versions: [version] })))).toBe('adopted 3')
    expect(all[2].inForce.current().versions.policy).toBe(policy.digest)
    expect([await mint(all[2], 'ann', { ttl: 900 }), await mint(all[2], 'ann', { ttl: 60 })]).toEqual(['ttl_too_long', 'granted'])
    clerks.pop()
    all[2].close()
    const again = await clerk({ ...ground, id: 3, folder: all[2].folder })
    expect(await mint(again, 'ann', { ttl: 900 })).toBe('ttl_too_long')
  })

  test('that is withheld or exchanged on the way: the version waits for its own, and the old one stays in force', async () => {
    const all = await three()
    const version = await agreed(all, setPolicy(policy.digest), { over: { bundle } })
    const { bundle: _, ...bare } = version.change
    const forged = { ...version.change, bundle: { ...bundle, data: toBase64url(canonical(defaultData)) } }
    for (const change of [bare, forged]) expect(told(await all[2].adopt(partOf({ versions: [{ ...version, change }] })))).toBe('policy_behind')
    expect(all[2].inForce.current().versions.roster).toBe(2)
    expect(told(await all[2].adopt(partOf({ versions: [version] })))).toBe('adopted 3')
  })
})

describe('a stop', () => {
  const lock = (one: Clerk, by: Name, row: string, iat = at): LockIntent => ({ ...commonOf(one.book.state().document, by, iat), kind: 'lock', row })
  const revoke = (one: Clerk, by: Name, iat = at): RevokeIntent => ({ ...commonOf(one.book.state().document, by, iat), kind: 'revoke', what: 'grant', id: toBase64url(new Uint8Array(32).fill(9)) })

  test('bites in the very next batch, and in the next life', async () => {
    const ground = peopled()
    const one = await openClerk(ground)
    expect(await mint(one, 'cleo')).toBe('granted')
    expect(await one.adopt(partOf({ stops: [stopOf(lock(one, 'ann', 'cleo'), 'ann')] }), asked)).toEqual({ v: 1, result: 'adopted', version: 2, stops: 1 })
    expect([await mint(one, 'cleo'), await mint(one, 'bob')]).toEqual(['locked', 'granted'])
    expect(one.events.filter(({ event }) => event === 'stop')).toMatchObject([{ by: asked.by, request_id: asked.requestId, kind: 'locked', locked: { row: 'cleo' } }])
    one.close()
    const again = await clerk({ ...ground, folder: one.folder })
    expect(await mint(again, 'cleo')).toBe('locked')
    expect(again.book.after(2).stops).toHaveLength(1)
  })

  test('is kept once, whoever brings it again', async () => {
    const one = await clerk()
    const intent = lock(one, 'ann', 'cleo')
    await one.adopt(partOf({ stops: [stopOf(intent, 'ann')] }))
    const entries = one.journal.head().seq
    expect(await one.adopt(partOf({ stops: [stopOf(intent, 'ann')] }))).toMatchObject({ result: 'adopted', stops: 1 })
    expect(one.journal.head().seq).toBe(entries)
  })

  test('counts though its intent has expired, and is forgotten when it stops nothing', async () => {
    const one = await clerk()
    one.clock.now = at + 3_600
    expect(await one.adopt(partOf({ stops: [stopOf(lock(one, 'ann', 'cleo', at), 'ann')] }))).toMatchObject({ result: 'adopted', stops: 1 })
    one.clock.now = at + limits.lockTtl
    await one.adopt(partOf({ stops: [stopOf(revoke(one, 'ann', one.clock.now), 'ann')] }))
    expect(one.book.stops().locked).toEqual([])
    expect(one.book.after(2).stops).toHaveLength(1)
    expect(told(await one.adopt(partOf({ stops: [stopOf(lock(one, 'ann', 'bob', at), 'ann')] })))).toBe('policy_denied')
  })

  test('of another row, by nobody that may, is refused and not kept', async () => {
    const ground = peopled({ guardians: { people: ['ann', 'bob'], count: 1, window: 86_400 } })
    const one = await clerk(ground)
    expect(told(await one.adopt(partOf({ stops: [stopOf(lock(one, 'cleo', 'ann'), 'cleo')] })))).toBe('not_a_guardian')
    expect(one.book.after(2).stops).toEqual([])
    expect(await one.adopt(partOf({ stops: [stopOf(lock(one, 'cleo', 'cleo'), 'cleo')] }))).toMatchObject({ result: 'adopted', stops: 1 })
  })

  test('by somebody whom the same part removes counts: it is judged by what was in force before', async () => {
    const all = await three()
    const stop = stopOf(lock(all[2], 'cleo', 'bob'), 'cleo')
    expect(await all[2].adopt(partOf({ versions: [await agreed(all, removePerson('cleo'))], stops: [stop] }))).toEqual({ v: 1, result: 'adopted', version: 3, stops: 1 })
    expect(await mint(all[2], 'bob')).toBe('locked')
  })

  test('DOS-3 whose issuer is out of reach keeps nothing else from being heard', async () => {
    const [row] = peopled().first.issuers
    if (row === undefined) throw new Error('an issuer')
    const { keys: _, ...remote } = row
    const ground = peopled({ issuers: [{ ...remote, jwks_uri: 'https://forge.example/jwks' }] })
    const all = await three(ground)
    const [one] = all
    const own: LockIntent = { ...commonOf(ground.first, 'deploy', at), kind: 'lock', row: 'deploy' }
    const unheard = { intent: toBase64url(encodeIntent(own)), evidence: [idTokenEvidence(ground.world, own)] }
    const part = partOf({ versions: [await agreed(all, removePerson('cleo'))], stops: [unheard, stopOf(lock(one, 'ann', 'bob'), 'ann')] })
    expect(await one.adopt(part)).toEqual({ v: 1, result: 'adopted', version: 3, stops: 1 })
    expect([await mint(one, 'cleo'), await mint(one, 'bob')]).toEqual(['passkey_unknown', 'locked'])
    // Of a peer that shows nothing else this is no fault; whoever asks for this alone may try again.
    expect((await one.adopt(partOf({ stops: [unheard] }))).result).not.toBe('not_now')
    expect(told(await one.adopt(partOf({ stops: [unheard] }), asked))).toBe('issuer_keys_unavailable')
  })

  test('R-2 of a grant that was dated ahead outlives that grant', async () => {
    const one = await clerk()
    await one.adopt(partOf({ stops: [stopOf(revoke(one, 'ann'), 'ann')] }))
    one.clock.now = at + 30 * 86_400
    await one.adopt(partOf({ stops: [stopOf(lock(one, 'ann', 'cleo', one.clock.now), 'ann')] }))
    expect(one.book.stops().revoked).toHaveLength(1)
  })

  test('by one rogue guardian: never so many that another’s lock finds no room', async () => {
    const one = await clerk()
    const flood = Array.from({ length: 520 }, (_, n) => stopOf({ ...revoke(one, 'bob'), id: toBase64url(Uint8Array.from({ length: 32 }, (_, at) => (at < 2 ? n >> (8 * at) : 7))) }, 'bob'))
    expect(await one.adopt(partOf({ stops: flood }))).toMatchObject({ stops: 512 })
    expect(await one.adopt(partOf({ stops: [stopOf(lock(one, 'ann', 'bob'), 'ann')] }))).toMatchObject({ stops: 1 })
  })

  test('R-2 what was judged before it came is not signed after', async () => {
    const one = await clerk()
    const before = one.inForce.current()
    await one.adopt(partOf({ stops: [stopOf(lock(one, 'ann', 'cleo'), 'ann')] }))
    const now = one.inForce.current()
    expect([now === before, now.versions === before.versions]).toEqual([false, true])
  })

  test('of which there are more than one call judges are all judged', async () => {
    const one = await clerk()
    const many = Array.from({ length: 70 }, (_, n) => stopOf({ ...revoke(one, 'ann'), id: toBase64url(new Uint8Array(32).fill(n)) }, 'ann'))
    expect(await one.adopt(partOf({ stops: [...many, stopOf(lock(one, 'ann', 'cleo'), 'ann')] }))).toMatchObject({ stops: 71 })
    expect(await mint(one, 'cleo')).toBe('locked')
  })

  test('by one who is no guardian: some, and never so many that guardians find no room', async () => {
    const ground = peopled({ guardians: { people: ['ann', 'bob'], count: 1, window: 86_400 } })
    const one = await clerk(ground)
    const own = Array.from({ length: 70 }, (_, n) => stopOf({ ...revoke(one, 'cleo'), id: toBase64url(new Uint8Array(32).fill(n)) }, 'cleo'))
    expect(await one.adopt(partOf({ stops: own }))).toMatchObject({ result: 'adopted', stops: 16 })
    // Those of tokens end in a day: of these, more.
    const tokens = own.map((_, n) => stopOf({ ...revoke(one, 'cleo'), what: 'token', id: toBase64url(new Uint8Array(32).fill(n + 70)) }, 'cleo'))
    expect(await one.adopt(partOf({ stops: tokens }))).toMatchObject({ result: 'adopted', stops: 48 })
    expect(await one.adopt(partOf({ stops: [stopOf(lock(one, 'ann', 'cleo'), 'ann')] }))).toMatchObject({ result: 'adopted', stops: 1 })
  })
})

test('what could not be written is not in force', async () => {
  let broken = false
  const ground = peopled()
  const one = await clerk({ ...ground, id: 3, record: (journal) => (...all) => (broken ? undefined : journal.record(...all)) })
  const two = await Promise.all([clerk({ ...ground, id: 1 }), clerk({ ...ground, id: 2 })])
  const part = partOf({ versions: [await agreed(two, removePerson('cleo'))] })
  broken = true
  expect(told(await one.adopt(part))).toBe('ill')
  expect([one.book.state().version(), one.inForce.current().versions.roster, await mint(one, 'cleo')]).toEqual([2, 2, 'granted'])
})
