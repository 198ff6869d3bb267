import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { removePerson, setGuardians, setRoles } from '@symbolon/roster/edit.ts'
import { codeOfOutcome, digestOf, must, openTown, type Delegated, type Somebody, type Town } from '../people.testkit.ts'
import { startStack, type Stack } from '../stack.ts'

/* Who exists changes while everything runs: a first guardian, a second person, a removal, on one deployment from `make up`. */

let stack: Stack
let town: Town
let ada: Somebody
let ben: Somebody
let bens: Delegated

beforeAll(async () => {
  const started = await startStack()
  if (started.first.code !== 0) throw new Error(started.first.stderr)
  stack = started
  town = await openTown(stack)
})
afterAll(async () => {
  await town?.close()
  await stack?.stop()
})

const mint = (who: Somebody, credential = who.touch, scope = ['read:logs']) => town.client.mint({ sub: who.id, client: 'symbolon-cli', scope }, credential)

describe('from version 1 to people who come and go', () => {
  test('the bootstrap key makes version 2, and is nothing afterwards', async () => {
    ada = await town.first('ada')
    expect((await town.roster(ada)).document).toMatchObject({ version: 2, guardians: { people: ['ada'], count: 1 } })
    expect(must(await mint(ada)).claims).toMatchObject({ sub: 'ada', acr: 'urn:symbolon:acr:touch', 'urn:symbolon:v1': { origin: { kind: 'passkey' } } })
    await expect(town.first('eve')).rejects.toMatchObject({ code: expect.stringMatching(/key_unknown|evidence/) })
  })

  test('she invites a second person, who comes in and mints three times with one touch', async () => {
    const code = await town.invite(ada, 'ben', ['engineer'])
    ben = await town.enter(code, 'ben')
    await expect(town.enter(code, 'ben'), 'I-4 a code is good once').rejects.toMatchObject({ code: 'invitation_spent' })
    bens = town.grant(ben)
    for (const round of [1, 2, 3]) expect(must(await mint(ben, bens.credential)).claims, `mint ${round}`).toMatchObject({ sub: 'ben', acr: 'urn:symbolon:acr:grant', 'urn:symbolon:v1': { origin: { kind: 'grant', grant: bens.digest } } })
  })

  test('what is pending needs a guardian other than its proposer', async () => {
    await town.accepted(ada, setGuardians({ people: ['ada', 'ben'], count: 1, window: 3_600 }))
    const change = await town.change(ada, [setRoles('ben', ['engineer', 'sre'])])
    expect(must(await town.propose(change))).toMatchObject({ state: 'pending', needed: 1, approvers: [] })
    const digest = digestOf(change)
    expect(codeOfOutcome(await town.client.approve(digest, town.approval(ada, digest))), 'A-2 the proposer does not count').not.toBe('ok')
    expect(must(await town.client.approve(digest, town.approval(ben, digest)))).toMatchObject({ state: 'accepted' })
    expect(must(await mint(ben, bens.credential, ['deploy:canary']))).toBeDefined()
  })

  test('she removes him, and the next mint is refused by every signer, with the reason', async () => {
    const change = await town.change(ada, [setGuardians({ people: ['ada'], count: 1, window: 3_600 })])
    must(await town.propose(change))
    expect(must(await town.client.approve(digestOf(change), town.approval(ben, digestOf(change))))).toMatchObject({ state: 'accepted' })
    await town.accepted(ada, removePerson('ben'))
    const refused = await mint(ben, bens.credential)
    expect(codeOfOutcome(refused)).toBe('passkey_unknown')
    expect(refused.ok ? [] : refused.error.details.reasons).toMatchObject([{ message: expect.any(String), rule: expect.any(String) }])
  })

  test('B-3 I-3 a signer that was away hears it before it signs again', async () => {
    await stack.kill('signer-3')
    const carl = await town.invite(ada, 'carl', ['engineer'])
    const inside = await town.enter(carl, 'carl')
    expect((await stack.up()).code).toBe(0)
    await stack.kill('signer-2')
    // Signers 1 and 3 make the quorum now; 3 heard of the invitation and the passkey from 1.
    const behind = ['quorum_unavailable', 'peers_unheard', 'roster_behind', 'not_ready']
    await expect
      .poll(
        async () => {
          const code = codeOfOutcome(await mint(inside))
          expect(['ok', ...behind]).toContain(code)
          return code
        },
        { timeout: 40_000, interval: 1_000 },
      )
      .toBe('ok')
    expect((await stack.up()).code).toBe(0)
  })

  test('a revoked grant ends at once, and tokens made from it as evidence', async () => {
    const hers = town.grant(ada)
    must(await mint(ada, hers.credential))
    must(await town.client.stop({ kind: 'revoke', sub: 'ada', what: 'grant', id: hers.digest }, { credential: hers.credential }, { iss: must(await town.client.deployment()).keyset.issuer, lineage: town.lineage }))
    expect(codeOfOutcome(await mint(ada, hers.credential))).toBe('revoked')
    expect(codeOfOutcome(await mint(ada))).toBe('ok')
  })
})
