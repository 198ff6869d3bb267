import type { Command } from 'commander'
import { ok } from '@symbolon/sdk/errors.ts'
import { arrayOf, collect, listOf, pairsOf, stringOf, type Flags } from './flags.ts'
import { secondsOf } from './connect.ts'
import { LocalFailure } from './failure.ts'
import type { Io } from './io.ts'
import type { Action, Add } from './add-command.ts'
import { pathOf, prefixOf } from './secret-path.ts'
import type { OpenSecrets, Secrets } from './secrets.ts'
import type { Settings } from './settings.ts'

/** A command about secrets: the vault is opened for it and closed behind it. */
type Act = (secrets: Secrets, flags: Flags, args: readonly string[], settings: Settings) => ReturnType<Action>

const versionList = ['--versions <numbers>', 'which; several by comma or by repeating'] as const
const dryRun = ['--dry-run', 'say what would be done, and do nothing'] as const
const explainIt = ['--explain', 'say whether the policy would allow it instead'] as const

export function addKvCommands(program: Command, add: Add, io: Io, open: OpenSecrets): void {
  const kv = program.command('kv').description('Read and write secrets.')
  const on = (parent: Command, name: string, summary: string, example: string, act: Act, asks?: string): Command => {
    const command = add(parent, name, summary, example, async (flags, settings, args) => {
      const ran = await open(settings, io, async (secrets) => ok(asks !== undefined && flags['explain'] === true ? await (await import('./kv-explain.ts')).kvExplain(secrets, asks, args[0] ?? '') : await act(secrets, flags, args, settings)))
      return ran.ok ? ran.value : ran
    })
    return asks === undefined ? command : command.option(...explainIt)
  }
  const kvParts = () => import('./kv.ts')

  on(kv, 'get <path>', 'Open a secret and show it.', 'symbolon kv get app/db --field password', async (secrets, flags, [path = '']) => (await kvParts()).kvGet(secrets, pathOf(path), { version: await numbered(flags, 'version', 1), render: flags['render'] === true }, io), 'read')
    .option('--version <number>', 'an earlier version')
    .option('--render', 'fill in what a config refers to')

  addWriting(kv, on, io)

  on(kv, 'delete <path>', 'Mark versions as deleted; `undelete` brings them back.', 'symbolon kv delete app/db', async (secrets, flags, [path = '']) => (await kvParts()).kvEnd(secrets, 'delete', await endingOf(flags, path), io), 'delete')
    .option(...versionList, collect, [])
    .option(...dryRun)
  on(kv, 'undelete <path>', 'Bring deleted versions back.', 'symbolon kv undelete app/db --versions 2', async (secrets, flags, [path = '']) => (await kvParts()).kvEnd(secrets, 'undelete', await endingOf(flags, path), io), 'undelete')
    .option(...versionList, collect, [])
    .option(...dryRun)
  on(kv, 'destroy <path>', 'Destroy versions for good.', 'symbolon kv destroy app/db --versions 1,2', async (secrets, flags, [path = '']) => (await kvParts()).kvEnd(secrets, 'destroy', await endingOf(flags, path), io), 'destroy')
    .option(...versionList, collect, [])
    .option(...dryRun)

  on(kv, 'list [folder]', 'List the secrets that you may see, never their values; without a folder, the namespaces.', 'symbolon kv list app --recursive', async (secrets, flags, [folder = ''], settings) => {
    const recursive = flags['recursive'] === true
    if (folder !== '') return (await kvParts()).kvList(secrets, [prefixOf(folder)], { recursive }, io)
    const all = await (await import('./vault.ts')).namespacesOf(settings, io)
    if (!all.ok) return all
    const ids = all.value.map(({ id }) => id)
    return recursive ? (await kvParts()).kvList(secrets, ids, { recursive }, io) : ok((await import('./kv-view.ts')).rowsView('', ids.map((id) => ({ folder: `${id}/` }))))
  })
    .option('-r, --recursive', 'with everything below')
  on(kv, 'search <text> [folder]', 'Find secrets by path, tag or note, in everything below a folder; default: everywhere.', 'symbolon kv search postgres', async (secrets, _flags, [text = '', folder = ''], settings) => {
    const all = folder === '' ? await (await import('./vault.ts')).namespacesOf(settings, io) : ok([{ id: prefixOf(folder) }])
    return all.ok ? (await kvParts()).kvList(secrets, all.value.map(({ id }) => id), { recursive: true, search: text }, io) : all
  })
  on(kv, 'history <path>', 'Show who changed what and when, never values.', 'symbolon kv history app/db', async (secrets, _flags, [path = '']) => (await kvParts()).kvHistory(secrets, pathOf(path)))
  on(kv, 'explain <action> <path>', 'Say whether the policy would allow read, list, write, meta, delete, undelete or destroy.', 'symbolon kv explain write app/db', async (secrets, _flags, [action = '', path = '']) => (await import('./kv-explain.ts')).kvExplain(secrets, action, path))

  addMetadata(kv, on)
  addFiles(kv, on, io)
}

