import { existsSync, readFileSync } from 'node:fs'
import { liveProcess } from '@symbolon/runtime/pid-file.ts'
import type { Home } from './home.ts'
import { writePrivateJson } from './private-files.ts'
import type { UnitReport } from './unit.ts'

/** What the launcher tells the other commands, in `run/state.json`. It exists only while the launcher runs. */
export type LauncherState = {
  readonly launcher: number
  /** How often it was asked to start what is missing; the first time included. */
  readonly attempt: number
  /** Nothing of this attempt is still starting. */
  readonly settled: boolean
  /** A quorum is ready: tokens can be minted. */
  readonly minting: boolean
  readonly issuer: string
  readonly threshold: string
  /** What is being done, or what stands in the way, beyond the units. */
  readonly notes: readonly string[]
  readonly units: readonly UnitReport[]
}

export const writeState = (home: Home, state: LauncherState): void => writePrivateJson(home.state, state)
export const readState = (home: Home): LauncherState | undefined => (existsSync(home.state) ? JSON.parse(readFileSync(home.state, 'utf8')) : undefined)

/** The launcher's command line, by which a stale pid file is told from a live launcher. */
export const launcherArguments = (home: Home): readonly string[] => ['launch', '--home', home.path]
export const liveLauncher = (home: Home): number | undefined => liveProcess(home.pidFile('launcher'), `dev/main.ts ${launcherArguments(home).join(' ')}`)
