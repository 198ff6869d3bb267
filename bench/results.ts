import type { Machine } from './machine.ts'
import type { MintingResults, Table } from './minting.ts'
import type { OpeningResults } from './opening.ts'
import type { SigningResults } from './signing.ts'
import type { VaultResults } from './vaulting.ts'

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
    /*
     * CPU of one secret over all processes but the client (2-of-3, evidence `key`, 16 callers), in the same unit. `fresh`: no signer has
     * checked the ciphertext's proof yet; `again`: each has. Of a batch of 16, for each secret in it.
     */
    readonly read_fresh_cpu_in_native_verifies: number
    readonly read_again_cpu_in_native_verifies: number
    /** Of a fresh batch. */
    readonly read_batch16_cpu_in_native_verifies: number
    readonly read_batch16_again_cpu_in_native_verifies: number
    /** The change itself, with its receipts. */
    readonly write_cpu_in_native_verifies: number
    /** With the question for the newest record that the SDK asks before it. */
    readonly write_with_lookup_cpu_in_native_verifies: number
    /** Through the interface of KV v2: the vault process closes and opens, so this is all of it. */
    readonly facade_read_cpu_in_native_verifies: number
    readonly facade_read_fresh_cpu_in_native_verifies: number
    readonly facade_write_cpu_in_native_verifies: number
  }
  /** By threshold, then callers. `single-key`: the same api with one native key behind it, and no database. */
  readonly mint: Readonly<Record<string, Table>>
  readonly memory_mb: Readonly<Record<string, MintingResults['memory_mb']>>
  readonly signing: Omit<SigningResults, 'ratios' | 'versions' | 'absent'>
  /** By threshold. */
  readonly vault: Readonly<Record<string, VaultResults>>
  readonly opening: OpeningResults
  /** What could not be measured, and why. */
  readonly absent: readonly string[]
}
