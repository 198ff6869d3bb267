import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { commandOf, liveProcess, removePidFile, writePidFile } from './pid-file.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'symbolon-pid-'))
  path = join(folder, 'x.pid')
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('pid files', () => {
  test('hold only the pid, and are removed only by their owner', () => {
    writePidFile(path)
    expect(readFileSync(path, 'utf8')).toBe(`${process.pid}`)
    removePidFile(path)
    expect(existsSync(path)).toBe(false)
    writeFileSync(path, '1')
    removePidFile(path)
    expect(existsSync(path)).toBe(true)
  })

  test('a live process counts only if its command line fits', () => {
    writePidFile(path)
    expect(liveProcess(path, 'vitest')).toBe(process.pid)
    expect(liveProcess(path, '--config /elsewhere')).toBeUndefined()
  })

  test.each(['', '0', '-1', '12x', '99999999999'])('a file that says %j names nobody', (text) => {
    writeFileSync(path, text)
    expect(liveProcess(path, '')).toBeUndefined()
  })

  test('an absent file names nobody', () => expect(liveProcess(path, '')).toBeUndefined())

  test.runIf(process.platform === 'linux')('a zombie is not alive (Linux only)', async () => {
    // The child ends when the shell has become `sleep`, which never collects it; the shell itself would.
    const parent = spawn('sh', ['-c', '(until read -r name < /proc/$$/comm && [ "$name" = sleep ]; do :; done) & echo $!; exec sleep 20'], { stdio: ['ignore', 'pipe', 'ignore'] })
    try {
      const [line] = await once(parent.stdout, 'data')
      const pid = Number(String(line).trim())
      const isZombie = () => / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
      await expect.poll(isZombie, { timeout: 10_000 }).toBe(true)
      expect(process.kill(pid, 0)).toBe(true)
      expect(commandOf(pid)).toBeUndefined()
    } finally {
      parent.kill('SIGKILL')
    }
  })
})
