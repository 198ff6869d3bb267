import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

/* What every process of ours does alike, seen from outside. */

const main = resolve(import.meta.dirname, 'process.testkit.ts')
let folder: string
const children: ChildProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'symbolon-process-'))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

const pidFile = () => join(folder, 'x.pid')
function configure(act: string, more: object = {}) {
  const path = join(folder, 'config.json')
  writeFileSync(path, JSON.stringify({ name: 'test-1', pid_file: pidFile(), drain_seconds: 1, act, ...more }), { mode: 0o600 })
  return path
}
function start(args: readonly string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  const said = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => (said.stdout += chunk))
  child.stderr.on('data', (chunk) => (said.stderr += chunk))
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...said }))
  const ready = async () => expect.poll(() => said.stdout, { timeout: 10_000 }).toContain('started')
  return { child, ended, ready }
}
const run = (act: string, more: object = {}) => start(['run', '--config', configure(act, more)])

describe('every process', () => {
  test('writes its pid and only that, drains on SIGTERM or SIGINT, removes it, ends with 0', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const { child, ended, ready } = run('run')
      await ready()
      expect(readFileSync(pidFile(), 'utf8')).toBe(`${child.pid}`)
      child.kill(signal)
      expect(await ended).toMatchObject({ code: 0, stdout: expect.stringContaining('"outcome":"drained"') })
      expect(existsSync(pidFile())).toBe(false)
    }
  })

  test('cuts what does not drain in time, and says so by its exit code', async () => {
    const { child, ended, ready } = run('ignore_stop')
    await ready()
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 75, stdout: expect.stringContaining('"outcome":"cut"') })
  })

  test('a second signal ends the draining, and one during the start ends that', async () => {
    const draining = run('ignore_stop', { drain_seconds: 60 })
    await draining.ready()
    draining.child.kill('SIGTERM')
    const again = setInterval(() => draining.child.kill('SIGINT'), 50)
    expect(await draining.ended).toMatchObject({ code: 130 })
    clearInterval(again)
    const starting = run('hang')
    await starting.ready()
    starting.child.kill('SIGTERM')
    expect(await starting.ended).toMatchObject({ code: 130 })
    expect(existsSync(pidFile())).toBe(false)
  })

  test('TST-54 SIGUSR1 opens no debugger', async () => {
    const process = run('run')
    await process.ready()
    process.child.kill('SIGUSR1')
    // Whatever it answers with: a line in the log, or the debugger's greeting.
    await new Promise((resolve) => process.child.stdout?.once('data', resolve) && process.child.stderr?.once('data', resolve))
    process.child.kill('SIGTERM')
    const { code, stderr, stdout } = await process.ended
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('"signal":"SIGUSR1"')
  })

  test('U-5 prints all problems of its config at once, exits 78, and never starts', async () => {
    const { ended } = run('nonsense', { pid_file: 'relative', extra: 1 })
    const { code, stderr, stdout } = await ended
    expect([code, stdout]).toEqual([78, ''])
    expect(stderr).toMatch(/3 problems, nothing was started/)
    for (const problem of ['/pid_file  path_not_absolute', '/act  invalid_value', '/extra  unknown_key']) expect(stderr).toContain(problem)
  })

  test.each([[[]], [['--config']], [['run']], [['fly', '--config', 'x']], [['run', 'once', '--config', 'x']], [['run', '--config', 'x', '--debug']]])('the arguments %j are refused with the usage', async (args) => {
    expect(await start(args).ended).toMatchObject({ code: 64, stderr: expect.stringContaining('usage: ') })
  })

  test.each([
    ['refuse', 'roster_lost: the roster is gone'],
    ['refuse_deep', 'cannot_listen: the port is taken'],
  ])('a refusal to start (%s) is a code and a sentence, not a stack', async (act, words) => {
    const { code, stderr } = await run(act).ended
    expect([code, stderr.trim()]).toEqual([1, `test-1: ${words}`])
    expect(existsSync(pidFile())).toBe(false)
  })

  test.each(['throw', 'reject_later'])('D-5 L-2 a bug (%s) ends it with 70, and its message, which may quote input, stays out of the log', async (act) => {
    const { code, stdout, stderr } = await run(act).ended
    expect(code).toBe(70)
    expect(stdout).toContain('"level":"fatal"')
    expect(stdout + stderr).not.toContain('canary')
    expect(existsSync(pidFile())).toBe(false)
  })

  test('a command that ends leaves no pid file', async () => {
    expect(await start(['once', '--config', configure('run')]).ended).toMatchObject({ code: 0 })
    expect(existsSync(pidFile())).toBe(false)
  })

  test('a second one with the same config is refused; a stale pid file is not believed', async () => {
    const first = run('run')
    await first.ready()
    expect(await run('run').ended).toMatchObject({ code: 1, stderr: expect.stringContaining('already_running') })
    first.child.kill('SIGKILL')
    await first.ended
    expect(existsSync(pidFile())).toBe(true)
    writeFileSync(pidFile(), `${process.pid}`)
    const third = run('run')
    await third.ready()
    expect(readFileSync(pidFile(), 'utf8')).toBe(`${third.child.pid}`)
  })
})
