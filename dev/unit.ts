import type { ChildProcess } from 'node:child_process'

/** What starting a unit came to. */
export type StartResult = { readonly ok: true; readonly child: ChildProcess } | { readonly ok: false; readonly message: string }
export type Check = { readonly ready: boolean; readonly detail: string }

/** One thing that the launcher keeps an eye on: a process of ours, or Postgres. */
export type Unit = {
  readonly name: string
  /** Where it is found, for people. */
  readonly address: string
  /** Units that must be ready before this one starts. */
  readonly needs: readonly string[]
  /** Its process, if it runs already, whoever started it. Waits for one that is on its way out. */
  find(): Promise<number | undefined>
  start(): Promise<StartResult>
  /** Asks whether it is of use now. */
  check(): Promise<Check>
  /** What to send for an orderly end. */
  readonly stopSignal: NodeJS.Signals
  /** Called when its process is gone: removes what must exist only while it runs. */
  gone(): void
  /** The last words in its log. */
  lastWords(): string
}

/** `ready`, or why not. `unready`: it runs, and its own check says no. `waiting`: something that it needs is not ready. */
export type UnitState = 'waiting' | 'starting' | 'ready' | 'unready' | 'failed' | 'died' | 'stopped'
export type UnitReport = { readonly name: string; readonly state: UnitState; readonly pid: number | null; readonly address: string; readonly detail: string }
