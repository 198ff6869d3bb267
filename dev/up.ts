import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { deploymentProblems } from './deployment.ts'
import { mintFirst, unlockCommand, unlockFirst } from './first-token.ts'
import { settledLines, statusLines, summaryLines } from './display.ts'
import { checkout, homePath, openHome, type Home } from './home.ts'
import { launcherArguments, liveLauncher, readState, type LauncherState } from './state.ts'
import { hasEnded } from './supervisor.ts'
import { wayIn } from './way-in.ts'

const followMs = 150

/** `make up`: makes sure that a launcher runs, has it start what is missing, and shows how it goes. Gives the exit code. */
export async function up({ detach }: { readonly detach: boolean }): Promise<number> {
  const opened = openHome(homePath(process.env))
  if (!opened.ok) return complain(opened.message)
  const { home } = opened
  const problems = deploymentProblems(home, process.env)
  if (problems.length > 0) return complain(problems.join('\n'))
  const screen = new Screen(process.stderr)
  const running = liveLauncher(home)
  const attempt = running === undefined ? 1 : (readState(home)?.attempt ?? 0) + 1
  const pid = running ?? startLauncher(home)
  if (running !== undefined) process.kill(running, 'SIGUSR2')
  const state = await untilSettled({ home, pid, attempt, screen })
  if (state === undefined) {
    // Another `make up` was first by a moment: its launcher is the one.
    if (running === undefined && liveLauncher(home) !== undefined) return up({ detach })
    return complain(`the launcher ended:\n${tail(home.log('launcher'))}`)
  }
  screen.end(summaryLines(state, home))
  const code = state.minting ? await showFirsts(home, state) : 1
  const lines = state.minting ? await wayIn(home, state.issuer) : []
  if (lines.length > 0) process.stderr.write(`${lines.join('\n')}\n`)
  if (detach || running !== undefined) {
    if (!detach) process.stderr.write(`The launcher that runs already (process ${running}) started what was missing; \`make down\` stops it.\n`)
    return code
  }
  process.stderr.write('Ctrl-C stops everything. `make up DETACH=1` would have left it running.\n')
  return follow(home, pid, screen)
}

/** The token alone goes to stdout, the talk to stderr: the secret stands for nothing but that it can be opened. */
async function showFirsts(home: Home, { issuer, units }: LauncherState): Promise<number> {
  const vault = units.some(({ name }) => name === 'vault')
  const minted = await mintFirst(home, issuer, vault)
  if (!minted.ok) return complain(`A quorum is ready, but no token came:\n${minted.message}`)
  const { token, command, opensSecrets } = minted.value
  process.stderr.write(`A first token, by the development key; the same works in another terminal:\n  ${command}\n`)
  process.stdout.write(`${token}\n`)
  if (!opensSecrets) return tell(vault ? noSecrets : noVault)
  const opened = await unlockFirst(home, token)
  if (!opened.ok && /policy_denied|scope_not_allowed/.test(opened.message)) return tell(`${noSecrets}\n${opened.message}`)
  if (!opened.ok) return complain(`The token was minted, but it unlocked no secret:\n${opened.message}`)
  process.stderr.write(`A first secret, unlocked by it:\n  ${unlockCommand(home)}\n`)
  process.stderr.write(`  → ${opened.value}\n`)
  return tell(namespaces.join('\n'))
}

const noVault = 'No secrets here: this deployment was made before there was a vault. Tokens work as before. For secrets begin anew, with new keys and new people: make reset, then make up.'
const noSecrets = 'No first secret: the policy gives the development key none. What a role may do with secrets stands in `secrets` of the policy’s data: policy/README.md.'

/** The two namespaces of a development deployment. */
const namespaces = [
  'Keep your own: ./symbolon kv put app/db password=…, then ./symbolon kv get app/db. Two namespaces stand ready:',
  '  app/     only readers can open what is in it: no api, vault, coordinator or database ever sees a value',
  '  secret/  for clients of KV v2 (OpenBao, Vault) that do nothing but HTTP: the vault process opens it for them, so whoever owns that process can read it',
]

function tell(message: string): number {
  process.stderr.write(`${message}\n`)
  return 0
}

function complain(message: string): number {
  process.stderr.write(`${message}\n`)
  return 1
}

function startLauncher(home: Home): number {
  const log = openSync(home.log('launcher'), 'a', 0o600)
  const child = spawn(process.execPath, [join(checkout, 'dev/main.ts'), ...launcherArguments(home)], { cwd: checkout, detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  child.unref()
  if (child.pid === undefined) throw new TypeError('a process that was spawned has an id')
  return child.pid
}

type Waiting = { readonly home: Home; readonly pid: number; readonly attempt: number; readonly screen: Screen }

/** Shows the state until the attempt has settled; undefined if the launcher ended before. */
async function untilSettled({ home, pid, attempt, screen }: Waiting): Promise<LauncherState | undefined> {
  for (;;) {
    const state = readState(home)
    if (state !== undefined && state.launcher === pid && state.attempt >= attempt) {
      screen.show(state)
      if (state.settled) return state
    }
    if (await hasEnded(pid, 0)) return undefined
    await sleep(followMs)
  }
}

/** Shows the state until the user ends it, or the launcher ends. */
async function follow(home: Home, pid: number, screen: Screen): Promise<number> {
  const asked = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => asked.abort())
  while (!asked.signal.aborted) {
    const state = readState(home)
    if (state !== undefined) screen.show(state)
    if (await hasEnded(pid, 0)) return complain('the launcher ended')
    await sleep(followMs, undefined, { signal: asked.signal }).catch(() => undefined)
  }
  screen.end(['stopping …'])
  process.kill(pid, 'SIGTERM')
  if (await hasEnded(pid, 120_000)) {
    screen.end([`stopped; keys and data stay in ${home.path}`])
    return 0
  }
  return complain(`the launcher (process ${pid}) does not end`)
}

const tail = (path: string): string => readFileSync(path, 'utf8').trimEnd().split('\n').slice(-10).join('\n')

/** Draws lines in place on a terminal; elsewhere prints each line when it changes. */
class Screen {
  readonly #out: NodeJS.WriteStream
  #drawn: readonly string[] = []

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
  }

  show(state: LauncherState): void {
    const lines = this.#out.isTTY ? statusLines(state) : settledLines(state)
    if (lines.join('\n') === this.#drawn.join('\n')) return
    if (this.#out.isTTY) {
      const up = this.#drawn.length === 0 ? '' : `\x1b[${this.#drawn.length}A\x1b[J`
      this.#out.write(`${up}${lines.map((line) => `${line.slice(0, (this.#out.columns || 200) - 1)}\n`).join('')}`)
    } else {
      for (const line of lines) if (!this.#drawn.includes(line)) this.#out.write(`${line}\n`)
    }
    this.#drawn = lines
  }

  /** Leaves what is drawn, and goes on below it. */
  end(lines: readonly string[]): void {
    this.#out.write(`${lines.join('\n')}\n`)
    this.#drawn = []
  }
}
