import { z } from 'zod'
import { taggedHash, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { base64urlOf, hostPort, signerId } from '@symbolon/protocol/fields.ts'
import { canonical, decodeAs, type Decoded } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { isP256Key } from '@symbolon/protocol/p256.ts'
import { purpose, purposes } from '@symbolon/protocol/purpose.ts'
import { problemsOf, template } from './roster.ts'

/*
 * The plan of a ceremony. It reaches each keygen from its own operator, as a file; the operators compare its digest. Everything
 * that the ceremony makes is bound to that digest.
 */
export const plan = z.strictObject({
  v: z.literal(1),
  /** Makes two plans for the same members different. */
  nonce: base64urlOf(16),
  /** Every purpose: all keys of version 1 come from one ceremony run, each from polynomials of its own. */
  purposes: z.array(purpose).length(purposes.length),
  epoch: z.literal(1),
  t: z.int().min(2).max(limits.signers),
  n: z.int().min(3).max(limits.signers),
  /** Where each member’s keygen listens, by ascending id. Their names, keys and later addresses are the template’s signers. */
  members: z.array(z.strictObject({ id: signerId, keygen: hostPort })).min(3).max(limits.signers),
  /** Version 1 without its group keys; `bootstrap` in it is its sole guardian. */
  template,
})
export type Plan = z.infer<typeof plan>

export const planBytesLimit = 4 * 1024 * 1024
/** Any JSON spelling: operators write it. The digest is over the canonical form. */
export const decodePlan = (bytes: Uint8Array): Decoded<Plan> => decodeAs(plan, bytes, planBytesLimit)
export const planDigest = (value: Plan): Base64url => toBase64url(taggedHash('plan/v1', canonical(value)))

/** What a schema cannot say. @returns every problem, empty for a plan that may be carried out */
export function problemsOfPlan({ t, n, members, purposes: wanted, template: version1 }: Plan): string[] {
  const ids = members.map(({ id }) => id)
  const rows = version1.signers.map(({ id }) => id)
  return [
    // Two disjoint quorums could otherwise both sign: two rosters, two claim sets for one intent.
    ...(2 * t > n ? [] : [`t: 2t ≤ n (t ${t}, n ${n}): two quorums could act without knowing of each other`]),
    ...(t <= n ? [] : [`t: ${t} of ${n} can never sign`]),
    ...(members.length === n ? [] : [`n: is ${n}, but there are ${members.length} members`]),
    ...(ids.length === rows.length && ids.every((id, at) => id === rows[at]) ? [] : ['members: must be the template’s signers, in the same order']),
    ...(new Set(members.map(({ keygen }) => keygen)).size === members.length ? [] : ['members: keygen addresses must differ']),
    ...(wanted.every((name, at) => name === purposes[at]) ? [] : [`purposes: must be ${purposes.join(', ')}`]),
    ...version1.signers.filter(({ identity, hpke }) => !isP256Key(identity) || !isP256Key(hpke)).map(({ id }) => `template: a key of signer ${id} is not on the curve`),
    ...problemsOf(version1).map((problem) => `template: ${problem}`),
  ]
}
