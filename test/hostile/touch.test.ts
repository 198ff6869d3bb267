import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { softPasskey } from '@symbolon/evidence/passkey.testkit.ts'
import { fromBase64url, sha256, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { encodeIntent, intentDigest, type GrantIntent, type Intent, type LockIntent, type RevokeIntent, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { userHandle, type Assertion } from '@symbolon/protocol/webauthn.ts'
import { publicJwk } from '@symbolon/sdk/credential.ts'
import { builtOf, must, type Delegated, type Somebody } from '../people.testkit.ts'
import { byGrant, now, openScene, otherDigest, proofBy, someKey, touch, type Scene } from './scene.ts'

/*
 * People's evidence at the signers. The attacker holds the coordinator's channel and one share; whatever it makes of touches and grants that
 * it saw is refused by each honest signer, by the code that says why. Beside each attempt the honest evidence for the very same intent is signed.
 */

let folder: string
let scene: Scene
let ada: Somebody
let ben: Somebody

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'symbolon-touch-'))
  const policy = JSON.parse(await readFile(join(import.meta.dirname, '../../policy/data.json'), 'utf8')) as object
  await writeFile(join(folder, 'policy.json'), JSON.stringify({ ...policy, scopes: { 'write:prod': { touch: true } } }))
  scene = await openScene({ POLICY_FILE: join(folder, 'policy.json') })
  ada = await scene.town.first('ada')
  ben = await scene.town.enter(await scene.town.invite(ada, 'ben', ['engineer']), 'ben')
  await scene.attacker.learn()
})
afterAll(async () => {
  await scene?.close()
  await rm(folder, { recursive: true, force: true })
})

const flipped = (text: string): Assertion['signature'] => {
  const bytes = fromBase64url(text) ?? new Uint8Array()
  return toBase64url(bytes.map((byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte)))
}

describe('a touch for a token', () => {
  const p256 = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  test.each<[string, string, (digest: Uint8Array) => Assertion]>([
    ['W-3 on a page of another origin', 'origin_mismatch', (digest) => ada.passkey.assert(digest, { origin: 'https://console.example' })],
    ['W-3 on the console’s host, at another port', 'origin_mismatch', (digest) => ada.passkey.assert(digest, { origin: 'http://localhost:1' })],
    ['W-3 in a frame of another page', 'origin_mismatch', (digest) => ada.passkey.assert(digest, { crossOrigin: true })],
    ['W-3 under another page', 'origin_mismatch', (digest) => ada.passkey.assert(digest, { clientData: { topOrigin: 'https://evil.example' } })],
    ['W-3 for another RP id', 'assertion_invalid', (digest) => ada.passkey.assert(digest, { rpId: 'evil.example' })],
    ['W-2 without the user verified', 'user_not_verified', (digest) => ada.passkey.assert(digest, { userVerified: false })],
    ['W-2 without the user present', 'user_not_verified', (digest) => ada.passkey.assert(digest, { userPresent: false })],
    ['W-1 of another intent', 'assertion_mismatch', (digest) => ada.passkey.assert(digest, { challenge: builtOf(scene.token('ada')).digest })],
    ['W-1 of a registration', 'assertion_mismatch', (digest) => ada.passkey.assert(digest, { type: 'webauthn.create' })],
    ['W-1 of an approval of this very intent', 'assertion_mismatch', (digest) => scene.town.approval(ada, toBase64url(digest)).assertion],
    ['W-4 by somebody else', 'subject_mismatch', (digest) => ben.passkey.assert(digest)],
    ['W-4 by somebody else, under her credential', 'assertion_invalid', (digest) => ({ ...ben.passkey.assert(digest), credential: ada.passkey.id })],
    ['W-4 by the attacker’s key, under her credential', 'assertion_invalid', (digest) => ada.passkey.assert(digest, { key: p256() })],
    ['W-4 with somebody else’s user handle', 'assertion_invalid', (digest) => ada.passkey.assert(digest, { userHandle: userHandle({ lineage: scene.town.lineage, row: 'ben' }) })],
    ['W-4 by a passkey of nobody', 'passkey_unknown', (digest) => softPasskey({ rpId: 'localhost' }).assert(digest)],
    ['W-5 by a copy of the passkey', 'assertion_invalid', (digest) => ada.passkey.assert(digest, { backupEligible: true })],
    ['A-4 with one bit of the signature flipped', 'assertion_invalid', (digest) => ((made) => ({ ...made, signature: flipped(made.signature) }))(ada.passkey.assert(digest))],
    ['A-4 with something more at its end', 'assertion_invalid', (digest) => ada.passkey.assert(digest, { trailer: Uint8Array.of(0) })],
  ])('%s', async (_, code, make) => {
    const intent = scene.token('ada')
    const { digest } = builtOf(intent)
    const honest = touch(intent, ada.passkey)
    await scene.expectRefused(intent, [{ kind: 'passkey', assertion: make(digest) }], code, await control(intent, honest))
    await scene.expectMinted(intent, honest)
  })

  test('A-4 an intent that was altered after the touch', async () => {
    const intent = scene.token('ada')
    for (const change of [{ scope: ['write:prod'] }, { ttl: 1800 }, { cnf: { jkt: otherDigest() } }, { aud: intent.iss }] satisfies Partial<TokenIntent>[]) {
      const other = { ...intent, ...change }
      await scene.expectRefused(other, touch(intent, ada.passkey), 'assertion_mismatch', await control(other, touch(other, ada.passkey)))
    }
    await scene.expectMinted(intent, touch(intent, ada.passkey))
  })

  test('A-3 two touches are not more than one', async () => {
    const intent = scene.token('ada')
    await scene.expectRefused(intent, [...touch(intent, ada.passkey), ...touch(intent, ben.passkey)], 'evidence_ambiguous')
  })

  test('Z-3 what policy gives to others only', async () => {
    const intent = scene.token('ben', { scope: ['write:prod'] })
    await scene.expectRefused(intent, touch(intent, ben.passkey), 'scope_not_allowed')
  })

  test('I-4 the bootstrap key is nobody’s from version 2 on', async () => {
    const intent = scene.token('bootstrap')
    await expect(scene.town.first('eve')).rejects.toMatchObject({ code: 'key_unknown' })
    await scene.expectRefused(intent, touch(intent, ada.passkey), 'subject_mismatch')
  })
})

