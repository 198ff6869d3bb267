import { join } from 'node:path'
import { ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { fileRecordMemory } from '@symbolon/sdk/record-memory.ts'
import { openVault } from '@symbolon/sdk/vault.ts'
import { askerOf, clientOf, connectionOf } from './connect.ts'
import type { Io } from './io.ts'
import type { OpenSecrets } from './secrets.ts'
import type { Settings } from './settings.ts'
import { stateFolder } from './state.ts'

/** The vault that the api names, or that a setting does, asked as whoever mints here. */
export const openSecrets: OpenSecrets = async (settings, io, act) => {
  const opened = clientOf(settings, io)
  if (!opened.ok) return opened
  const client = opened.value
  try {
    const asker = await askerOf(settings, io, client)
    if (!asker.ok) return asker
    const { sub, client: software, credential } = asker.value
    const memory = fileRecordMemory(join(stateFolder(io), 'records'), (what) => void io.err.write(`warning: ${what}\n`))
    const vault = await openVault({ client, addr: settings.vault_addr?.value, asker: { sub, client: software, credential }, memory, clock: io.now, ...connectionOf(settings) })
    if (!vault.ok) return vault
    try {
      return await act(vault.value)
    } finally {
      await vault.value.close()
    }
  } finally {
    await client.close()
  }
}

/** Of the roster, as the keyset has them. */
export async function namespacesOf(settings: Settings, io: Io): Promise<Outcome<readonly { readonly id: string; readonly combine: string }[]>> {
  const client = clientOf(settings, io)
  if (!client.ok) return client
  try {
    const found = await client.value.deployment()
    return found.ok ? ok(found.value.keyset.namespaces ?? []) : found
  } finally {
    await client.value.close()
  }
}
