import { openArena } from './arena.ts'
import { deal } from './dealer.testkit.ts'
import type { Scalar } from './group.ts'
import { nobleEd25519Suite, nobleRistrettoSuite } from './noble.ts'
import { value } from './quorum.testkit.ts'
import type { Secret } from './secret.ts'
import { sodiumSuite } from './sodium.ts'
import type { Suite } from './suite.ts'
import { type CheckedCiphertext, type Ciphertext, type DecryptionKeys, type DecryptionMember, decryptionKeys, decryptionMember, encrypt, type Partial, partial, verifyCiphertext } from './tdh2.ts'

export const text = (words: string): Uint8Array => new TextEncoder().encode(words)
export const hex = (data: Uint8Array): string => Buffer.from(data).toString('hex')

/** Every implementation that this folder has. */
export const everySuite = (): { on: string; suite: Suite }[] => [
  { on: 'libsodium', suite: sodiumSuite(openArena(64 * 4096)) },
  { on: 'noble', suite: nobleEd25519Suite() },
  { on: 'noble ristretto255', suite: nobleRistrettoSuite() },
]

export function secretOf(suite: Suite, bytes: Uint8Array): Secret {
  const secret = suite.memory.take(bytes.length)
  secret.borrow((view) => view.set(bytes))
  return secret
}

/** A vault group with a trusted dealer. Tests only. */
export interface Vault {
  readonly suite: Suite
  readonly keys: DecryptionKeys
  readonly members: readonly DecryptionMember[]
}

export function dealVault(suite: Suite, threshold: number, ids: readonly number[], options: { epoch?: number; coefficients?: readonly Scalar[] } = {}): Vault {
  const epoch = options.epoch ?? 1
  const dealt = deal(suite, { threshold, ids, ...(options.coefficients === undefined ? {} : { coefficients: options.coefficients }) })
  return { suite, keys: decryptionKeys(dealt.keys, epoch), members: dealt.members.map((member) => decryptionMember(member, epoch)) }
}

export function seal({ suite, keys }: Vault, label: Uint8Array, dataKey: Uint8Array): Ciphertext {
  using secret = secretOf(suite, dataKey)
  return encrypt(suite, { key: keys.group.key, label, dataKey: secret })
}

export const check = ({ suite, keys }: Vault, label: Uint8Array, ciphertext: Ciphertext): CheckedCiphertext => value(verifyCiphertext(suite, keys.group.key, label, ciphertext))

export const answers = ({ suite, members }: Vault, ids: readonly number[], ciphertext: CheckedCiphertext): Partial[] =>
  members.filter(({ id }) => ids.includes(id)).map((member) => value(partial(suite, member, ciphertext)))
