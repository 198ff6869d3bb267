import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commandOf } from '@symbolon/runtime/pid-file.ts'
import { processesOf, root, runProgram, startStack, type Stack } from '../stack.ts'

/* What the launcher promises, whatever it launches. One deployment goes through all of it, as a user's would. */

let stack: Stack
beforeAll(async () => {
  stack = await startStack()
})
afterAll(() => stack.stop())

const modes = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isSocket() || path.includes('/postgres/')) return []
    const mode = statSync(path).mode & 0o777
    const wrong = mode === (entry.isDirectory() ? 0o700 : 0o600) ? [] : [`${path} ${mode.toString(8)}`]
    return [...wrong, ...(entry.isDirectory() ? modes(path) : [])]
  })
const dev = (command: string, env: Record<string, string>, input?: string) => runProgram(process.execPath, [join(root, 'dev/main.ts'), command], { PATH: process.env['PATH'] ?? '', ...env }, input)
const parentOf = (pid: number) => Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])

describe('make up', () => {
  test('keeps all state in one folder, closed to others', async () => {
    const { home } = stack
    expect(statSync(home.path).mode & 0o777).toBe(0o700)
    expect(modes(home.path)).toEqual([])
  })

  test('stays the parent of what it started, and pid files name exactly what runs', async () => {
    const { home, state } = stack
    const launcher = Number(readFileSync(home.pidFile('launcher'), 'utf8'))
    const running = state().units.filter(({ pid }) => pid !== null)
    expect(running.map(({ name }) => name)).toContain('postgres')
    for (const { name, pid } of running) {
      expect(readFileSync(home.pidFile(name), 'utf8')).toBe(`${pid}`)
      expect(parentOf(pid ?? 0)).toBe(launcher)
    }
    expect(readdirSync(join(home.path, 'run')).filter((name) => name.endsWith('.pid')).toSorted()).toEqual([...running.map(({ name }) => `${name}.pid`), 'launcher.pid'].toSorted())
  })

  test('never restarts what died; the next make up starts exactly that, on the same data', async () => {
    const before = stack.state()
    await stack.kill('postgres')
    await expect.poll(() => stack.state().units.find(({ name }) => name === 'postgres')?.state).toBe('died')
    expect(existsSync(stack.home.pidFile('postgres'))).toBe(false)
    await stack.up()
    const after = stack.state()
    expect(after.attempt).toBe(before.attempt + 1)
    const kept = ({ units }: typeof before) => units.filter(({ name }) => name !== 'postgres').map(({ name, pid }) => [name, pid])
    expect(kept(after)).toEqual(kept(before))
    expect(after.units.find(({ name }) => name === 'postgres')).toMatchObject({ state: 'ready' })
    expect(stack.log('postgres')).toContain('database system was interrupted')
  })

  test('goes on with the same ports, keys and data after make down', async () => {
    const facts = () => ['deployment.json', 'ca/ca.key', 'ca/ca.pem', 'postgres/data/global/pg_control'].map((name) => (name.startsWith('postgres') ? statSync(join(stack.home.path, name)).ino : readFileSync(join(stack.home.path, name), 'utf8')))
    const before = facts()
    const { code } = await stack.down()
    expect(code).toBe(0)
    expect(readdirSync(join(stack.home.path, 'run'))).toEqual([])
    expect(processesOf(stack.home.path)).toEqual([])
    await stack.up()
    expect(facts()).toEqual(before)
  })

  test('a launcher that was killed is followed by one that takes over what still runs', async () => {
    const orphans = stack.state().units.filter(({ name, pid }) => name !== 'postgres' && pid !== null)
    await stack.kill('launcher')
    await stack.up()
    for (const { name, pid } of orphans) expect(stack.pid(name)).toBe(pid)
    expect(stack.state().units.map(({ name, state }) => [name, state])).toEqual(stack.state().units.map(({ name }) => [name, 'ready']))
    expect(commandOf(stack.pid('postgres'))).toContain(stack.home.path)
    // What it did not start itself it cannot hear die; it looks.
    const [orphan] = orphans
    if (orphan === undefined) return
    await stack.kill(orphan.name)
    await expect.poll(() => stack.state().units.find(({ name }) => name === orphan.name)?.state, { timeout: 5_000 }).toBe('died')
    expect(existsSync(stack.home.pidFile(orphan.name))).toBe(false)
  })

  test('two at once start one launcher', async () => {
    await stack.down()
    const both = await Promise.all([stack.up(), stack.up()])
    expect(both.map(({ stderr }) => stderr).join()).not.toContain('the launcher ended')
    expect(processesOf(stack.home.path).filter((line) => line.includes(' launch '))).toHaveLength(1)
  })

  test('a stale pid file that names somebody else stops nobody and harms nobody', async () => {
    await stack.down()
    writeFileSync(stack.home.pidFile('postgres'), `${process.pid}`)
    writeFileSync(stack.home.pidFile('launcher'), `${process.pid}`)
    await stack.up()
    expect(stack.state().units.find(({ name }) => name === 'postgres')).toMatchObject({ state: 'ready' })
    expect(stack.pid('postgres')).not.toBe(process.pid)
  })

  test.each([
    ['a threshold that two quorums could meet apart', { FROST_N: '4', FROST_T: '2' }, /FROST_T=2 of FROST_N=4/],
    ['a threshold above n', { FROST_N: '3', FROST_T: '4' }, /FROST_T=4: must be 2 to FROST_N/],
    ['too few signers', { FROST_N: '2', FROST_T: '2' }, /FROST_N=2: this launcher runs 3 to 20/],
    ['no number', { FROST_N: 'three', TOKEN_DEFAULT_TTL_SECONDS: 'x' }, /FROST_N: must be a number\nTOKEN_DEFAULT_TTL_SECONDS: must be a number/],
    ['an absent policy', { POLICY_FILE: '/absent.json' }, /POLICY_FILE: \/absent.json is not there/],
  ])('U-5 %s is refused before anything is made', async (_name, env, message) => {
    const home = join(mkdtempSync(join(tmpdir(), 'symbolon-')), 'home')
    const { code, stderr } = await dev('up', { SYMBOLON_HOME: home, DETACH: '1', ...env })
    expect(code).toBe(1)
    expect(stderr).toMatch(message)
    expect(existsSync(join(home, 'deployment.json'))).toBe(false)
    rmSync(join(home, '..'), { recursive: true })
  })

  test('U-5 settings that differ from those it was made with are refused, and what can be done is named', async () => {
    const { code, stderr } = await dev('up', { SYMBOLON_HOME: stack.home.path, DETACH: '1', FROST_T: '3' })
    expect([code, stderr]).toEqual([1, expect.stringMatching(/FROST_T=3, but this deployment was made with 2.*make reset/)])
  })

  test('a folder that holds something else is left alone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'symbolon-'))
    writeFileSync(join(folder, 'thesis.txt'), 'mine')
    for (const command of ['up', 'reset']) await dev(command, { SYMBOLON_HOME: folder, DETACH: '1' }, 'yes\n')
    expect(readdirSync(folder)).toEqual(['thesis.txt'])
    rmSync(folder, { recursive: true })
  })
})

describe('make reset', () => {
  test('asks first, and only "yes" deletes', async () => {
    await stack.up()
    for (const answer of ['', 'no\n', 'y\n']) expect((await dev('reset', { SYMBOLON_HOME: stack.home.path }, answer)).code).toBe(1)
    expect(existsSync(stack.home.deployment)).toBe(true)
    expect((await dev('reset', { SYMBOLON_HOME: stack.home.path }, 'yes\n')).code).toBe(0)
    expect(existsSync(stack.home.path)).toBe(false)
    expect(processesOf(stack.home.path)).toEqual([])
  })
})
