import type { Home } from './home.ts'
import type { LauncherState } from './state.ts'
import type { UnitReport, UnitState } from './unit.ts'

/* What people read. Pure: state in, lines out. */

const marks: Record<UnitState, string> = { ready: '●', starting: '◌', waiting: '◌', unready: '◐', failed: '✕', died: '✕', stopped: '–' }

/** What has come to something: the status table without what is still under way. For where lines cannot be redrawn. */
export const settledLines = (state: LauncherState): readonly string[] => linesOf(state, state.units.filter((unit) => !['waiting', 'starting'].includes(unit.state)))

/** The status table, one line a unit. */
export const statusLines = (state: LauncherState): readonly string[] => linesOf(state, state.units)

function linesOf(state: LauncherState, units: readonly UnitReport[]): readonly string[] {
  // The same columns whichever lines are shown.
  const width = Math.max(0, ...state.units.map(({ name }) => name.length))
  const line = ({ name, state: now, pid, address, detail }: UnitReport) =>
    `  ${marks[now]} ${name.padEnd(width)}  ${now.padEnd(8)}  ${(pid === null ? '' : `${pid}`).padEnd(7)}  ${[now === 'ready' ? address : '', detail].filter((part) => part !== '').join('  ')}`.trimEnd()
  return [...state.notes.map((note) => `  ${note}`), ...units.map(line)]
}

/** What it came to, and what to do next. Ends every `make up`. */
export function summaryLines(state: LauncherState, home: Home): readonly string[] {
  const rest = state.units.filter((unit) => unit.state !== 'ready')
  const troubles = rest.map((unit) => `  ${unit.name}: ${unit.state}${unit.detail === '' ? '' : ` (${unit.detail})`}${['failed', 'died', 'unready'].includes(unit.state) ? `; see ${home.log(unit.name)}` : ''}`)
  if (state.minting) {
    return [
      `Symbolon runs: ${state.threshold}, issuer ${state.issuer}`,
      ...(troubles.length === 0 ? [] : ['Not everything is up; `make up` starts what is missing:', ...troubles]),
      'This launcher wrote every signer\'s plan and started them all: it plays all operators. That is for development only.',
    ]
  }
  return ['Symbolon cannot mint yet.', ...state.notes.map((note) => `  ${note}`), ...troubles]
}
