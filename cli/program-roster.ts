import type { Command } from 'commander'
import { secondsOf } from './connect.ts'
import { LocalFailure } from './failure.ts'
import { arrayOf, collect, listOf, stringOf, type Flags } from './flags.ts'
import type { Io } from './io.ts'
import type { Add } from './add-command.ts'
import type { Made } from './roster-propose.ts'

/* `symbolon roster …` and `symbolon service …`: who exists. */

type Make = (args: readonly string[], flags: Flags) => Promise<(...given: Parameters<Parameters<typeof import('./roster-propose.ts').propose>[0]>) => Made>

export function addRosterCommands(program: Command, add: Add, io: Io): void {
  const roster = program.command('roster').description('Look at who exists, and propose changes.')
  add(roster, 'show', 'Show people, services, issuers and trusts.', 'symbolon roster show', async (_flags, settings) => (await import('./roster-show.ts')).rosterShow(settings, io))
  add(roster, 'status', 'Show which version is in force where, what is pending, and who is stopped.', 'symbolon roster status', async (_flags, settings) => (await import('./roster-show.ts')).rosterStatus(settings, io))
  add(roster, 'log', 'Show every version: who proposed it, who approved.', 'symbolon roster log', async (_flags, settings) => (await import('./roster-show.ts')).rosterLog(settings, io))
  add(roster, 'diff [change]', 'Show what a pending change, or a file, would change. Put -- before a digest that begins with a hyphen.', 'symbolon roster diff', async (flags, settings, [change]) => (await import('./roster-diff.ts')).rosterDiff({ change: change === '' ? undefined : change, file: stringOf(flags['file']) }, settings, io)).option('--file <file>', 'a whole next roster, JSON or YAML')
  add(roster, 'bootstrap', 'Make the first guardian’s code; after the ceremony, print its link.', 'symbolon roster bootstrap', async (flags, settings) =>
    (await import('./roster-bootstrap.ts')).rosterBootstrap({ seedFile: stringOf(flags['seedFile']), lifetime: secondsOf(stringOf(flags['valid']) ?? '24h', '--valid') }, settings, io))
    .option('--seed-file <file>', 'where the seed lies, or is to lie')
    .option('--valid <duration>', 'how long the link is good for', '24h')
  addProposals(roster, add, io)

  const service = program.command('service').description('What a service does to its own row.')
  add(service, 'rotate-key', 'Give a service another key, signed by the one that it has.', 'symbolon service rotate-key --new-key-file new.pem --new-key-id worker-2', async (flags, settings) => {
    const { rotateFlags, rotateKey } = await import('./service-rotate.ts')
    return rotateKey(rotateFlags.parse(flags), settings, io)
  })
    .requiredOption('--new-key-file <file>', 'the new private key; made if it does not exist')
    .requiredOption('--new-key-id <id>', 'its id in the roster')
    .option('--dry-run', 'say what would change')
}

function addProposals(roster: Command, add: Add, io: Io): void {
  const change = (parent: Command, name: string, summary: string, example: string, make: Make): Command =>
    add(parent, name, summary, example, async (flags, settings, args) => {
      const { propose } = await import('./roster-propose.ts')
      return propose(await make(args, flags), { dryRun: flags['dryRun'] === true, browser: flags['browser'] !== false, out: stringOf(flags['out']) }, settings, io)
    })
      .option('--out <file>', 'where to write the proposal')
      .option('--dry-run', 'show what would change, and write nothing')
      .option('--no-browser', 'open none: print the address')

  // `--file` here, and the flags of the subcommands there.
  const parent = change(roster, 'propose', 'Write a next version, show what it changes, and lead to the console for the touch.', 'symbolon roster propose invite bob --name "Bob" --role engineer', async (_args, flags) => {
    const file = stringOf(flags['file'])
    if (file === undefined) throw new LocalFailure('Nothing is proposed', 'neither a subcommand nor --file is given', 'See `symbolon roster propose --help`.')
    const { wholeOf } = await import('./roster-diff.ts')
    return () => ({ edits: [wholeOf(file)] })
  }).option('--file <file>', 'a whole next roster, JSON or YAML')
  parent.enablePositionalOptions()

  const edits = () => import('./roster-edits.ts')
  change(parent, 'invite <id>', 'Let a person in by a link.', 'symbolon roster propose invite bob --name "Bob" --role engineer', async ([id = ''], flags) => {
    const { inviteMade } = await edits()
    const wanted = { name: stringOf(flags['name']) ?? id, roles: listOf(flags['role']), groups: listOf(flags['group']), approver: flags['approver'] === true, lifetime: secondsOf(stringOf(flags['valid']) ?? '3d', '--valid'), now: io.now() }
    return (read, console) => inviteMade(id, wanted, read, console)
  })
    .option('--name <name>', 'how people call them; default: the id')
    .option('--role <role>', 'may be repeated', collect, [])
    .option('--group <group>', 'may be repeated', collect, [])
    .option('--approver', 'their passkey may approve')
    .option('--valid <duration>', 'how long the link is good for', '3d')
  change(parent, 'remove <id>', 'Remove a person or a service.', 'symbolon roster propose remove bob', async ([id = ''], flags) => {
    const { removeMade } = await edits()
    return (read) => removeMade(id, stringOf(flags['count']), read)
  }).option('--count <n>', 'how many guardians must approve afterwards, if one is removed')
  change(parent, 'role <id>', 'Give or take roles.', 'symbolon roster propose role bob --add releaser', async ([id = ''], flags) => {
    const { rolesMade } = await edits()
    return (read) => rolesMade(id, { add: listOf(flags['add']), remove: listOf(flags['remove']) }, read)
  })
    .option('--add <role>', 'may be repeated', collect, [])
    .option('--remove <role>', 'may be repeated', collect, [])
  change(parent, 'policy', 'Release a policy bundle.', 'symbolon roster propose policy --bundle policy/bundle', async (_args, flags) => {
    const { policyMade } = await edits()
    return () => policyMade(stringOf(flags['bundle']) ?? '')
  }).requiredOption('--bundle <folder>', 'with policy.wasm and data.json')

  const service = parent.command('service').description('Services.')
  change(service, 'add <id>', 'Add a service with its first key.', 'symbolon roster propose service add worker --role engineer --public-key worker.pub --public-key-id worker-1', async ([id = ''], flags) => {
    const { serviceMade } = await edits()
    const wanted = { name: stringOf(flags['name']) ?? id, roles: listOf(flags['role']), owner: stringOf(flags['owner']), keyFile: stringOf(flags['publicKey']) ?? '', keyId: stringOf(flags['publicKeyId']) ?? id }
    return () => serviceMade(id, wanted)
  })
    .requiredOption('--public-key <file>', 'PEM or JWK of its public key')
    .option('--public-key-id <id>', 'the key’s id; default: the service’s')
    .option('--name <name>', 'default: the id')
    .option('--role <role>', 'may be repeated', collect, [])
    .option('--owner <id>', 'who answers for it')
  for (const [name, what] of [['issuer', 'An issuer of ID tokens'], ['trust', 'What makes an ID token somebody']] as const) {
    change(parent.command(name).description(`${what}.`), 'add', `Add it, or change the one with its id.`, `symbolon roster propose ${name} add --file ${name}.yaml`, async (_args, flags) => {
      const { issuerMade, trustMade } = await edits()
      return () => (name === 'issuer' ? issuerMade : trustMade)(arrayOf([flags['file']])[0] ?? '')
    }).requiredOption('--file <file>', 'the row, JSON or YAML')
  }
}
