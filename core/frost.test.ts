import { createPublicKey, verify } from 'node:crypto'
import { expect, test } from 'vitest'
import { aggregate, assemble } from './aggregate.ts'
import { openArena } from './arena.ts'
import { deal } from './dealer.testkit.ts'
import { commit, sign } from './frost.ts'
import { sodiumSuite } from './sodium.ts'

const suite = sodiumSuite(openArena(16 * 4096))
const message = new TextEncoder().encode('a message')

const nodeVerify = (key: Uint8Array, signature: Uint8Array) =>
  verify(null, message, createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(key).toString('base64url') }, format: 'jwk' }), signature)

test('TST-02 a quorum signs what node:crypto accepts', () => {
  const { keys, members } = deal(suite, { threshold: 2, ids: [1, 2, 3] })
  const nonces = [members[0], members[2]].flatMap((member) => (member === undefined ? [] : [{ member, pair: commit(suite, member) }]))
  const commitments = nonces.map(({ pair }) => pair.commitment)
  const replies = nonces.map(({ member, pair }) => {
    const share = sign(suite, { member, nonces: pair, message, commitments })
    if (!share.ok) throw new Error(share.error.code)
    return { id: member.id, ...share.value }
  })
  const fast = assemble(suite, { keys, message, replies })
  expect(fast).toBeDefined()
  expect(nodeVerify(keys.key, fast ?? new Uint8Array())).toBe(true)
  expect(aggregate(suite, { keys, message, commitments, replies })).toEqual({ ok: true, value: { signature: fast, wrongR: [] } })
})
