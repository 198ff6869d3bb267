import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openArena } from '@symbolon/core/arena.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { openFileKeystore } from '@symbolon/keystore/file.ts'
import type { Keystore } from '@symbolon/keystore/keystore.ts'
import { deploy, type Deployment } from './deployment.testkit.ts'
import { loadBelieved, loadMembers, wipeMembers } from './load.ts'

const arena = openArena(256 * 1024)
const suite = sodiumSuite(arena)
let home = ''
let deployment: Deployment
let keystore: Keystore
let foreign: Keystore

const openOf = async (id: number): Promise<Keystore> => {
  const { state, keystore: folder } = deployment.signers[id - 1] ?? { state: '', keystore: '' }
  const opened = await openFileKeystore({ folder, signer: id, memory: arena, passphrase: () => readFileSync(join(state, 'passphrase')) })
  if (!opened.ok) throw new Error(opened.error.code)
  return opened.value
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'signer-load-'))
  deployment = await deploy(join(home, 'made'))
  keystore = await openOf(1)
  foreign = await openOf(2)
})
afterAll(() => rmSync(home, { recursive: true }))

/** A copy of signer 1's folder, to break. */
function copy(): { readonly state: string; edit(name: string, change: (text: string) => string): void } {
  const state = join(mkdtempSync(join(home, 'copy-')), 'signer-1')
  cpSync(join(home, 'made/signer-1'), state, { recursive: true })
  return { state, edit: (name, change) => writeFileSync(join(state, name), change(readFileSync(join(state, name), 'utf8'))) }
}
const codeOf = async (work: () => unknown): Promise<unknown> => {
  try {
    await work()
    return 'no error'
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
}
const json = (change: (value: Record<string, unknown>) => unknown) => (text: string) => Buffer.from(canonical(change(JSON.parse(text) as Record<string, unknown>))).toString()

describe('a signer believes its files', () => {
  test('when they prove each other', async () => {
    const { state } = copy()
    const believed = loadBelieved(state)
    expect(believed.roster).toEqual(deployment.world.roster)
    const members = await loadMembers(keystore, suite, join(state, 'keystore'), believed)
    expect(Object.entries(members).map(([purpose, { member, group }]) => [purpose, member.id, group.purpose, group.epoch])).toEqual([['token', 1, 'token', 1], ['record', 1, 'record', 1], ['vault', 1, 'vault', 1]])
    expect(Buffer.from(members.token.member.keys.key).equals(Buffer.from(deployment.keys.key))).toBe(true)
    const keys = [members.token.member.keys.key, members.record.member.keys.key, members.vault.member.decryption.group.key].map((key) => Buffer.from(key).toString('hex'))
    expect(new Set(keys).size).toBe(3)
    wipeMembers(members)
    expect([members.token.member.share.wiped, members.record.member.share.wiped, members.vault.member.decryptionShare.wiped]).toEqual([true, true, true])
  })

  test.each(['roster.json', 'plan.json', 'certificates.json', 'keyset.json', 'policy/policy.wasm', 'policy/data.json'])('not without %s', async (name) => {
    const { state } = copy()
    rmSync(join(state, name))
    expect(await codeOf(() => loadBelieved(state))).toBe('state_missing')
  })

  test.each([
    ['a roster that is not canonical', 'roster.json', (text: string) => ` ${text}`, 'state_unreadable'],
    ['a roster with an unknown member', 'roster.json', json((value) => ({ ...value, admin: true })), 'state_unreadable'],
    ['a roster with another role', 'roster.json', (text: string) => text.replace('"engineer"', '"sre"'), 'genesis_unproven'],
    ['a roster with another rate', 'roster.json', json((value) => ({ ...value, rate: 100_000 })), 'genesis_unproven'],
    ['a roster that contradicts itself', 'roster.json', json((value) => ({ ...value, default_audience: 'https://nowhere.example' })), 'roster_unsound'],
    ['another plan', 'plan.json', json((value) => ({ ...value, nonce: 'AAAAAAAAAAAAAAAAAAAAAA' })), 'genesis_unproven'],
    ['a certificate with a signature less', 'certificates.json', json((value) => ({ ...value, certificates: (value['certificates'] as { signatures: unknown[] }[]).map((each) => ({ ...each, signatures: [...each.signatures.slice(1), each.signatures[1]] })) })), 'genesis_unproven'],
    ['two certificates', 'certificates.json', json((value) => ({ ...value, certificates: [value['certificates'], value['certificates']].flat() })), 'certificates_unexpected'],
    ['a keyset of another policy', 'keyset.json', (text: string) => text.replace(/"policy":"./, '"policy":"_'), 'genesis_unproven'],
    ['a file of something else', 'keyset.json', () => '[]', 'state_unreadable'],
    ['TST-35 P-4 other policy data', 'policy/data.json', (text: string) => text.replace('"max_ttl_seconds":1800', '"max_ttl_seconds":86400'), 'policy_behind'],
    ['policy data of another shape', 'policy/data.json', () => '{}', 'policy_unreadable'],
    ['a policy that is no program', 'policy/policy.wasm', () => 'allow', 'policy_unreadable'],
  ])('not %s', async (_, name, change, code) => {
    const { state, edit } = copy()
    edit(name, change)
    expect(await codeOf(() => loadBelieved(state))).toBe(code)
  })

  test('TST-35 a changed policy program is not believed', async () => {
    const { state } = copy()
    const path = join(state, 'policy/policy.wasm')
    // A custom section more: the same program, other bytes.
    writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from([0, 2, 1, 0x78])]))
    expect(await codeOf(() => loadBelieved(state))).toBe('policy_behind')
  })
})

describe('TST-50 the share', () => {
  const open = (store: Keystore, state: string) => codeOf(() => loadMembers(store, suite, join(state, 'keystore'), loadBelieved(state)))

  test.each([['vault', 'token'], ['token', 'record'], ['record', 'vault'], ['token', 'vault'], ['log', 'record']])('TST-42 of purpose %s, put in the place of %s, does not open', async (from, to) => {
    const { state } = copy()
    cpSync(join(state, `keystore/shares/${from}-1.sealed`), join(state, `keystore/shares/${to}-1.sealed`))
    expect(await open(keystore, state)).toBe('blob_other_header')
  })

  test.each(['token', 'record', 'vault'])('of another signer does not open: %s', async (purpose) => {
    const { state } = copy()
    cpSync(join(home, `made/signer-2/keystore/shares/${purpose}-1.sealed`), join(state, `keystore/shares/${purpose}-1.sealed`))
    expect(await open(keystore, state)).toMatch(/^blob_other_/)
  })

  test.each(['token', 'record', 'vault'])('that is missing stops the signer: %s', async (purpose) => {
    const { state } = copy()
    rmSync(join(state, `keystore/shares/${purpose}-1.sealed`))
    expect(await open(keystore, state)).toBe('share_missing')
  })

  test('is not asked of a keystore whose identity the roster does not name for this signer', async () => {
    const { state } = copy()
    expect(await open({ ...keystore, signer: 9 }, state)).toBe('signer_unknown')
    expect(await open({ ...keystore, identity: foreign.identity }, state)).toBe('identity_differs')
    expect(await open({ ...keystore, hpke: foreign.hpke }, state)).toBe('receive_key_differs')
  })
})
