import { exitCodes } from './failure.ts'
import { processIo } from './io.ts'
import { runCommand } from './program.ts'

process.on('SIGINT', () => process.exit(exitCodes.interrupted))
// A reader that closed early (`symbolon status | head -1`) is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? exitCodes.ok : exitCodes.local))

process.exitCode = await runCommand(process.argv.slice(2), processIo())
