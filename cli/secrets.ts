import type { Outcome } from '@symbolon/sdk/errors.ts'
import type { Vault } from '@symbolon/sdk/vault.ts'
import type { Io } from './io.ts'
import type { Settings } from './settings.ts'

/* What the commands ask of the vault. The SDK answers: every record was verified, and every value opened, on this machine. */

export type { Opened } from '@symbolon/sdk/vault-read.ts'
export type { Beside, Changed } from '@symbolon/sdk/vault-write.ts'
export type { ListedRow as Row } from '@symbolon/sdk/vault-list.ts'

export type Secrets = Omit<Vault, 'addr' | 'close' | 'receipts'>

/** Opens the vault for one command, and closes it behind it. */
export type OpenSecrets = <T>(settings: Settings, io: Io, act: (secrets: Secrets) => Promise<Outcome<T>>) => Promise<Outcome<T>>