type On = (parent: Command, name: string, summary: string, example: string, act: Act, asks?: string) => Command

function addWriting(kv: Command, on: On, io: Io): void {
  const writing = (command: Command): Command =>
    command
      .option('--cas <version>', 'only if this is the newest version; 0: only if there is none')
      .option('--tag <tag>', 'a tag to find it by; may be repeated; replaces the tags there were', collect, [])
      .option('--custom <name=value>', 'a note that everybody who may list it sees; may be repeated; replaces the notes there were', collect, [])
      .option(...dryRun)
  const writingOf = async (flags: Flags) => ({ cas: await numbered(flags, 'cas', 0), beside: { tags: tagsOf(flags), custom: customOf(flags) }, dry: flags['dryRun'] === true })

  writing(on(kv, 'put <path> [pairs...]', 'Store a secret as a new version: key=value, key=@file, key=- for stdin.', 'symbolon kv put app/db user=app password=-', async (secrets, flags, [path = '', ...pairs]) => {
    const [{ kvPut }, { valueOf }] = await Promise.all([import('./kv.ts'), import('./secret-value.ts')])
    return kvPut(secrets, pathOf(path), await valueOf(pairs, { type: stringOf(flags['type']), file: stringOf(flags['file']) }, io), await writingOf(flags), io)
  }, 'write'))
    .option('--type <type>', 'string, config, ssh-key, key-pair, certificate or file', 'string')
    .option('--file <file>', 'the file itself, or the main part of a typed secret; - is stdin')

  writing(on(kv, 'patch <path> [pairs...]', 'Change some keys of a secret and keep the others.', 'symbolon kv patch app/db password=-', async (secrets, flags, [path = '', ...pairs]) => {
    const [{ kvPatch }, { membersOf }] = await Promise.all([import('./kv.ts'), import('./secret-value.ts')])
    const removed = Object.fromEntries(arrayOf(flags['remove']).map((key) => [key, null]))
    return kvPatch(secrets, pathOf(path), { ...(await membersOf(pairs, io)), ...removed }, await writingOf(flags), io)
  }, 'write')).option('--remove <key>', 'take a key out; may be repeated', collect, [])
}

