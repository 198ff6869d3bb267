import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { aggregate, assemble, verifyShare } from './aggregate.ts'
import { openArena } from './arena.ts'
import { deal } from './dealer.testkit.ts'
import { commit, sign } from './frost.ts'
import { type Scalar, smallScalar } from './group.ts'
import { nobleEd25519Suite, nobleRistrettoSuite } from './noble.ts'
import { at, value } from './quorum.testkit.ts'
import { sodiumSuite } from './sodium.ts'
import { type Suite, concat } from './suite.ts'
import { bindingFactor, bindingPrefix } from './transcript.ts'

interface Vector {
  inputs: {
    participant_list: number[]
    group_secret_key: string
    group_public_key: string
    message: string
    share_polynomial_coefficients: string[]
    participant_shares: { identifier: number; participant_share: string }[]
  }
  round_one_outputs: { outputs: ({ identifier: number } & Record<(typeof ROUND_ONE)[number], string>)[] }
  round_two_outputs: { outputs: { identifier: number; sig_share: string }[] }
  final_output: { sig: string }
}

const ROUND_ONE = [
  'hiding_nonce_randomness',
  'binding_nonce_randomness',
  'hiding_nonce',
  'binding_nonce',
  'hiding_nonce_commitment',
  'binding_nonce_commitment',
  'binding_factor_input',
  'binding_factor',
] as const

const load = (name: string): Vector => JSON.parse(readFileSync(join(import.meta.dirname, 'vectors', `rfc9591-frost-${name}.json`), 'utf8'))
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))
const hex = (data: Uint8Array) => Buffer.from(data).toString('hex')

/** The suite with a generator that gives what the vector says: the nonces are the only thing it is asked for. */
const scripted = (suite: Suite, draws: Uint8Array[]): Suite => ({
  ...suite,
  group: { ...suite.group, random: (out) => out.set(draws.shift() ?? expect.fail('the generator was asked too often')) },
})

/** Runs one vector and returns, in the vector's own form, everything that it states and we compute. */
function recompute(suite: Suite, vector: Vector): Vector {
  const { inputs, round_one_outputs } = vector
  const coefficients = [inputs.group_secret_key, ...inputs.share_polynomial_coefficients].map((text) => bytes(text) as Scalar)
  const message = bytes(inputs.message)
  const { keys, members } = deal(suite, { threshold: coefficients.length, ids: inputs.participant_shares.map(({ identifier }) => identifier), coefficients })
  const quorum = members.filter(({ id }) => inputs.participant_list.includes(id))
  const draws = round_one_outputs.outputs.map((out) => concat(bytes(out.hiding_nonce_randomness), bytes(out.binding_nonce_randomness)))
  const random = scripted(suite, draws)
  const pairs = quorum.map((member) => commit(random, member))
  const commitments = pairs.map(({ commitment }) => commitment)
  const prefix = bindingPrefix(suite, keys.key, message, commitments)
  const first = pairs.map(({ commitment, secret }, i) => {
    const stated = at(round_one_outputs.outputs, i)
    return {
      identifier: commitment.id,
      hiding_nonce_randomness: stated.hiding_nonce_randomness,
      binding_nonce_randomness: stated.binding_nonce_randomness,
      hiding_nonce: secret.borrow((pair) => hex(pair.subarray(0, 32))),
      binding_nonce: secret.borrow((pair) => hex(pair.subarray(32))),
      hiding_nonce_commitment: hex(commitment.hiding),
      binding_nonce_commitment: hex(commitment.binding),
      binding_factor_input: hex(concat(...prefix, smallScalar(commitment.id))),
      binding_factor: hex(bindingFactor(suite, prefix, commitment.id)),
    }
  })
  const replies = quorum.map((member, i) => ({ id: member.id, ...value(sign(suite, { member, nonces: at(pairs, i), message, commitments })) }))
  for (const reply of replies) expect(value(verifyShare(suite, { keys, message, commitments }, reply))).toEqual({ share: true, r: true })
  const signature = value(aggregate(suite, { keys, message, commitments, replies })).signature
  expect(assemble(suite, { keys, message, replies })).toEqual(signature)
  return {
    ...vector,
    inputs: {
      ...inputs,
      group_public_key: hex(keys.key),
      participant_shares: members.map(({ id, share }) => ({ identifier: id, participant_share: share.borrow(hex) })),
    },
    round_one_outputs: { outputs: first },
    round_two_outputs: { outputs: replies.map(({ id, z }) => ({ identifier: id, sig_share: hex(z) })) },
    final_output: { sig: hex(signature) },
  }
}

/** Every hexadecimal leaf, as a function that gives a copy of the vector with one bit of it turned. */
function* flips(node: unknown, path: string[] = []): Generator<string[]> {
  if (typeof node === 'string' && /^([0-9a-f]{2})+$/.test(node)) yield path
  if (typeof node === 'object' && node !== null) for (const [key, child] of Object.entries(node)) yield* flips(child, [...path, key])
}

function flipped(vector: Vector, path: readonly string[]): Vector {
  const copy: Vector = structuredClone(vector)
  const parent = path.slice(0, -1).reduce<Record<string, unknown>>((node, key) => node[key] as Record<string, unknown>, copy as unknown as Record<string, unknown>)
  const key = at(path, path.length - 1)
  const data = bytes(String(parent[key]))
  data[data.length >> 1] = at([...data], data.length >> 1) ^ 1
  parent[key] = hex(data)
  return copy
}

/** A flipped vector fails if anything recomputed differs from it, or nothing can be computed. */
function fails(suite: Suite, vector: Vector): boolean {
  try {
    expect(recompute(suite, vector)).toEqual(vector)
    return false
  } catch {
    return true
  }
}

const suites = [
  { name: 'ed25519-sha512', on: 'libsodium', suite: sodiumSuite(openArena(16 * 4096)) },
  { name: 'ed25519-sha512', on: 'noble', suite: nobleEd25519Suite() },
  { name: 'ristretto255-sha512', on: 'noble', suite: nobleRistrettoSuite() },
]

describe.each(suites)('RFC 9591 $name on $on', ({ name, suite }) => {
  const vector = load(name)

  test('TST-01 every stated value is recomputed', () => expect(recompute(suite, vector)).toEqual(vector))

  test('TST-01 the vector with one bit flipped in any value fails', () => {
    const paths = [...flips({ ...vector, config: undefined })]
    expect(paths.length).toBe(26)
    expect(paths.filter((path) => !fails(suite, flipped(vector, path))).map((path) => path.join('.'))).toEqual([])
  })
})
