import { describe, expect, test } from 'vitest'
import { bytesOf, toBase64url } from '@symbolon/protocol/bytes.ts'
import type { ProvenReceipt } from '@symbolon/protocol/open.ts'
import { recordDigest } from '@symbolon/protocol/record.ts'
import { codeOf, digestOf, receiptBy, recordOf, path, testSecrets } from './envelope.testkit.ts'
import { secretKeys, verifyRecord } from './keys.ts'
import { receiptsHold } from './receipts.ts'

const deployment = testSecrets()
const foreign = testSecrets({ name: 'staging' })
const record = recordOf(deployment, { path: path('app/x'), seq: 3 })
const signed = deployment.sign(record)
const own = { digest: recordDigest(bytesOf(signed.record)), seq: 3 }
const by = (id: number): ProvenReceipt => deployment.receipt(id, signed)
const held = (receipts: readonly ProvenReceipt[]) => receiptsHold(receipts, own, deployment.keys)
const other = deployment.sign({ ...record, by: 'bob' })

describe('receipts', () => {
  test('of t signers finish a record', () => {
    expect(held([by(3), by(1)])).toEqual({ finished: true, signers: [1, 3], wanted: 2 })
    expect(held([by(1), by(2), by(3)]).signers).toEqual([1, 2, 3])
    expect(held([])).toEqual({ finished: false, signers: [], wanted: 2 })
  })

  test('SEC-03 t copies of one are one, also under different boots', () => {
    const again = receiptBy(deployment.signers, 1, signed, 1_800_000_001)
    expect(held([by(1), by(1), again])).toEqual({ finished: false, signers: [1], wanted: 2 })
  })

  const [one, two] = [by(1), by(2)]
  test.each<[string, ProvenReceipt]>([
    ['another record', deployment.receipt(2, other)],
    ['another sequence', { ...two, receipt: { ...two.receipt, seq: 4 } }],
    ['another digest', { ...two, receipt: { ...two.receipt, record: digestOf('x') } }],
    ['another time than it signed', { ...two, receipt: { ...two.receipt, iat: 1 } }],
    ['another signer’s name', { ...two, receipt: { ...two.receipt, signer: 3 } }],
    ['another signer’s certificate', { ...two, certificate: one.certificate }],
    ['another boot than it is certified for', { ...two, certificate: { ...two.certificate, boot: toBase64url(new Uint8Array(16)) } }],
    ['a boot key of its own choice', { ...two, certificate: { ...two.certificate, key: digestOf('key') } }],
    ['no signature', { ...two, receipt: { ...two.receipt, signature: toBase64url(new Uint8Array(64)) } }],
    ['a signer of another deployment', foreign.receipt(2, signed)],
    ['a signer that the keyset does not name', { receipt: { ...two.receipt, signer: 9 }, certificate: { ...two.certificate, signer: 9 } }],
  ])('with %s do not count', (_case, bad) => {
    expect(held([one, bad])).toEqual({ finished: false, signers: [1], wanted: 2 })
    // A false word in front of a true one does no harm.
    expect(held([bad, one, two])).toEqual({ finished: true, signers: [1, 2], wanted: 2 })
  })
})

describe('keys', () => {
  const { keyset, lineage } = deployment
  const without = (purpose: string) => ({ ...keyset, groups: keyset.groups.filter((group) => group.purpose !== purpose) })

  test.each(['record', 'vault'] as const)('a keyset without a %s key is named', (purpose) => expect(secretKeys({ keyset: without(purpose), lineage })).toEqual({ ok: false, error: { code: 'keys_missing', purpose } }))

  test('a `vault` key whose shares do not belong to it is refused', () => {
    const groups = keyset.groups.map((group) => (group.purpose === 'vault' ? { ...group, shares: group.shares.map(({ id }, at) => ({ id, share: group.shares.at(at - 1)?.share ?? group.key })) } : group))
    expect(codeOf(secretKeys({ keyset: { ...keyset, groups }, lineage }))).toBe('keys_invalid')
  })

  test('TST-42 the `record` key closes nothing, the `vault` key signs no record', () => {
    const groups = keyset.groups.map((group) => (group.purpose === 'record' ? { ...group, purpose: 'vault' as const } : { ...group, purpose: 'record' as const }))
    // A key whose shares are no points of its polynomial: it comes from another ceremony.
    expect(codeOf(secretKeys({ keyset: { ...keyset, groups }, lineage }))).toBe('keys_invalid')
  })

  test('new values are closed to the newest epoch, older ones stay known', () => {
    const { keys, vaults } = testSecrets({ epochs: 3 })
    expect([keys.newest.epoch, [...keys.groups.values()].map(({ epoch }) => epoch)]).toEqual([3, [3, 2, 1]])
    expect(vaults).toHaveLength(3)
  })

  test('a record of an older `record` key still verifies', () => {
    const younger = { ...(foreign.keyset.groups.find(({ purpose }) => purpose === 'record') ?? keyset.groups[0]), epoch: 2 } as (typeof keyset.groups)[number]
    const rotated = secretKeys({ keyset: { ...keyset, groups: [younger, ...keyset.groups] }, lineage })
    expect(rotated.ok && verifyRecord(signed, rotated.value)?.record.seq).toBe(3)
    expect(verifyRecord(signed, foreign.keys)).toBeUndefined()
  })
})
