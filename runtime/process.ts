import { parseArgs } from 'node:util'
import { z } from 'zod'
import { absolutePath, loadConfig, printProblems } from './config.ts'
import { SafeError, logLevels, openLog, type Logger } from './log.ts'
import { openMetrics, type Metrics } from './metrics.ts'
import { liveProcess, removePidFile, writePidFile } from './pid-file.ts'

/** How a process ends. 78 is EX_CONFIG, 64 EX_USAGE of sysexits.h. */
export const exitCodes = { done: 0, refused: 1, usage: 64, bug: 70, drainedTooSlowly: 75, config: 78, cutOff: 130 } as const

/** The settings that every process has; spread into the strict object of its `config.ts`. */
export const processFields = {
  name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/).describe('What this process is called in logs, metrics and its pid file: `signer-1`.'),
  pid_file: absolutePath().describe('Where the process id is written while the process runs. Its folder must exist.'),
  log_level: z.enum(logLevels).default('info').describe('Least level that is logged.'),
  drain_seconds: z.int().min(1).max(300).default(10).describe('How long requests in flight may take after SIGTERM before they are cut off.'),
}
type ProcessConfig = { name: string; pid_file: string; log_level: (typeof logLevels)[number]; drain_seconds: number }

/** What a process's `start` is given. */
export type Context<C> = {
  readonly config: Readonly<C>
  /** The word before `--config`, one of the declared commands; `run` if there are none. */
  readonly command: string
  readonly log: Logger
  readonly metrics: Metrics
}

/** What `start` answers: it runs and can be stopped; it is done (a command that ends); or it refuses to start, and why. */
export type Started =
  | { readonly state: 'running'; stop(deadline: AbortSignal): Promise<void> }
  | { readonly state: 'done' }
  | { readonly state: 'refused'; readonly code: string; readonly message: string }

export type RefusalClass = abstract new (...given: never[]) => Error & { readonly code: string }

export type ProcessOptions<S extends z.ZodObject> = {
  readonly config: S
  readonly commands?: readonly string[]
  /** Errors of libraries that mean "this machine is not fit", with messages that quote no input: `start` refuses by throwing one. */
  readonly refusals?: readonly RefusalClass[]
  start(context: Context<z.output<S>>): Promise<Started>
}

/**
 * What every `main.ts` does: check the Node version, load the config (all problems at once, exit 78, before anything listens),
 * write the pid file, start, and on SIGTERM or SIGINT stop accepting, drain within `drain_seconds`, remove the pid file, exit.
 * An exception that nobody caught ends the process: its state is unknown from there on.
 */
export async function runProcess<S extends z.ZodObject<typeof processFields>>(options: ProcessOptions<S>): Promise<void> {
  requireNode24()
  const { path, command } = readArguments(options.commands)
  const loaded = loadConfig(options.config, path)
  if (!loaded.ok) return leave(exitCodes.config, printProblems(path, loaded.problems))
  const config: Readonly<ProcessConfig> = loaded.config
  const log = openLog({ process: config.name, level: config.log_level })
  dieOnBugs(log, config.pid_file)
  refuseDebugger(log)
  const other = liveProcess(config.pid_file, path)
  if (other !== undefined) return leave(exitCodes.refused, `${config.name}: already_running: process ${other} runs with this very config`)
  const signals = hearSignals(config.pid_file)
  writePidFile(config.pid_file)

  const started = await startOrRefuse(options.refusals, () => options.start({ config: loaded.config, command, log, metrics: openMetrics({ process: config.name }) }))
  if (started.state === 'running') return stopOnSignal({ config, log, signalled: signals.hold(), stop: (deadline) => started.stop(deadline) })
  removePidFile(config.pid_file)
  if (started.state === 'done') return leave(exitCodes.done)
  log.error({ code: started.code }, started.message)
  return leave(exitCodes.refused, `${config.name}: ${started.code}: ${started.message}`)
}

