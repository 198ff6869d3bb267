import { ed25519_FROST as reference } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { aggregate, assemble } from './aggregate.ts'
import { openArena } from './arena.ts'
import { type NoncePair, sign } from './frost.ts'
import type { Element } from './group.ts'
import { type GroupKeys, type Member, loadGroup, loadMember } from './keys.ts'
import { nobleEd25519Suite } from './noble.ts'
import { at, value } from './quorum.testkit.ts'
import { sodiumSuite } from './sodium.ts'
import type { Suite } from './suite.ts'

/* The other implementation of RFC 9591: same keys, same nonces, same bytes expected at every step. */

type Dealt = ReturnType<typeof reference.trustedDealer>

function adopt(suite: Suite, dealt: Dealt, threshold: number, ids: readonly number[]): { keys: GroupKeys; members: Member[] } {
  const name = (id: number) => reference.Identifier.fromNumber(id)
  const share = (id: number) => dealt.public.verifyingShares[name(id)] ?? new Uint8Array()
  const keys = value(loadGroup(suite, { threshold, key: at(dealt.public.commitments, 0), shares: ids.map((id) => ({ id, share: share(id) })) }))
  const members = ids.slice(0, threshold).map((id) => {
    const secret = suite.memory.take(32)
    secret.borrow((bytes) => bytes.set(dealt.secretShares[name(id)]?.signingShare ?? []))
    return value(loadMember(suite, keys, id, secret))
  })
  return { keys, members }
}

function compare(suite: Suite, threshold: number, ids: readonly number[], message: Uint8Array): void {
  const names = ids.map((id) => reference.Identifier.fromNumber(id))
  const dealt = reference.trustedDealer({ min: threshold, max: ids.length }, names)
  const { keys, members } = adopt(suite, dealt, threshold, ids)
  const theirs = names.slice(0, threshold).map((name) => reference.commit(dealt.secretShares[name] ?? expect.fail()))
  const theirList = theirs.map(({ commitments }) => commitments)
  const pairs = members.map(({ id }, i): NoncePair => {
    const { nonces, commitments } = at(theirs, i)
    const secret = suite.memory.take(64)
    secret.borrow((bytes) => bytes.set([...nonces.hiding, ...nonces.binding]))
    return { secret, commitment: { id, hiding: commitments.hiding as Element, binding: commitments.binding as Element } }
  })
  const commitments = pairs.map(({ commitment }) => commitment)
  const replies = members.map((member, i) => ({ id: member.id, ...value(sign(suite, { member, nonces: at(pairs, i), message, commitments })) }))
  const theirShares = names.slice(0, threshold).map((name, i) => reference.signShare(dealt.secretShares[name] ?? expect.fail(), dealt.public, at(theirs, i).nonces, theirList, message))
  expect(replies.map(({ z }) => Buffer.from(z).toString('hex'))).toEqual(theirShares.map((z) => Buffer.from(z).toString('hex')))

  const theirSignature = reference.aggregate(dealt.public, theirList, message, Object.fromEntries(theirShares.map((z, i) => [at(names, i), z])))
  expect(Buffer.from(assemble(suite, { keys, message, replies }) ?? [])).toEqual(Buffer.from(theirSignature))
  expect(Buffer.from(value(aggregate(suite, { keys, message, commitments, replies })).signature)).toEqual(Buffer.from(theirSignature))
}

const group = fc
  .uniqueArray(fc.integer({ min: 1, max: 0xffff }), { minLength: 2, maxLength: 6 })
  .chain((ids) => fc.tuple(fc.constant([...ids].sort((a, b) => a - b)), fc.integer({ min: 2, max: Math.min(4, ids.length) })))

test('libsodium gives the same shares and signatures as noble, for any t, n, ids and message', () => {
  const suite = sodiumSuite(openArena(16 * 4096))
  fc.assert(
    fc.property(group, fc.uint8Array({ maxLength: 300 }), ([ids, threshold], message) => compare(suite, threshold, ids, message)),
    { numRuns: 12 },
  )
}, 60_000)

test('so does the generic code on noble', () => compare(nobleEd25519Suite(), 2, [3, 65_535], new Uint8Array(5)))