/** What would be signed, were the evidence as it should be. */
const control = async (...honest: Parameters<Scene['granted']>): Promise<string> => (await scene.granted(...honest)).message

describe('a grant', () => {
  const altered = (made: Delegated, change: Partial<GrantIntent>): Delegated => {
    const intent = { ...(JSON.parse(Buffer.from(fromBase64url(made.grant.intent) ?? []).toString()) as GrantIntent), ...change }
    const bytes = encodeIntent(intent)
    return { ...made, grant: { ...made.grant, intent: toBase64url(bytes) }, digest: toBase64url(intentDigest(bytes)) }
  }
  const within = () => scene.town.grant(ada, { ceiling: { scope: ['read:logs'], max_ttl: 300 } })
  const keyOf = (key: Delegated['key']) => thumbprint(must(publicJwk(key)))

  test('the control: it is evidence for what it covers, as often as its key asks', async () => {
    const made = within()
    for (const ttl of [60, 300]) {
      const intent = scene.token('ada', { ttl })
      await scene.expectMinted(intent, byGrant(intent, made))
    }
  })

  test.each<[string, string, (intent: TokenIntent, made: Delegated) => ReturnType<typeof byGrant>]>([
    ['A-4 with its ceiling widened after the touch', 'assertion_mismatch', (intent, made) => byGrant(intent, altered(made, { ceiling: {} }))],
    ['A-4 with its end put off after the touch', 'assertion_mismatch', (intent, made) => byGrant(intent, altered(made, { end: now() + 10_000 }))],
    ['A-4 given to another key after the touch', 'assertion_mismatch', (intent, made) => ((key) => byGrant(intent, { ...altered(made, { key: keyOf(key) }), key }))(someKey())],
    ['with a proof by another key', 'proof_invalid', (intent, made) => byGrant(intent, { ...made, key: someKey() })],
    ['with a proof for another intent', 'proof_mismatch', (intent, made) => byGrant(intent, made, { intent: otherDigest() })],
    ['with a proof for another kind of intent', 'proof_mismatch', (intent, made) => byGrant(intent, made, { kind: 'revoke' })],
    ['with a proof that rides on another grant', 'proof_mismatch', (intent, made) => byGrant(intent, made, { of: otherDigest() })],
    ['I-1 with a proof for another deployment', 'proof_mismatch', (intent, made) => byGrant(intent, made, { iss: 'https://staging.example' })],
    ['I-1 made for another deployment', 'grant_invalid', (intent) => byGrant(intent, scene.town.grant(ada, { iss: 'https://staging.example' }))],
    ['I-1 made for another lineage', 'grant_invalid', (intent) => byGrant(intent, scene.town.grant(ada, { lineage: otherDigest() }))],
    ['longer than the roster allows', 'grant_invalid', (intent) => byGrant(intent, scene.town.grant(ada, { end: now() + 90_000 }))],
    ['that has ended', 'grant_expired', (intent) => byGrant(intent, scene.town.grant(ada, { iat: now() - 7_200, exp: now() - 7_000, end: now() - 3_600 }))],
    ['that is from the future', 'grant_invalid', (intent) => byGrant(intent, scene.town.grant(ada, { iat: now() + 3_600, exp: now() + 3_700, end: now() + 7_200 }))],
    ['given to other software', 'grant_invalid', (intent) => byGrant(intent, scene.town.grant(ada, { client: 'symbolon-console' }))],
    ['W-4 of somebody else', 'subject_mismatch', (intent) => byGrant(intent, scene.town.grant(ben))],
    ['W-2 touched without the user verified', 'user_not_verified', (intent, made) => regranted(intent, made, { userVerified: false })],
    ['W-3 touched on another origin', 'origin_mismatch', (intent, made) => regranted(intent, made, { origin: 'https://evil.example' })],
    ['W-1 whose touch was for a token', 'assertion_mismatch', (intent, made) => byGrant(intent, { ...made, grant: { ...made.grant, assertion: ada.passkey.assert(builtOf(intent).digest) } })],
    ['W-1 whose touch was an approval of it', 'assertion_mismatch', (intent, made) => byGrant(intent, { ...made, grant: { ...made.grant, assertion: scene.town.approval(ada, made.digest).assertion } })],
  ])('%s', async (_, code, make) => {
    const made = within()
    const intent = scene.token('ada', { ttl: 60 })
    await scene.expectRefused(intent, make(intent, made), code, await control(intent, byGrant(intent, made)))
    await scene.expectMinted(intent, byGrant(intent, made))
  })
  const regranted = (intent: TokenIntent, made: Delegated, lies: Parameters<Somebody['passkey']['assert']>[1]) =>
    byGrant(intent, { ...made, grant: { ...made.grant, assertion: ada.passkey.assert(fromBase64url(made.digest) ?? new Uint8Array(), lies) } })

  test('never beyond its ceiling', async () => {
    const made = within()
    for (const change of [{ scope: ['deploy:canary'] }, { ttl: 301 }]) {
      const intent = scene.token('ada', { ttl: 60, ...change })
      await scene.expectRefused(intent, byGrant(intent, made), 'ceiling_exceeded')
    }
  })

  test('never for a scope that policy marks `touch`, for which a touch is enough', async () => {
    const intent = scene.token('ada', { scope: ['write:prod'] })
    await scene.expectRefused(intent, byGrant(intent, scene.town.grant(ada)), 'touch_required')
    await scene.expectMinted(intent, touch(intent, ada.passkey))
  })

  test('the touch that made it is no touch for a token', async () => {
    const intent = scene.token('ada')
    await scene.expectRefused(intent, [{ kind: 'passkey', assertion: within().grant.assertion }], 'assertion_mismatch')
  })

  test('W-1 stops no one, and proposes no change', async () => {
    const made = scene.town.grant(ada)
    const lock: LockIntent = { ...scene.common(), kind: 'lock', sub: 'ada', row: 'ben' }
    await scene.expectNotStopped(lock, byGrant(lock, made), 'evidence_kind_unsupported')
    const change = await scene.town.change(ada, [(draft) => ({ ...draft, rate: 599 })])
    const intent = JSON.parse(Buffer.from(fromBase64url(change.intent) ?? []).toString()) as Intent
    await scene.expectNotAccepted({ v: 1, what: 'change', change: { ...change, evidence: byGrant(intent, made) } }, 'evidence_kind_unsupported')
  })
})

