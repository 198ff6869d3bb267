import type { Command } from 'commander'
import { collect } from './flags.ts'
import type { Io } from './io.ts'
import type { Add } from './add-command.ts'
import { pathOf } from './secret-path.ts'
import type { OpenSecrets } from './secrets.ts'

export function addSshCommands(program: Command, add: Add, io: Io, open: OpenSecrets): void {
  const ssh = program.command('ssh').description('SSH keys, with what is needed to use them.')
  add(ssh, 'add <path>', 'Put a key into the SSH agent, and its settings where ssh finds them: then `ssh <host>` works.', 'symbolon ssh add app/ssh/bastion', async (flags, settings, [path = '']) => {
    const { addFlags, sshAdd } = await import('./ssh.ts')
    return open(settings, io, (secrets) => sshAdd(secrets, pathOf(path), addFlags.parse(flags), io))
  })
    .option('-t, --lifetime <duration>', 'how long the agent keeps it; 0: as long as it runs', '8h')
    .option('--confirm', 'the agent asks before each use')
    .option('--print', 'show the settings, and change nothing')
    .option('--no-include', 'leave ~/.ssh/config as it is')
    .option('--dry-run', 'the same as --print')
  add(ssh, 'remove <path>', 'Take a key out of the agent, and its settings away from here. The secret stays.', 'symbolon ssh remove app/ssh/bastion', async (_flags, _settings, [path = '']) => (await import('./ssh.ts')).sshRemove(pathOf(path), io))
  add(ssh, 'put <path>', 'Store a private key with its settings.', 'symbolon ssh put app/ssh/bastion --key ~/.ssh/id_ed25519 --host-name bastion.example --user deploy', async (flags, settings, [path = '']) => {
    const { putFlags, sshPut } = await import('./ssh.ts')
    return open(settings, io, (secrets) => sshPut(secrets, pathOf(path), putFlags.parse(flags), io))
  })
    .requiredOption('--key <file>', 'the private key; a .pub beside it is taken along')
    .option('--passphrase-file <file>', 'its passphrase; - is stdin')
    .option('--host <name>', 'what to write behind `ssh`; default: the host’s name')
    .option('--host-name <name>', 'where it is')
    .option('--user <name>', 'as whom')
    .option('--port <number>', 'its port')
    .option('--proxy-jump <host>', 'through which host')
    .option('--known-hosts <file>', 'lines of known_hosts for it: no other host key is taken then')
    .option('--option <name=value>', 'another option of ssh_config that runs nothing; may be repeated', collect, [])
    .option('--dry-run', 'say what would be done, and do nothing')
}
