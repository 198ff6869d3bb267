import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Stage, signerNames, until, type SignerName } from './stage.testkit.ts'

/* What a user feels when signers of the real stack die, hang or refuse. */

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
  // Signers that have not heard each other yet say so, and another is asked.
  await heal()
})
afterAll(() => stage?.close())

const healthy = async () => (await stage.status()).signers.map((signer) => signer.healthy)
const heal = () => until(async () => (await healthy()).every(Boolean))
const partsOf = (outcome: { parts: readonly { signer: number; state: string }[] }) => Object.fromEntries(outcome.parts.map(({ signer, state }) => [signer, state]))

afterEach(async () => {
  for (const name of signerNames) if (!(await isAlive(name))) await stage.startSigner(name)
  await heal()
})
const isAlive = async (name: SignerName) => {
  try {
    return (await stage.report(name)).v === 1
  } catch {
    // Nothing answers there: that is the question.
    return false
  }
}

test('C-3 a token is signed by two of three, and its row is there', async () => {
  const item = stage.wish()
  const { outcome } = await stage.mint(item)
  expect(outcome.outcome).toBe('signed')
  expect(Object.values(partsOf(outcome)).sort()).toEqual(['signed', 'signed', 'unused'])
  const rows = await stage.query(`select request_id, kind, encode(digest, 'hex') as digest from requested where request_id = '${item.request_id}'`)
  expect(rows).toEqual([{ request_id: item.request_id, kind: 'token', digest: expect.stringMatching(/^[0-9a-f]{64}$/) }])
})

test('64 tokens of one request are all signed, each by its own nonces', async () => {
  const outcomes = await stage.mintAll(Array.from({ length: 64 }, () => stage.wish()))
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 64 }, () => 'signed'))
  expect(new Set(outcomes.map((outcome) => (outcome.outcome === 'signed' ? outcome.signature.slice(0, 43) : '')))).toHaveProperty('size', 64)
})

describe.each(signerNames)('TST-30 %s', (name) => {
  const id = signerNames.indexOf(name) + 1

  test('killed: the next mint is signed by the others, and it is seen as down', async () => {
    await stage.kill(name)
    for (let round = 0; round < 3; round++) {
      const { outcome } = await stage.mint()
      expect(outcome.outcome).toBe('signed')
      expect(partsOf(outcome)[id]).not.toBe('signed')
    }
    expect((await stage.status()).signers.filter((signer) => !signer.healthy).map((signer) => signer.id)).toEqual([id])
  })

  test('stopped: a hedge signs with the others, once; then it costs nothing', async () => {
    // Warm, so that what is measured is the hedge.
    for (let round = 0; round < 5; round++) await stage.mint()
    stage.signal(name, 'SIGSTOP')
    try {
      const times: number[] = []
      for (let round = 0; round < 6; round++) {
        const { outcome, ms } = await stage.mint()
        expect(outcome.outcome).toBe('signed')
        times.push(ms)
      }
      // The longest wait for a hedge is half a second, and there is at most one.
      expect(times.filter((ms) => ms > 400).length).toBeLessThanOrEqual(1)
      expect(Math.max(...times)).toBeLessThan(2_000)
    } finally {
      stage.signal(name, 'SIGCONT')
    }
  })

  test('restarted: its old commitments are dead, and no mint fails for it', async () => {
    const before = await stage.report(name)
    await stage.kill(name)
    await stage.startSigner(name)
    for (let round = 0; round < 4; round++) expect((await stage.mint()).outcome.outcome).toBe('signed')
    expect((await stage.report(name)).certificate.boot).not.toBe(before.certificate.boot)
    expect(await stage.query('select * from fault')).toEqual([])
  })
})

test('C-3 with two killed it says at once who does not answer; started again, it mints again', async () => {
  await stage.kill('signer-1')
  await stage.kill('signer-3')
  const { outcome, ms } = await stage.mint()
  expect(outcome).toMatchObject({ outcome: 'unreachable', code: 'quorum_unavailable' })
  expect(partsOf(outcome)).toMatchObject({ 1: 'unreachable', 3: 'unreachable' })
  expect(ms).toBeLessThan(3_000)
  expect(await healthy()).toEqual([false, true, false])
  await stage.startSigner('signer-3')
  await until(async () => (await stage.mint()).outcome.outcome === 'signed')
})

test('TST-32 what the policy forbids is refused by signers, with reasons and signatures, asking no more than needed', async () => {
  const { outcome } = await stage.mint(stage.wish({ scope: ['write:prod'] }))
  expect(outcome).toMatchObject({ outcome: 'refused', refusals: [{ reasons: [{ code: 'scope_not_allowed' }] }, { reasons: [{ code: 'scope_not_allowed' }] }] })
})

test('bytes that are not the signers’ own are not signed, and it is no veto', async () => {
  const { outcome } = await stage.mint({ ...stage.wish(), bytes: stage.wish().bytes })
  expect(outcome).toMatchObject({ outcome: 'unreachable', code: 'bytes_differ' })
})

test('I-2 the same intent again gives a signature over the same bytes', async () => {
  const item = stage.wish()
  expect((await stage.mint(item)).outcome.outcome).toBe('signed')
  expect((await stage.mint(item)).outcome.outcome).toBe('signed')
})

test('the keyset comes with young signatures of all', async () => {
  const { keyset, signatures } = await stage.keyset()
  expect(signatures.map(({ signer }) => signer)).toEqual([1, 2, 3])
  expect(keyset.roster).toBe(1)
})
