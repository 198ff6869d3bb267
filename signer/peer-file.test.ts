import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openWorld } from './heads.testkit.ts'
import { openPeerFile } from './peer-file.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'signer-peers-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

async function heard() {
  const world = openWorld()
  const [one, two] = [await world.start(1), await world.start(2)]
  two.judge()
  await world.pass(1, one, two)
  const memory = one.disk.peers.get(2)
  if (memory === undefined) throw new Error('two was heard')
  return { world, memory }
}
const open = (signers: Parameters<typeof openPeerFile>[0]['signers'], told: unknown[] = []) => openPeerFile({ folder, signers, log: { warn: (facts: unknown) => void told.push(facts) }, onFailure: (error) => told.push(error) })

test('TST-15 what was seen of a peer outlives a restart', async () => {
  const { world, memory } = await heard()
  const before = open(world.rows)
  before.set(2, memory)
  expect(before.save()).toBe(true)
  expect(statSync(join(folder, 'peers.json')).mode & 0o777).toBe(0o600)
  expect(open(world.rows).get(2)).toEqual(memory)
  expect(memory.longest?.statement.journal.seq).toBe(1)
})

test('what does not prove itself by the roster is forgotten, and said', async () => {
  const { world, memory } = await heard()
  const before = open(world.rows)
  before.set(2, memory)
  before.save()
  const told: unknown[] = []
  expect(open(openWorld().rows, told).get(2)).toBeUndefined()
  expect(told).toEqual([{ peer: 2 }])
})

test('nothing new is not written again; what cannot be written is told, and tried again', async () => {
  const { world, memory } = await heard()
  const told: unknown[] = []
  const file = open(world.rows, told)
  file.set(2, memory)
  file.save()
  rmSync(join(folder, 'peers.json'))
  file.set(2, memory)
  expect(file.save()).toBe(true)
  expect(() => statSync(join(folder, 'peers.json'))).toThrow('ENOENT')
  rmSync(folder, { recursive: true })
  writeFileSync(folder, 'a file where the folder was')
  file.set(2, { ...memory })
  expect(file.save()).toBe(false)
  expect(told).toHaveLength(1)
  rmSync(folder)
  expect(file.save()).toBe(true)
  expect(readFileSync(join(folder, 'peers.json'), 'utf8')).toContain('"signer":2')
})

test('a file that is not ours stops the start', async () => {
  const { world } = await heard()
  writeFileSync(join(folder, 'peers.json'), '{"v":1}')
  expect(() => open(world.rows)).toThrow(expect.objectContaining({ code: 'peers_unreadable' }))
})
