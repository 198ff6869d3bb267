import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { parsePath } from '@symbolon/protocol/label.ts'
import type { SecretValue } from '@symbolon/protocol/secret.ts'
import { processIo } from '@symbolon/cli/io.ts'
import { runCommand } from '@symbolon/cli/program.ts'
import { memorySecrets } from '@symbolon/cli/secrets.testkit.ts'

/* The command line as a process of its own, over a vault that is a file: `memory-cli.ts FILE args…`. The file is read at each opening. */

export async function secretsIn(file: string) {
  const vault = memorySecrets()
  for (const [text, value] of Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, SecretValue>)) {
    const path = parsePath(text)
    if (path !== undefined) await vault.secrets.write(path, value, {})
  }
  return vault
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [file = '', ...args] = process.argv.slice(2)
  process.on('SIGINT', () => process.exit(130))
  process.exitCode = await runCommand(args, processIo(), { openSecrets: async (settings, io, act) => (await secretsIn(file)).openSecrets(settings, io, act) })
}
