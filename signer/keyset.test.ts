import { beforeAll, expect, test } from 'vitest'
import { heapMemory } from '@symbolon/core/secret.ts'
import { fromBase64url } from '@symbolon/protocol/bytes.ts'
import { verifyP256 } from '@symbolon/protocol/p256.ts'
import { makeP256 } from '@symbolon/keystore/sealing.ts'
import { softwareDevice } from '@symbolon/keystore/software.ts'
import { makeWorld } from '@symbolon/policy/judge.testkit.ts'
import { keysetBytes, keysetOf, signedKeyset } from '@symbolon/roster/keyset.ts'
import { openKeyset } from './keyset.ts'

const device = softwareDevice({ backend: 'memory', identity: makeP256(heapMemory), sealing: makeP256(heapMemory), memory: heapMemory })
const { roster } = makeWorld()
const clock = { now: 1_000 }
let signed = 0
let broken = false
const certify = async (bytes: Uint8Array) => {
  signed += 1
  const result = await device.sign(bytes)
  if (!result.ok || broken) throw new Error('the device is gone')
  return result.value
}
let keyset: ReturnType<typeof openKeyset>
beforeAll(() => {
  keyset = openKeyset({ roster, signer: 2, now: () => clock.now, certify })
})

test('is the roster’s, signed by this signer’s identity key as of now', async () => {
  const value = signedKeyset.parse(await keyset())
  expect(value.keyset).toEqual(keysetOf(roster))
  const [signature, ...more] = value.signatures
  expect([signature?.signer, signature?.iat, more]).toEqual([2, 1_000, []])
  expect(verifyP256(device.identity, keysetBytes(keysetOf(roster), 1_000), fromBase64url(signature?.signature ?? '') ?? new Uint8Array())).toBe(true)
})

test('is signed anew after a minute, once for all who ask meanwhile, and again when the clock was set back', async () => {
  const before = signed
  clock.now = 1_059
  await keyset()
  expect(signed - before).toBe(0)
  clock.now = 1_060
  const [one, two] = await Promise.all([keyset(), keyset()])
  expect([signed - before, one.signatures[0]?.iat, two]).toEqual([1, 1_060, one])
  clock.now = 900
  expect((await keyset()).signatures[0]?.iat).toBe(900)
})

test('a failure of the device is not remembered', async () => {
  clock.now = 2_000
  broken = true
  await expect(keyset()).rejects.toThrow('the device is gone')
  broken = false
  expect((await keyset()).signatures[0]?.iat).toBe(2_000)
})
