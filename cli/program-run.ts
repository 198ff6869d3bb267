import type { Command } from 'commander'
import { collect } from './flags.ts'
import type { Io } from './io.ts'
import type { Add } from './add-command.ts'
import type { OpenSecrets } from './secrets.ts'

export function addRunCommand(program: Command, add: Add, io: Io, open: OpenSecrets): void {
  add(program, 'run [command...]', 'Run a command with the secrets that are named, and nothing else changed.', 'symbolon run --env DB_PASSWORD=app/db#password -- ./server', async (flags, settings, command) => {
    const { run, runFlags } = await import('./run.ts')
    return run(command.filter((word, at) => at > 0 || word !== ''), runFlags.parse(flags), settings, io, open)
  })
    .passThroughOptions()
    .option('-e, --env <NAME=path#key>', 'a variable; may be repeated', collect, [])
    .option('--secret <path>', 'all keys of a secret, as variables; may be repeated', collect, [])
    .option('--prefix <text>', 'before the names that --secret makes', '')
    .option('--mount <path#key=/file>', 'a file, for the time that the command runs; may be repeated', collect, [])
    .option('--file-env <NAME=path#key>', 'a file of ours, and a variable that names it; may be repeated', collect, [])
    .option('--reads <number>', 'each file can be read so many times')
    .option('--no-project', 'leave out what .symbolon.yaml names under `run:`')
    .option('--no-inherit-env', 'give it none of the variables that are here')
    .option('--mask', 'take the secrets out of what it writes')
    .option('--refresh <duration>', 'read them again that often')
    .option('--on-change <what>', 'a signal to send when one changed, like SIGHUP, or `restart`')
    .option('--dry-run', 'say which secrets it would get, and read none')
}
