import { setTimeout as sleep } from 'node:timers/promises'
import { commandOf } from '@symbolon/runtime/pid-file.ts'
import type { Unit, UnitReport, UnitState } from './unit.ts'

const readyMs = 30_000
const stopMs = 20_000

type Entry = { readonly unit: Unit; state: UnitState; pid: number | undefined; detail: string }

/**
 * Starts units, watches them, stops them. It starts only when it is asked to, and then exactly what is missing: what died stays
 * dead until then, because a restart would hide that it died.
 */
export class Supervisor {
  readonly #entries: readonly Entry[]
  readonly #changed: () => void
  #stopping = false

  constructor(units: readonly Unit[], changed: () => void) {
    this.#entries = units.map((unit) => ({ unit, state: 'waiting', pid: undefined, detail: '' }))
    this.#changed = changed
  }

  get reports(): readonly UnitReport[] {
    return this.#entries.map(({ unit, state, pid, detail }) => ({ name: unit.name, state, pid: pid ?? null, address: unit.address, detail }))
  }

  isReady(name: string): boolean {
    return this.#entries.some((entry) => entry.unit.name === name && entry.state === 'ready')
  }

  /** Starts what does not run (of those named, or of all), each after what it needs, all else at once. Returns when nothing is still starting. */
  async startMissing(names?: readonly string[]): Promise<void> {
    const begun = new Map<string, Promise<boolean>>()
    const bring = (entry: Entry): Promise<boolean> => {
      const known = begun.get(entry.unit.name)
      if (known !== undefined) return known
      const fresh = this.#bring(entry, (name) => {
        const needed = this.#entries.find((other) => other.unit.name === name)
        return needed === undefined ? Promise.resolve(false) : bring(needed)
      })
      begun.set(entry.unit.name, fresh)
      return fresh
    }
    await Promise.all(this.#entries.filter(({ unit }) => names === undefined || names.includes(unit.name)).map(bring))
  }

  /** Looks at everything once: whether it still runs, which is cheap, and `closely` also whether it is still of use. */
  async look(closely: boolean): Promise<void> {
    const running = this.#entries.filter(({ pid }) => pid !== undefined)
    // A process that an earlier launcher started tells nobody here that it died.
    for (const entry of running) if (entry.pid !== undefined && commandOf(entry.pid) === undefined) this.#died(entry, 'ended')
    if (closely) await Promise.all(running.map((entry) => this.#recheck(entry)))
  }

  /** Stops all, the last first, so that nobody is asked for what is already gone. */
  async stopAll(): Promise<void> {
    this.#stopping = true
    for (const entry of [...this.#entries].reverse()) await this.#stop(entry)
  }

  #set(entry: Entry, state: UnitState, detail = ''): void {
    if (entry.state === state && entry.detail === detail) return
    entry.state = state
    entry.detail = detail
    this.#changed()
  }

  async #bring(entry: Entry, need: (name: string) => Promise<boolean>): Promise<boolean> {
    const { unit } = entry
    const before = entry.pid
    entry.pid = await unit.find()
    if (entry.state === 'ready' && entry.pid === before && (await unit.check()).ready) return true
    if (entry.pid !== undefined) return this.#untilReady(entry)
    const missing: string[] = []
    for (const name of unit.needs) if (!(await need(name))) missing.push(name)
    if (missing.length > 0) {
      this.#set(entry, 'waiting', `needs ${missing.join(', ')}`)
      return false
    }
    this.#set(entry, 'starting')
    const started = await unit.start()
    if (!started.ok) {
      this.#set(entry, 'failed', started.message)
      return false
    }
    const { child } = started
    entry.pid = child.pid
    child.once('exit', (code, signal) => this.#died(entry, signal ?? `exit ${code}`))
    return this.#untilReady(entry)
  }

  async #untilReady(entry: Entry): Promise<boolean> {
    this.#set(entry, 'starting')
    for (const deadline = Date.now() + readyMs; Date.now() < deadline && entry.state === 'starting' && !this.#stopping; await sleep(50)) {
      const { ready, detail } = await entry.unit.check()
      if (entry.pid !== undefined && commandOf(entry.pid) === undefined) this.#died(entry, 'ended')
      if (entry.pid === undefined) return false
      if (ready) {
        this.#set(entry, 'ready', detail)
        return true
      }
      entry.detail = detail
    }
    if (entry.state === 'starting') this.#set(entry, 'unready', entry.detail)
    return false
  }

  async #recheck(entry: Entry): Promise<void> {
    const { ready, detail } = await entry.unit.check()
    if (entry.pid !== undefined && (entry.state === 'ready' || entry.state === 'unready')) this.#set(entry, ready ? 'ready' : 'unready', detail)
  }

  #died(entry: Entry, how: string): void {
    entry.pid = undefined
    entry.unit.gone()
    if (this.#stopping) return this.#set(entry, 'stopped')
    // Seen in /proc and heard from the kernel, in either order: what failed to start stays so.
    return this.#set(entry, ['starting', 'failed'].includes(entry.state) ? 'failed' : 'died', [how, entry.unit.lastWords()].filter((part) => part !== '').join(': '))
  }

  async #stop(entry: Entry): Promise<void> {
    const { unit, pid } = entry
    if (pid !== undefined && commandOf(pid) !== undefined) {
      process.kill(pid, unit.stopSignal)
      if (!(await hasEnded(pid, stopMs))) {
        process.kill(pid, 'SIGKILL')
        await hasEnded(pid, stopMs)
      }
    }
    entry.pid = undefined
    unit.gone()
    this.#set(entry, 'stopped')
  }
}

/** Waits for a process to end, whosever child it is. A zombie has ended. */
export async function hasEnded(pid: number, withinMs: number): Promise<boolean> {
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; await sleep(20)) if (commandOf(pid) === undefined) return true
  return commandOf(pid) === undefined
}