function addMetadata(kv: Command, on: On): void {
  const metadata = kv.command('metadata').description('What stands beside the versions of a secret.')
  on(metadata, 'get <path>', 'Show versions, settings, tags and notes.', 'symbolon kv metadata get app/db', async (secrets, _flags, [path = '']) => (await import('./kv.ts')).metaGet(secrets, pathOf(path)))
  on(metadata, 'put <path>', 'Change settings, tags or notes.', 'symbolon kv metadata put app/db --max-versions 5 --tag postgres', async (secrets, flags, [path = '']) => {
    const casRequired = stringOf(flags['casRequired'])
    if (casRequired !== undefined && casRequired !== 'true' && casRequired !== 'false') throw new LocalFailure('--cas-required is neither true nor false', 'it says whether a write must name the version it follows', 'Write --cas-required true.')
    const after = stringOf(flags['deleteAfter'])
    const change = { maxVersions: await numbered(flags, 'maxVersions', 1), casRequired: casRequired === undefined ? undefined : casRequired === 'true', deleteVersionAfter: after === undefined ? undefined : after === '0' ? 0 : secondsOf(after, '--delete-after'), tags: flags['untag'] === true ? [] : tagsOf(flags), custom: customOf(flags) }
    return (await import('./kv.ts')).metaPut(secrets, pathOf(path), change, flags['dryRun'] === true)
  }, 'meta')
    .option('--max-versions <number>', 'the oldest beyond these are forgotten')
    .option('--cas-required <true|false>', 'whether a write must name the version it follows')
    .option('--delete-after <duration>', 'new versions count as deleted after that; 0: never')
    .option('--tag <tag>', 'a tag; may be repeated; replaces the tags there were', collect, [])
    .option('--untag', 'take all tags away')
    .option('--custom <name=value>', 'a note; may be repeated; replaces the notes there were', collect, [])
    .option(...dryRun)
  on(metadata, 'delete <path>', 'Remove a secret with all its versions, for good.', 'symbolon kv metadata delete app/db', async (secrets, flags, [path = '']) => (await import('./kv.ts')).metaDelete(secrets, pathOf(path), flags['dryRun'] === true), 'destroy').option(...dryRun)
}

function addFiles(kv: Command, on: On, io: Io): void {
  on(kv, 'import <file>', 'Store what a .env, JSON or YAML file holds; what is there already is left as it is.', 'symbolon kv import .env --to app/payments/prod/web', async (secrets, flags, [file = '']) => {
    const { kvImport, importFlags } = await import('./kv-import.ts')
    return kvImport(secrets, file, importFlags.parse({ ...flags, services: listOf(flags['services']) }), io)
  })
    .option('--to <path>', 'the secret that takes all of it, or the folder')
    .option('--from <format>', 'env, json or yaml; default: what the file’s name says')
    .option('--services <names>', 'by comma: SERVICE_NAME goes into the secret <to>/service under NAME', collect, [])
    .option('--shared', 'with --services: what names none of them goes into each')
    .option('--merge', 'keep keys that the file does not name')
    .option('--no-compare', 'read nothing first, and store all of it anew: for who may write and not read')
    .option(...dryRun)
  on(kv, 'export <path>', 'Write secrets as .env, JSON or YAML.', 'symbolon kv export app/payments/prod --out .env', async (secrets, flags, [path = ''], settings) => {
    const { kvExport, exportFlags } = await import('./kv-export.ts')
    return kvExport(secrets, path, exportFlags.parse(flags), settings, io)
  })
    .option('--out <file>', 'a new file that only you can read; default: stdout')
    .option('--force', 'replace the file')
    .option('--as <format>', 'env, json or yaml; default: what the file’s name says')
}

async function numbered(flags: Flags, name: string, least: number): Promise<number | undefined> {
  const text = stringOf(flags[name])
  return text === undefined ? undefined : (await import('./kv-view.ts')).numberOf(text, `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, least)
}

const endingOf = async (flags: Flags, path: string) => ({ path: pathOf(path), versions: (await import('./kv-view.ts')).versionsOf(arrayOf(flags['versions'])), dry: flags['dryRun'] === true })

const tagsOf = (flags: Flags): readonly string[] | undefined => {
  const tags = arrayOf(flags['tag'])
  return tags.length === 0 ? undefined : [...new Set(tags)]
}

function customOf(flags: Flags): Readonly<Record<string, string>> | undefined {
  const given = arrayOf(flags['custom'])
  return given.length === 0 ? undefined : pairsOf(given, '--custom')
}
