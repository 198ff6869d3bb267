import { describe, expect, test } from 'vitest'
import { settledLines, statusLines, summaryLines } from './display.ts'
import { homeAt } from './home.ts'
import type { LauncherState } from './state.ts'
import type { UnitReport } from './unit.ts'

const unit = (name: string, change: Partial<UnitReport> = {}): UnitReport => ({ name, state: 'ready', pid: 7, address: `mtls://localhost:${name.length}`, detail: '', ...change })
const state = (change: Partial<LauncherState> = {}): LauncherState => ({ launcher: 1, attempt: 1, settled: true, minting: true, issuer: 'http://localhost:5', threshold: '2-of-3', notes: [], units: [unit('api'), unit('signer-3')], ...change })
const home = homeAt('/h')
const died = unit('signer-3', { state: 'died', pid: null, detail: 'SIGKILL' })

describe('the status display', () => {
  test('has one line a unit, in columns, with the address of what is ready and the reason of what is not', () => {
    expect(statusLines(state({ notes: ['key ceremony …'], units: [unit('api'), died] }))).toEqual(['  key ceremony …', '  ● api       ready     7        mtls://localhost:3', '  ✕ signer-3  died               SIGKILL'])
  })

  test('where lines cannot be redrawn, shows only what has come to something', () => {
    const units = [unit('a', { state: 'waiting' }), unit('b', { state: 'starting' }), unit('c'), unit('d', { state: 'failed' })]
    expect(settledLines(state({ units })).map((line) => line.trim().split(/\s+/)[1])).toEqual(['c', 'd'])
  })

  test('ends with the issuer, and says who plays the operators', () => {
    const text = summaryLines(state(), home).join('\n')
    expect(text).toContain('2-of-3, issuer http://localhost:5')
    expect(text).toContain('plays all operators')
    expect(text).not.toContain('Not everything is up')
  })

  test('names what is not up beside a quorum that is, and where to read on', () => {
    expect(summaryLines(state({ units: [unit('api'), died] }), home)).toContain('  signer-3: died (SIGKILL); see /h/log/signer-3.log')
  })

  test('without a quorum it says that it cannot mint, and everything that stands in the way', () => {
    const lines = summaryLines(state({ minting: false, notes: ['key ceremony failed: x'], units: [unit('api', { state: 'unready', detail: 'quorum: below_quorum' }), died] }), home)
    expect(lines).toEqual(['Symbolon cannot mint yet.', '  key ceremony failed: x', '  api: unready (quorum: below_quorum); see /h/log/api.log', '  signer-3: died (SIGKILL); see /h/log/signer-3.log'])
  })
})
