import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openArena } from '@symbolon/core/arena.ts'
import { deal } from '@symbolon/core/dealer.testkit.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { writeWhole } from './folder.ts'
import type { Keystore } from './keystore.ts'
import { createMemoryKeystore } from './memory.testkit.ts'
import { loadShare, openShare, shareFile, shareHeader, type ShareGroup } from './shares.ts'

const memory = openArena(8 * 4096)
const suite = sodiumSuite(memory)
const plan = toBase64url(new Uint8Array(32).fill(1))

let folder: string
let keystore: Keystore
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'symbolon-shares-'))
  const made = await createMemoryKeystore(new Map(), { folder, signer: 2, memory })
  if (!made.ok) throw new Error(made.error.code)
  keystore = made.value
})
afterAll(() => rmSync(folder, { recursive: true }))

/** A group and this signer's share of it, sealed. */
async function sealedGroup() {
  const { keys, members } = deal(suite, { threshold: 2, ids: [1, 2, 3] })
  const group: ShareGroup = { purpose: 'token', epoch: 1, t: 2, key: toBase64url(keys.key), shares: [...keys.shares].map(([id, share]) => ({ id, share: toBase64url(share) })) }
  const own = members[1]
  if (own === undefined) throw new Error('no share')
  const blob = await keystore.seal(shareHeader(2, group, plan), own.share)
  members.forEach(({ share }) => share.wipe())
  if (!blob.ok) throw new Error(blob.error.code)
  return { group, blob: blob.value }
}
const codeOf = (result: { ok: true } | { ok: false; error: { code: string } }) => (result.ok ? 'ok' : result.error.code)

describe('a sealed share', () => {
  test('opens as a member of its group', async () => {
    const { group, blob } = await sealedGroup()
    writeWhole(shareFile(folder, group), blob)
    const member = await loadShare({ keystore, suite, folder, group, plan })
    expect(member.ok && member.value.id).toBe(2)
    if (member.ok) member.value.share.wipe()
  })

  test('TST-50 that fits another verifying share is refused, and wiped', async () => {
    const [a, b] = [await sealedGroup(), await sealedGroup()]
    // Anybody who knows the device's public key can seal b's share as a's.
    const free = memory.free
    const stranger = { ...a.group, shares: b.group.shares }
    expect(codeOf(await openShare({ keystore, suite, group: stranger, plan, blob: a.blob }))).toBe('inconsistent_group')
    const opened = await keystore.unseal(shareHeader(2, b.group, plan), b.blob)
    if (!opened.ok) throw new Error(opened.error.code)
    const swapped = await keystore.seal(shareHeader(2, a.group, plan), opened.value)
    opened.value.wipe()
    if (!swapped.ok) throw new Error(swapped.error.code)
    expect(codeOf(await openShare({ keystore, suite, group: a.group, plan, blob: swapped.value }))).toBe('share_mismatch')
    expect(memory.free).toBe(free)
  })

  test('TST-50 of another plan, or gone, is named', async () => {
    const { group, blob } = await sealedGroup()
    expect(codeOf(await openShare({ keystore, suite, group, plan: toBase64url(new Uint8Array(32)), blob }))).toBe('blob_other_header')
    expect(codeOf(await loadShare({ keystore, suite, folder, group: { ...group, epoch: 9 }, plan }))).toBe('share_missing')
  })

  test('TST-42 of one purpose is not opened as another', async () => {
    const { group, blob } = await sealedGroup()
    expect(codeOf(await openShare({ keystore, suite, group: { ...group, purpose: 'vault' }, plan, blob }))).toBe('blob_other_header')
  })
})
