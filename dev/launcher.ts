import { rmSync } from 'node:fs'
import { removePidFile, writePidFile } from '@symbolon/runtime/pid-file.ts'
import { openAuthority, type Authority } from './ca.ts'
import { openDeployment, type Deployment } from './deployment.ts'
import { openHome, type Home } from './home.ts'
import { lastWords } from './last-words.ts'
import { startNode } from './node-process.ts'
import { nodeUnit } from './node-unit.ts'
import { postgresUrl } from './postgres.ts'
import { postgresUnit } from './postgres-unit.ts'
import type { PreparationTools } from './row.ts'
import { liveLauncher, writeState } from './state.ts'
import { Supervisor } from './supervisor.ts'
import { mintingUnit, preparations, rowsOf } from './table.ts'

/*
 * The process behind `make up`: parent of all that it starts, for as long as that runs. It plays every operator of the deployment:
 * it writes each signer's plan and config, and could read each signer's share. That is what makes it a development tool.
 */

const lookMs = 1_000
const lookCloselyEvery = 5

/** Runs until SIGTERM. SIGUSR2 asks it to start what is missing. Exits 1 if it cannot begin. */
export async function launch(path: string): Promise<void> {
  const opened = openHome(path)
  if (!opened.ok) return giveUp([opened.message])
  const { home } = opened
  const other = liveLauncher(home)
  if (other !== undefined) return giveUp([`a launcher already runs as process ${other}`])
  const found = await openDeployment(home, process.env)
  if (!found.ok) return giveUp(found.problems)
  const launcher = new Launcher(found.deployment)
  // Before the pid file: whoever reads that may send a signal at once.
  process.on('SIGUSR2', () => void launcher.startMissing())
  process.on('SIGTERM', () => void launcher.end())
  process.on('SIGINT', () => void launcher.end())
  writePidFile(home.pidFile('launcher'))
  await launcher.startMissing()
  await launcher.watch()
}

function giveUp(problems: readonly string[]): void {
  process.stderr.write(`${problems.join('\n')}\n`)
  process.exitCode = 1
}

class Launcher {
  readonly #deployment: Deployment
  readonly #home: Home
  readonly #notes = new Map<string, string>()
  #supervisor: Supervisor | undefined
  #attempt = 0
  #settled = false
  #work: Promise<void> = Promise.resolve()
  readonly #ending = new AbortController()

  constructor(deployment: Deployment) {
    this.#deployment = deployment
    this.#home = deployment.home
  }

  /** One attempt after the other: two at once would both find the same thing missing. */
  startMissing(): Promise<void> {
    this.#work = this.#work.then(() => this.#attemptAll())
    return this.#work
  }

  async #attemptAll(): Promise<void> {
    this.#attempt += 1
    this.#settled = false
    this.#notes.clear()
    this.#supervisor ??= await this.#supervise()
    const [isPrepared] = await Promise.all([this.#prepare(), this.#supervisor.startMissing(['postgres'])])
    // Without its keys a process could only refuse to start, and its refusal would hide what really went wrong.
    if (isPrepared) await this.#supervisor.startMissing()
    this.#settled = true
    this.#report()
  }

  async watch(): Promise<void> {
    for (let round = 1; !this.#ending.signal.aborted; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, lookMs))
      // Asking every process is a handshake each: too much for every second beside somebody's load test.
      if (this.#settled) await this.#supervisor?.look(round % lookCloselyEvery === 0)
    }
  }

  async end(): Promise<void> {
    if (this.#ending.signal.aborted) return
    this.#ending.abort()
    await this.#supervisor?.stopAll()
    rmSync(this.#home.state, { force: true })
    removePidFile(this.#home.pidFile('launcher'))
    process.exit(0)
  }

  async #supervise(): Promise<Supervisor> {
    const authority = await openAuthority(this.#home.folder('ca'))
    const rows = rowsOf(this.#deployment)
    const nodes = await Promise.all(rows.map((row) => nodeUnit({ row, deployment: this.#deployment, authority, databaseOf: (role) => this.#databaseOf(role) })))
    const postgres = this.#deployment.databaseUrl === undefined ? [postgresUnit(this.#home, ['api', 'coordinator', ...(this.#deployment.vaultUrl === undefined ? [] : ['vault'])])] : []
    // A database of the user's own is no unit of the launcher's: nobody waits for it.
    const units = postgres.length > 0 ? nodes : nodes.map((unit) => ({ ...unit, needs: unit.needs.filter((name) => name !== 'postgres') }))
    return new Supervisor([...postgres, ...units], () => this.#report())
  }

  #databaseOf(role: string): Readonly<Record<string, unknown>> {
    const { databaseUrl, databasePassword } = this.#deployment
    return { url: databaseUrl ?? postgresUrl(this.#home.path, role), schema: role, ...(databasePassword === undefined ? {} : { password: databasePassword }) }
  }

  /** Whether everything that processes stand on is there. */
  async #prepare(): Promise<boolean> {
    const authority = await openAuthority(this.#home.folder('ca'))
    for (const preparation of preparations) {
      if (preparation.isDone(this.#deployment)) continue
      this.#note(preparation.name, `${preparation.name} …`)
      const done = await preparation.run(this.#tools(preparation.name, authority))
      this.#note(preparation.name, done.ok ? `${preparation.name}: done` : `${preparation.name} failed: ${done.message}`)
      if (!done.ok) return false
    }
    return true
  }

  #tools(name: string, authority: Authority): PreparationTools {
    return {
      deployment: this.#deployment,
      certificate: (commonName, uri) => authority.ensure(this.#home.folder(commonName), { commonName, uri }),
      say: (line) => this.#note(name, `${name}: ${line}`),
      run: ({ program, command, config, log }) => {
        const { promise, resolve, reject } = Promise.withResolvers<{ code: number; lastWords: string }>()
        const child = startNode({ program, command, config, log: this.#home.log(log) })
        const cut = () => child.kill('SIGTERM')
        this.#ending.signal.addEventListener('abort', cut, { once: true })
        child.once('error', reject)
        child.once('exit', (code) => {
          this.#ending.signal.removeEventListener('abort', cut)
          resolve({ code: code ?? -1, lastWords: lastWords(this.#home.log(log)) })
        })
        return promise
      },
    }
  }

  #note(name: string, line: string): void {
    this.#notes.set(name, line)
    this.#report()
  }

  #report(): void {
    if (this.#ending.signal.aborted) return
    const { issuer, settings } = this.#deployment
    writeState(this.#home, {
      launcher: process.pid,
      attempt: this.#attempt,
      settled: this.#settled,
      minting: this.#supervisor?.isReady(mintingUnit) === true,
      issuer,
      threshold: `${settings.FROST_T}-of-${settings.FROST_N}`,
      notes: [...this.#notes.values()],
      units: this.#supervisor?.reports ?? [],
    })
  }
}