function requireNode24(): void {
  if (process.versions.node.split('.')[0] === '24') return
  leave(exitCodes.config, `node_version: this code runs on Node 24, not on ${process.version}`)
}

function readArguments(commands: readonly string[] = []): { path: string; command: string } {
  const usage = `usage: ${process.argv[1] ?? 'main.ts'} ${commands.length === 0 ? '' : `${commands.join('|')} `}--config FILE`
  try {
    const { values, positionals } = parseArgs({ options: { config: { type: 'string' } }, allowPositionals: commands.length > 0 })
    const [command, ...more] = commands.length === 0 ? ['run'] : positionals
    if (values.config !== undefined && command !== undefined && more.length === 0 && (commands.length === 0 || commands.includes(command))) return { path: values.config, command }
  } catch (error) {
    // parseArgs throws on an unknown option: the usage line says all there is to say.
    if (!(error instanceof TypeError)) throw error
  }
  return leave(exitCodes.usage, usage)
}

// A helper deep inside `start` (a port in use, a store that is lost) may refuse by SafeError; any other exception is a bug.
async function startOrRefuse(refusals: readonly RefusalClass[] | undefined, start: () => Promise<Started>): Promise<Started> {
  try {
    return await start()
  } catch (error) {
    const refusal = [SafeError, ...(refusals ?? [])].find((each) => error instanceof each)
    if (refusal !== undefined && error instanceof refusal) return { state: 'refused', code: error.code, message: error.message }
    throw error
  }
}

function dieOnBugs(log: Logger, pidFile: string): void {
  const die = (what: string) => (error: unknown) => {
    log.fatal({ err: error }, what)
    removePidFile(pidFile)
    process.exit(exitCodes.bug)
  }
  process.on('uncaughtException', die('uncaught exception'))
  process.on('unhandledRejection', die('unhandled rejection'))
}

/** Node's own answer to this signal is a debugger that any user of the machine can reach, and with it all that this process holds. */
function refuseDebugger(log: Logger): void {
  process.on('SIGUSR1', () => log.warn({ signal: 'SIGUSR1' }, 'signal ignored'))
}

/**
 * Until `hold`, a signal ends the process at once: starting can be cut off anywhere, as a crash would. From then on the first one
 * is for whoever drains, and a second one ends it without waiting.
 */
function hearSignals(pidFile: string): { hold(): Promise<NodeJS.Signals> } {
  const first = Promise.withResolvers<NodeJS.Signals>()
  let mayEnd = true
  const hear = (signal: NodeJS.Signals) => {
    first.resolve(signal)
    if (mayEnd) {
      removePidFile(pidFile)
      process.exit(exitCodes.cutOff)
    }
    mayEnd = true
  }
  process.on('SIGTERM', hear)
  process.on('SIGINT', hear)
  return {
    hold: () => {
      mayEnd = false
      return first.promise
    },
  }
}

type Stopping = { readonly config: Readonly<ProcessConfig>; readonly log: Logger; readonly signalled: Promise<NodeJS.Signals>; stop(deadline: AbortSignal): Promise<void> }

function stopOnSignal({ config, log, signalled, stop }: Stopping): void {
  const end = async () => {
    log.info({ signal: await signalled }, 'stopping')
    const deadline = AbortSignal.timeout(config.drain_seconds * 1000)
    const cut = new Promise<'cut'>((resolve) => deadline.addEventListener('abort', () => resolve('cut')))
    const outcome = await Promise.race([stop(deadline).then(() => 'drained' as const), cut])
    log.info({ outcome }, 'stopped')
    removePidFile(config.pid_file)
    process.exit(outcome === 'drained' ? exitCodes.done : exitCodes.drainedTooSlowly)
  }
  // A failure here reaches the handler of unhandled rejections, which ends the process.
  void end()
}

function leave(code: number, line?: string): never {
  if (line !== undefined) process.stderr.write(`${line}\n`)
  process.exit(code)
}
