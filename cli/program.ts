import { Command, CommanderError, Option } from 'commander'
import { SymbolonError } from '@symbolon/sdk/errors.ts'
import type { Add } from './add-command.ts'
import { exitCodeOf, exitCodes, failureLines, LocalFailure, type CommandFailure } from './failure.ts'
import { arrayOf, collect, stringOf, type Flags } from './flags.ts'
import type { Io } from './io.ts'
import { addKvCommands } from './program-kv.ts'
import { addRosterCommands } from './program-roster.ts'
import { addSshCommands } from './program-ssh.ts'
import { addVaultCommands } from './program-vault.ts'
import type { OpenSecrets } from './secrets.ts'
import { addRunCommand } from './program-run.ts'
import { definitions, environmentName, flagName, resolveSettings, type SettingName, type Settings } from './settings.ts'
import { formats, show, type Format } from './view.ts'

/** What a test puts in the place of a server. */
export interface Parts {
  readonly openSecrets: OpenSecrets
}
const usualParts: Parts = { openSecrets: async (settings, io, act) => (await import('./vault.ts')).openSecrets(settings, io, act) }

/** Runs one command line to its exit code. Whatever happens, stdout holds data only. */
export async function runCommand(argv: readonly string[], io: Io, parts: Parts = usualParts): Promise<number> {
  let exit: number = exitCodes.ok
  const program = build(io, parts, (code) => (exit = code))
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return exit
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : error.code === 'commander.help' ? exitCodes.local : fail(misuse(error, program, argv), io)
    if (error instanceof LocalFailure || error instanceof SymbolonError) return fail(error, io)
    throw error
  }
}

/** A command line that does not parse, in the same three lines as everything else. */
const misuse = ({ message }: CommanderError, program: Command, argv: readonly string[]): LocalFailure =>
  new LocalFailure(message.replace(/^error: /, '').replace('\n', ' '), 'the command line does not say what is meant', `See \`${nameOf(program, argv)} --help\`.`)

/** The command that the first words name, as far as they name one. */
function nameOf(command: Command, [word, ...rest]: readonly string[]): string {
  const next = command.commands.find((each) => each.name() === word)
  return next === undefined ? command.name() : `${command.name()} ${nameOf(next, rest)}`
}

function fail(failure: CommandFailure, io: Io): number {
  io.err.write(`${failureLines(failure).join('\n')}\n`)
  return exitCodeOf(failure)
}

/** What is asked for, shared by `mint` and `explain`. */
const wish = (command: Command): Command =>
  command
    .option('--scope <scope>', 'what the token may do; several by comma or by repeating', collect, [])
    .option('--ttl <duration>', 'lifetime, like 900 or 15m; default: what policy gives')
    .option('--reason <text>', 'why, for policy and for the record')
    .option('--ctx <name=value>', 'a fact that policy may ask for; may be repeated', collect, [])
    .option('--jkt <thumbprint>', 'bind the token to the key with this RFC 7638 thumbprint')
    .option('--bind <file>', 'bind the token to the key in this file; it is made where there is none')
    .option('--as <id>', 'act as somebody else, if policy allows')

