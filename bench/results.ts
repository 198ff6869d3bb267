import type { Machine } from './machine.ts'
import type { MintingResults, Table } from './minting.ts'
import type { SigningResults } from './signing.ts'

/** `results.json`. Times in the unit that their name ends in. */
export interface Results {
  readonly v: 1
  /** RFC 3339. */
  readonly at: string
  /** A short run, for whoever changes the bench: its figures are rougher. */
  readonly quick: boolean
  readonly machine: Machine
  readonly versions: Readonly<Record<string, string>>
  readonly ratios: SigningResults['ratios'] & {
    /** CPU of one token over all processes (2-of-3, `id_token` by RS256, 16 callers) in Ed25519 verifications by node:crypto. */
    readonly token_cpu_in_native_verifies: number
    /** The same, of a person who touches a passkey for it. */
    readonly passkey_cpu_in_native_verifies: number
    /** The same, of a person’s grant. */
    readonly grant_cpu_in_native_verifies: number
    /** The same, by what the same api costs with one native key behind it. */
    readonly token_cpu_vs_single_key: number
  }
  /** By threshold, then callers. `single-key`: the same api with one native key behind it, and no database. */
  readonly mint: Readonly<Record<string, Table>>
  readonly memory_mb: Readonly<Record<string, MintingResults['memory_mb']>>
  readonly signing: Omit<SigningResults, 'ratios' | 'versions' | 'absent'>
  /** What could not be measured, and why. */
  readonly absent: readonly string[]
}
