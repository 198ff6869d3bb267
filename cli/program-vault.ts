import type { Command } from 'commander'
import { ok } from '@symbolon/sdk/errors.ts'
import { collect, arrayOf, stringOf } from './flags.ts'
import type { Io } from './io.ts'
import type { Action, Add } from './add-command.ts'
import { prefixOf } from './secret-path.ts'
import type { OpenSecrets, Secrets } from './secrets.ts'
import type { Settings } from './settings.ts'

export function addVaultCommands(program: Command, add: Add, io: Io, open: OpenSecrets): void {
  const vault = program.command('vault').description('Look after the vault as a whole.')
  const parts = () => import('./vault-admin.ts')
  const on = async (settings: Settings, act: (secrets: Secrets) => ReturnType<Action>): ReturnType<Action> => {
    const ran = await open(settings, io, async (secrets) => ok(await act(secrets)))
    return ran.ok ? ran.value : ran
  }
  add(vault, 'status', 'Show where the vault is, whether it is ready, and its namespaces.', 'symbolon vault status', async (_flags, settings) => (await parts()).vaultStatus(settings, io))
  add(vault, 'backup <file>', 'Write all ciphertexts and records into a file. Whoever finds it reads nothing in it.', 'symbolon vault backup vault.jsonl', async (flags, settings, [file = '']) =>
    on(settings, async (secrets) => (await parts()).vaultBackup(secrets, file, { prefixes: arrayOf(flags['folder']).map(prefixOf), force: flags['force'] === true }, io)))
    .option('--folder <folder>', 'only this namespace or folder; may be repeated', collect, [])
    .option('--force', 'replace the file')
  add(vault, 'restore <file>', 'Put a backup back. What the vault has newer stays as it is.', 'symbolon vault restore vault.jsonl', async (flags, settings, [file = '']) => on(settings, async (secrets) => (await parts()).vaultRestore(secrets, file, { dry: flags['dryRun'] === true }, io)))
    .option('--dry-run', 'verify the file, and send nothing')
  add(vault, 'reencrypt [folder]', 'After a rotation of the vault key: close to the newest key what is closed to an older one.', 'symbolon vault reencrypt app', async (flags, settings, [folder = '']) => {
    const [{ vaultReencrypt }, { namespacesOf }] = await Promise.all([parts(), import('./vault.ts')])
    const all = folder === '' ? await namespacesOf(settings, io) : ok([{ id: prefixOf(folder) }])
    return all.ok ? on(settings, (secrets) => vaultReencrypt(secrets, all.value.map(({ id }) => id), { after: stringOf(flags['after']) }, io)) : all
  }).option('--after <path>', 'pass over everything up to and with this path')
}