describe('what was stopped', () => {
  const revoke = (sub: string, id: RevokeIntent['id'], what: RevokeIntent['what'] = 'grant'): RevokeIntent => ({ ...scene.common(), kind: 'revoke', sub, what, id })
  const stop = async (intent: RevokeIntent | LockIntent, evidence: ReturnType<typeof touch>) => {
    for (const victim of scene.attacker.victims) expect(await scene.adopt(victim, { stops: [{ intent: toBase64url(encodeIntent(intent)), evidence }] })).toMatchObject({ result: 'adopted', stops: 1 })
  }

  test('I-6 a revoked grant, and a token that was made from it', async () => {
    const made = scene.town.grant(ada)
    const key = someKey()
    const intent = scene.token('ada', { aud: scene.attacker.roster.deployment.issuer, cnf: { jkt: thumbprint(must(publicJwk(key))) } })
    const token = await scene.expectMinted(intent, byGrant(intent, made))
    const byToken = (next: TokenIntent) => [{ kind: 'token' as const, token, proof: proofBy(key, next, { of: toBase64url(sha256(utf8(token))) }) }]
    const [before, after] = [scene.token('ada'), scene.token('ada')]
    await scene.expectMinted(before, byToken(before))
    const ended = revoke('ada', made.digest)
    await stop(ended, byGrant(ended, made))
    await scene.expectRefused(after, byToken(after), 'revoked')
    await scene.expectRefused(after, byGrant(after, made), 'revoked')
    await scene.expectMinted(after, touch(after, ada.passkey))
  })

  test('nobody but a guardian ends what is somebody else’s', async () => {
    const made = within()
    const hers = scene.town.grant(ada)
    const other = revoke('ada', made.digest)
    await scene.expectNotStopped(other, byGrant(other, hers), 'ceiling_exceeded')
    // No signer knows whose it is before it is shown: his word is kept, and bites nothing of hers.
    const his = revoke('ben', made.digest)
    await stop(his, touch(his, ben.passkey))
    const intent = scene.token('ada', { ttl: 60 })
    await scene.expectMinted(intent, byGrant(intent, made))
  })

  test('A-4 a revocation or a lock that was altered after the touch, or was for another deployment', async () => {
    const lock: LockIntent = { ...scene.common(), kind: 'lock', sub: 'ada', row: 'ben' }
    await scene.expectNotStopped({ ...lock, row: 'ada' }, touch(lock, ada.passkey), 'assertion_mismatch')
    await scene.expectNotStopped({ ...lock, sub: 'ben', row: 'ada' }, touch({ ...lock, sub: 'ben', row: 'ada' }, ben.passkey), 'not_a_guardian')
    const elsewhere = { ...lock, lineage: otherDigest() }
    await scene.expectNotStopped(elsewhere, touch(elsewhere, ada.passkey), 'wrong_deployment')
  })

  test('a locked row, by touch and by grant, whatever was asked before', async () => {
    const made = scene.town.grant(ben)
    const before = scene.token('ben')
    await scene.expectMinted(before, touch(before, ben.passkey))
    const lock: LockIntent = { ...scene.common(), kind: 'lock', sub: 'ada', row: 'ben' }
    await stop(lock, touch(lock, ada.passkey))
    const after = scene.token('ben')
    await scene.expectRefused(after, touch(after, ben.passkey), 'locked')
    await scene.expectRefused(after, byGrant(after, made), 'locked')
    await scene.expectRefused(before, byGrant(before, made), 'locked')
    const hers = scene.token('ada')
    await scene.expectMinted(hers, touch(hers, ada.passkey))
  })
  const within = () => scene.town.grant(ada, { ceiling: { scope: ['read:logs'], max_ttl: 300 } })
})