function build(io: Io, { openSecrets }: Parts, leave: (code: number) => void): Command {
  const program = new Command('symbolon').description('Short-lived scoped tokens, signed by a quorum of machines that each judge every request.')
  // Subcommands inherit these when they are added.
  program.enablePositionalOptions().exitOverride().configureOutput({ writeOut: (text) => void io.out.write(text), writeErr: (text) => void io.err.write(text), outputError: () => undefined })
  // What a command is about stands first; what is the same for all of them last.
  program.configureHelp({ groupItems: (_all, visible, groupOf) => new Map([...Map.groupBy(visible, groupOf)].toSorted(([a], [b]) => Number(a === settingsHeading) - Number(b === settingsHeading))) })

  const add: Add = (parent, name, summary, example, action) => {
    const command = settingsOf(parent.command(name).description(summary)).addHelpText('after', `\nExample:\n  $ ${example}\n`)
    return command.action(async (...given: unknown[]) => {
      // commander gives the arguments, then the flags, then the command.
      const flags = command.opts()
      const settings = resolveSettings(settingFlags(flags), io)
      const ran = await action(flags, settings, given.slice(0, -2).flatMap((each) => (Array.isArray(each) ? each.map(String) : [each === undefined ? '' : String(each)])))
      if (!ran.ok) return leave(fail(ran.error, io))
      show(ran.value, { format: formatOf(settings), field: stringOf(flags['field']), color: !io.env['NO_COLOR'] }, io.out)
      return 'exit' in ran ? leave(ran.exit) : undefined
    })
  }

  wish(add(program, 'mint', 'Mint a token.', 'symbolon mint --scope read:logs -o jwt', async (flags, settings) => {
    const { mint, mintFlags } = await import('./mint.ts')
    return mint(mintFlags.parse(flags), settings, io)
  }))
    .option('--dry-run', 'build the request and send nothing that mints')
    .option('--explain', 'say what would happen instead')
    .option('--print-request', 'show the request on stderr, its proofs left out')

  wish(add(program, 'explain', 'Say whether a mint would be granted, which rule decides, and what would change it.', 'symbolon explain --scope write:prod', async (flags, settings) => {
    const { explain, explainFlags } = await import('./explain.ts')
    return explain(explainFlags.parse(flags), settings, io)
  }))
    .option('--claims <file>', 'judge here, for a job with these ID token claims (JSON)')
    .option('--service <id>', 'judge here, for this service of the roster')
    .option('--person <id>', 'judge here, for this person of the roster, by a grant')
    .option('--touch', 'with --person: by a passkey touched for this very request')
    .option('--roles <roles>', 'judge here, for somebody with these roles, by comma')
    .option('--roster <file>', 'a roster, ceremony plan or template; default: the development deployment’s')
    .option('--policy <path>', 'a policy folder or data file; default: the development deployment’s')

  add(program, 'login', 'Sign in with a touch: this machine may then ask in your name for some hours.', 'symbolon login --scope read:logs --hours 8', async (flags, settings) => {
    const { login, loginFlags } = await import('./login.ts')
    return login(loginFlags.parse(flags), settings, io)
  })
    .option('--scope <scope>', 'at most these; several by comma or by repeating; default: whatever you may', collect, [])
    .option('--aud <audience>', 'for these audiences only; may be repeated', collect, [])
    .option('--max-ttl <duration>', 'no token made with it lives longer')
    .option('--hours <n>', 'until it ends, 1 to 12; the deployment may allow less', '8')
    .option('--device', 'by a code that you type on another machine')
    .option('--no-browser', 'open none: print the address, and wait for the callback')
    .option('--dry-run', 'show the request and send nothing')
    .option('--print-request', 'show the request on stderr')
  add(program, 'logout', 'Revoke the grant of this machine, and delete its key.', 'symbolon logout', async (flags, settings) => (await import('./logout.ts')).logout({ dryRun: flags['dryRun'] === true }, settings, io)).option('--dry-run', 'say what would be revoked')

  add(program, 'whoami', 'Say who the deployment takes you for.', 'symbolon whoami', async (_flags, settings) => (await import('./whoami.ts')).whoami(settings, io))
  add(program, 'status', 'Show issuer, threshold and signers.', 'symbolon status -o json', async (_flags, settings) => (await import('./status.ts')).status(settings, io))

  const doctor = add(program, 'doctor', 'Look at everything between this machine and a token.', 'symbolon doctor', async (_flags, settings) => {
    const { view, well } = await (await import('./doctor.ts')).doctor(settings, io)
    return { ok: true, value: view, exit: well ? exitCodes.ok : exitCodes.server }
  })

  // Else `doctor hsm -o table` would give the flag to `doctor`.
  doctor.enablePositionalOptions()
  add(doctor, 'hsm', 'Look at the keystores of the signers on this machine.', 'symbolon doctor hsm', async (flags) => {
    const { view, well } = await (await import('./doctor-hsm.ts')).doctorHsm(arrayOf(flags['config']), io)
    return { ok: true, value: view, exit: well ? exitCodes.ok : exitCodes.local }
  }).option('--config <file>', 'a signer’s config.json; may be repeated; default: the development deployment’s', collect, [])

  const token = program.command('token').description('Look at tokens.')
  add(token, 'verify <jwt>', 'Verify a token offline against the pinned keyset.', 'symbolon token verify "$TOKEN" --audience https://api.example.internal', async (flags, settings, [jwt = '']) =>
    (await import('./token-verify.ts')).tokenVerify(jwt, { jwks: stringOf(flags['jwks']), issuer: stringOf(flags['issuer']), anyAudience: flags['anyAudience'] === true }, settings, io))
    .option('--jwks <file>', 'believe the keys in this file instead')
    .option('--issuer <url>', 'whose tokens they verify, with --jwks')
    .option('--any-audience', 'look at a token that is meant for somebody else')

  addKvCommands(program, add, io, openSecrets)
  addRunCommand(program, add, io, openSecrets)
  addSshCommands(program, add, io, openSecrets)
  addVaultCommands(program, add, io, openSecrets)
  addRosterCommands(program, add, io)

  const config = program.command('config').description('Look at settings.')
  add(config, 'show', 'Show every setting.', 'symbolon config show --origin', async (flags, settings) => (await import('./config-show.ts')).configShow(settings, { origin: flags['origin'] === true })).option('--origin', 'and where each came from')

  program
    .command('completion <shell>')
    .description('Print a completion script for bash, zsh or fish.')
    .addHelpText('after', '\nExample:\n  $ source <(symbolon completion bash)\n')
    .action(async (shell: string) => void io.out.write((await import('./completion.ts')).completion(shell, { commands: wordsOf(program) })))
  return program
}

