import { afterEach, describe, expect, test } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { acceptReply, adoptReply, bookLimit, type AcceptReply, type Change } from '@symbolon/protocol/book.ts'
import { encodeIntent, intentDigest, type RosterIntent } from '@symbolon/protocol/intent.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { proofSigningInput } from '@symbolon/protocol/proof.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { softPasskey } from '@symbolon/evidence/passkey.testkit.ts'
import { jwkOf, makeKey, signJws } from '@symbolon/policy/judge.testkit.ts'
import { firstPeople, successor } from '@symbolon/roster/edit.ts'
import { lineageOf } from '@symbolon/roster/keyset.ts'
import { encodeRoster, rosterDigest } from '@symbolon/roster/roster.ts'
import { Stage, crashEntry, reportOf, type Running } from './signer.testkit.ts'

const bootstrap = makeKey()
const stages: Stage[] = []
afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.close()
})
async function open(): Promise<Stage> {
  const stage = await Stage.open({ roster: { bootstrap: jwkOf(bootstrap) } })
  stages.push(stage)
  return stage
}

/** Version 2, with one person in it, as whoever holds the bootstrap code makes it. */
function versionTwo({ deployment: { world: { roster } } }: Stage, name = 'Ann'): Change {
  const ann = softPasskey({ rpId: 'localhost', origin: 'http://localhost:8081' })
  const made = successor({ document: roster, entries: [] }, firstPeople([{ id: 'ann', name, roles: ['engineer'], groups: [], passkeys: [ann.row()] }]))
  if (!made.ok) throw new Error(made.problems.join('; '))
  const iat = Math.floor(Date.now() / 1000)
  const lineage = lineageOf(roster)
  const intent: RosterIntent = { v: 1, kind: 'roster', nonce: toBase64url(crypto.getRandomValues(new Uint8Array(16))), iat, exp: iat + 300, iss: roster.deployment.issuer, lineage, sub: 'bootstrap', version: 2, from: [rosterDigest(roster)], to: rosterDigest(made.document) }
  const payload = { iss: intent.iss, intent: toBase64url(intentDigest(encodeIntent(intent))), kind: 'roster', iat } as const
  return {
    v: 1,
    document: toBase64url(encodeRoster(made.document)),
    intent: toBase64url(encodeIntent(intent)),
    evidence: [{ kind: 'key', proof: signJws(proofSigningInput({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', kid: 'bootstrap' }, payload), bootstrap) }],
    approvals: [],
    registrations: [{ row: 'ann', ...ann.register({ lineage, row: 'ann', by: thumbprint(jwkOf(bootstrap)) }) }],
    split: [],
  }
}

/** The reply, or `undefined` if the connection broke before there was one. */
async function post({ channel }: Running, path: string, body: unknown): Promise<unknown> {
  const answer = await channel.post(path, canonical(body), { timeoutMs: 20_000, maxBytes: bookLimit })
  if (!answer.ok) return undefined
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body.toString()}`)
  return JSON.parse(answer.body.toString())
}
async function accept(signer: Running, change: Change): Promise<AcceptReply | undefined> {
  const reply = await post(signer, '/v1/accept', { v: 1, what: 'change', change })
  return reply === undefined ? undefined : acceptReply.parse(reply)
}
const told = (reply: AcceptReply | undefined) => (reply?.result === 'refused' ? reply.reasons.map(({ code }) => code).join(' ') : (reply?.result ?? 'no reply'))
/** As soon as it has heard the others. */
const accepted = async (signer: Running, change: Change): Promise<Extract<AcceptReply, { result: 'accepted' }>> => {
  let reply: AcceptReply | undefined
  await expect.poll(async () => (reply = await accept(signer, change))?.result, { timeout: 25_000 }).not.toBe('not_now')
  if (reply?.result !== 'accepted') throw new Error(JSON.stringify(reply))
  return reply
}

describe('TST-14 a signer that is killed while it gives its word', () => {
  test.each([
    ['after judging, before the book', 'acceptJudged', 0],
    ['after the book is on the disk, before it signs', 'accepted', 1],
    ['with the word signed, before it is sent', 'certified', 1],
  ] as const)('%s', async (_, point, written) => {
    const stage = await open()
    const config = stage.signer(1).config('signer-1')
    const doomed = await stage.start(config, { entry: crashEntry, env: { CRASH_AT: point } })
    const before = await reportOf(doomed)
    const [change, other] = [versionTwo(stage), versionTwo(stage, 'Another')]
    await expect.poll(async () => told(await accept(doomed, change)), { timeout: 25_000 }).toBe('no reply')
    expect((await doomed.ended).signal).toBe('SIGKILL')

    const signer = await stage.start(config)
    expect((await reportOf(signer)).journal.seq - before.journal.seq).toBe(written)
    // What was written is the one that this signer accepts, for good; what was not has bound it to nothing.
    const [first, second] = written === 1 ? [change, other] : [other, change]
    expect(await accepted(signer, first)).toMatchObject({ slot: { of: 'roster', version: 2 } })
    expect(told(await accept(signer, second))).toBe('change_conflict')
    expect((await signer.kill('SIGTERM')).code).toBe(0)
  })
})

describe('TST-14 a signer that is killed while it adopts', () => {
  test.each([
    ['after judging, before the book', 'adoptJudged', 1],
    ['after the book is on the disk', 'adopted', 2],
    ['with the version in force, before it answers', 'inForce', 2],
  ] as const)('%s', async (_, point, version) => {
    const stage = await open()
    const config = stage.signer(1).config('signer-1')
    const doomed = await stage.start(config, { entry: crashEntry, env: { CRASH_AT: point } })
    const witness = await stage.start(stage.signer(2).config('signer-2'))
    const change = versionTwo(stage)
    const [own, theirs] = [await accepted(doomed, change), await accepted(witness, change)]
    const certificate = { slot: own.slot, subject: own.subject, accepts: [own.accept, theirs.accept] }
    const part = { v: 1, versions: [{ change, certificate }], entries: [], stops: [] }
    expect(await post(doomed, '/v1/adopt', part)).toBeUndefined()
    expect((await doomed.ended).signal).toBe('SIGKILL')

    const signer = await stage.start(config)
    expect((await reportOf(signer)).roster).toBe(version)
    for (const each of [signer, witness]) {
      expect(adoptReply.parse(await post(each, '/v1/adopt', part))).toEqual({ v: 1, result: 'adopted', version: 2, stops: 0 })
      expect((await reportOf(each)).roster).toBe(2)
      expect((await each.kill('SIGTERM')).code).toBe(0)
    }
  })
})
