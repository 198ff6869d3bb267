import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stage, askSigner, commitmentsOf, first, outcomes, reportOf, type Running } from './signer.testkit.ts'

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
})
afterAll(() => stage.close())

const own = async (signer: Running) => ({ id: 1, commitment: first((await commitmentsOf(signer)).commitments) })
// The co-signer's part of the list is only looked at for being a valid point: it may be anybody's.
const both = async (signer: Running) => [await own(signer), { id: 2, commitment: first((await commitmentsOf(signer)).commitments) }]
const alarms = ({ lines }: Running) => lines.filter(({ event }) => event === 'alarm').map(({ alarm }) => alarm)

describe('TST-15 copies of a signer', () => {
  test('an old disk image revives no nonce, and its journal is shorter than it was', async () => {
    const { state } = stage.signer(1)
    const config = stage.signer(1).config('signer-1')
    const start = await stage.start(config)
    expect(outcomes(await askSigner(start, [stage.item(stage.intent(), await both(start))]))).toEqual(['signed'])
    await start.kill('SIGTERM')
    const image = join(stage.folder, 'image')
    cpSync(state, image, { recursive: true })

    const later = await stage.start(config)
    const unspent = stage.item(stage.intent(), await both(later))
    const spent = stage.item(stage.intent(), await both(later))
    expect(outcomes(await askSigner(later, [spent]))).toEqual(['signed'])
    const newest = await reportOf(later)
    await later.kill('SIGKILL')
    rmSync(state, { recursive: true })
    cpSync(image, state, { recursive: true })

    const restored = await stage.start(config)
    const report = await reportOf(restored)
    expect(report.certificate.boot).not.toBe(newest.certificate.boot)
    // The first entry names the book.
    expect([newest.journal.seq, report.journal.seq]).toEqual([3, 2])
    expect(outcomes(await askSigner(restored, [unspent, spent]))).toEqual(['commitment_unknown', 'commitment_unknown'])
    await expect.poll(() => alarms(restored)).toEqual(['commitment_unknown', 'commitment_unknown'])
    await restored.kill('SIGTERM')
  })

  test('two live copies have two boot ids that both prove, and neither knows the other’s nonces', async () => {
    const { state, config } = stage.signer(1)
    const copy = join(stage.folder, 'copy')
    cpSync(state, copy, { recursive: true })
    const [one, two] = [await stage.start(config('signer-1')), await stage.start(config('signer-1-copy', { state: copy }))]
    const [first1, first2] = [await commitmentsOf(one), await commitmentsOf(two)]
    expect(first1.certificate.signer).toBe(first2.certificate.signer)
    expect(first1.certificate.boot).not.toBe(first2.certificate.boot)
    const item = stage.item(stage.intent(), await both(one))
    expect(outcomes(await askSigner(two, [item]))).toEqual(['commitment_unknown'])
    expect(outcomes(await askSigner(one, [item]))).toEqual(['signed'])
    await one.kill('SIGTERM')
    await two.kill('SIGTERM')
  })

  test('a second process on the same folder does not start', async () => {
    const { config } = stage.signer(1)
    const one = await stage.start(config('signer-1'))
    const second = await stage.run(config('signer-1-again')).ended
    expect(second.code).toBe(1)
    expect(second.stderr).toContain('journal_in_use')
    expect(outcomes(await askSigner(one, [stage.item(stage.intent(), await both(one))]))).toEqual(['signed'])
    await one.kill('SIGTERM')
  })

  test('a signer that lost its journal does not start', async () => {
    const { state, config } = stage.signer(1)
    rmSync(join(state, 'journal.sqlite'))
    const ended = await stage.run(config('signer-1')).ended
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('journal_lost')
    expect(ended.stderr).toContain('Put the file back')
  })
})
