import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requestHash, type SignItem } from '@symbolon/protocol/sign.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { proofSigningInput } from '@symbolon/protocol/proof.ts'
import type { TokenIntent } from '@symbolon/protocol/intent.ts'
import { signJws } from '@symbolon/policy/judge.testkit.ts'
import { Stage, askSigner, commitmentsOf, crashEntry, first, outcomes, reportOf, type Running } from './signer.testkit.ts'

let stage: Stage
let witness: Running
beforeAll(async () => {
  stage = await Stage.open({ roster: { rate: 100_000 } })
  witness = await stage.start(stage.signer(2).config('signer-2'))
})
afterAll(() => stage.close())

const own = async (signer: Running) => ({ id: 1, commitment: first((await commitmentsOf(signer)).commitments) })
const theirs = async () => ({ id: 2, commitment: first((await commitmentsOf(witness)).commitments) })

/** True evidence for the same intent, but not the same: a proof made a second later. */
const otherEvidence = (intent: TokenIntent) => {
  const { world } = stage.deployment
  const digest = stage.judged(intent, stage.item(intent, []).evidence).claims.jti
  return [{ kind: 'key' as const, proof: signJws(proofSigningInput({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', kid: 'ci-1' }, { iss: intent.iss, intent: digest, kind: 'token', iat: intent.iat + 1 }), world.service) }]
}

describe('TST-14 a signer that is killed', () => {
  test.each([
    ['after judging, before the journal', 'judged', 0],
    ['after the journal is on the disk', 'journaled', 1],
    ['with the nonce taken', 'taken', 1],
    ['with the share made, before it is sent', 'signed', 1],
  ] as const)('%s', async (_, point, journaled) => {
    const config = stage.signer(1).config('signer-1')
    const doomed = await stage.start(config, { entry: crashEntry, env: { CRASH_AT: point } })
    const before = await reportOf(doomed)
    const intent = stage.intent()
    const item = stage.item(intent, [await own(doomed), await theirs()])
    expect(await askSigner(doomed, [item])).toBeUndefined()
    expect((await doomed.ended).signal).toBe('SIGKILL')

    const signer = await stage.start(config)
    const after = await reportOf(signer)
    expect(after.journal.seq - before.journal.seq).toBe(journaled)
    expect(after.certificate.boot).not.toBe(before.certificate.boot)
    // The commitment died with its process, so no second answer for it can exist.
    expect(outcomes(await askSigner(signer, [item]))).toEqual(['commitment_unknown'])
    // The first yes stands if it was recorded; a crash before that binds nothing, and another may be the first.
    const evidence = otherEvidence(intent)
    if (journaled === 1) expect(outcomes(await askSigner(signer, [stage.item(intent, [await own(signer), await theirs()], evidence)]))).toEqual(['refused intent_bound_otherwise'])
    // The same pair under fresh commitments makes the very token.
    const retry = stage.item(intent, [await own(signer), await theirs()])
    const [one, two] = [await askSigner(signer, [retry]), await askSigner(witness, [retry])]
    if (one === undefined || two === undefined) throw new Error('no reply')
    expect(stage.signature(retry, intent, [{ id: 1, reply: one }, { id: 2, reply: two }])).toBeDefined()
    expect((await signer.kill('SIGTERM')).code).toBe(0)
  })

  test('at any moment under load: every share that arrived stands in its journal, and no commitment was answered twice', async () => {
    const config = stage.signer(1).config('signer-1')
    let signer = await stage.start(config)
    const shares: { item: SignItem; share: string; boot: string }[] = []
    for (const pause of [3, 11, 27]) {
      const { commitments, certificate } = await commitmentsOf(signer, 96)
      const other = (await theirs()).commitment
      const items = commitments.map((commitment) => stage.item(stage.intent(), [{ id: 1, commitment }, { id: 2, commitment: other }]))
      const batches = Array.from({ length: 24 }, (_, at) => items.slice(at * 4, at * 4 + 4))
      const replies = batches.map(async (batch) => ({ batch, reply: await askSigner(signer, batch) }))
      await Promise.race(replies)
      await new Promise((resolve) => setTimeout(resolve, pause))
      await signer.kill('SIGKILL')
      for (const { batch, reply } of await Promise.all(replies)) batch.forEach((item, at) => {
        const answer = reply?.answers[at]
        if (answer?.result === 'signed') shares.push({ item, share: answer.share, boot: certificate.boot })
      })
      signer = await stage.start(config)
      const again = await askSigner(signer, items.slice(0, 64))
      expect(new Set(outcomes(again))).toEqual(new Set(['commitment_unknown']))
    }
    expect((await signer.kill('SIGTERM')).code).toBe(0)
    expect(shares.length).toBeGreaterThan(0)
    const db = new DatabaseSync(join(stage.signer(1).state, 'journal.sqlite'), { readOnly: true })
    const granted = new Set(db.prepare("SELECT request FROM entry WHERE verdict = 'granted'").all().map(({ request }) => toBase64url(request as Uint8Array)))
    db.close()
    expect(shares.filter(({ item }) => !granted.has(toBase64url(requestHash(item))))).toEqual([])
    expect(new Set(shares.map(({ share }) => share)).size).toBe(shares.length)
  })
})