const settingsHeading = 'Settings, the same for every command:'

function settingsOf(command: Command): Command {
  const settings = [
    new Option('-o, --output <format>', 'how to show it').choices(formats),
    new Option('--field <path>', 'one field of the data, like signers.0.name'),
    new Option('--unpinned', 'believe the server’s own keyset'),
    ...(Object.keys(definitions) as SettingName[]).filter((name) => name !== 'format').map((name) => new Option(`${flagName(name)} <value>`, `${definitions[name].help} (${environmentName(name)})`)),
  ]
  for (const option of settings) command.addOption(option.helpGroup(settingsHeading))
  return command
}

function settingFlags(flags: Flags): Partial<Record<SettingName, string>> {
  const given = (Object.keys(definitions) as SettingName[]).flatMap((name) => {
    const value = flags[name === 'format' ? 'output' : name.replaceAll(/_([a-z])/g, (_match, next: string) => next.toUpperCase())]
    return typeof value === 'string' ? [[name, value]] : []
  })
  return { ...Object.fromEntries(given), ...(flags['unpinned'] === true ? { pin: 'unpinned' } : {}) }
}

function formatOf({ format }: Settings): Format | undefined {
  if (format === undefined) return undefined
  const found = formats.find((each) => each === format.value)
  if (found === undefined) throw new LocalFailure(`There is no format ${format.value}`, `${format.origin} names it`, `Use ${formats.join(', ')}.`)
  return found
}

const wordsOf = (command: Command, before = ''): { path: string; flags: string[] }[] =>
  command.commands.flatMap((each) => {
    const path = `${before}${each.name()}`
    return [{ path, flags: each.options.flatMap((option) => (option.long == null ? [] : [option.long])) }, ...wordsOf(each, `${path} `)]
  })
