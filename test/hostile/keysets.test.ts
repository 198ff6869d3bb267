import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openShell, type Shell } from '@symbolon/cli/cli.testkit.ts'
import type { KeysetChain } from '@symbolon/roster/keyset-chain.ts'
import { testDeployment } from '@symbolon/sdk/deployment.testkit.ts'
import { cleanups, evil, keysetAs, now, real, secret, serve } from './false-api.ts'

/*
 * A hostile api that shows a client another way from the pinned keyset to that of today: an older one than this machine has seen, or one that
 * the signers never vouched for. The command line believes neither, and no evidence leaves it.
 */

let shell: Shell
let chain: KeysetChain
let api: Awaited<ReturnType<typeof serve>>

const second = real.later({})
const third = real.later({ roster: 3, digest: second.keyset.policy })
const honest = (): KeysetChain => ({ keysets: [real.signed(now() - 900_000), third.signed(now())] })

beforeEach(async () => {
  shell = openShell()
  cleanups.push(shell.remove)
  api = await serve((asked) => keysetAs(chain)(asked))
  Object.assign(shell.env, { SYMBOLON_ADDR: api.addr, SYMBOLON_PIN: real.pin, SYMBOLON_SUBJECT: 'worker', SYMBOLON_KEY_FILE: shell.write('key.pem', secret) })
  chain = honest()
  expect((await mint()).code, 'the control: today’s chain is followed, and remembered').toBe(0)
  api.seen.splice(0)
})
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

const mint = () => shell.run(['mint', '--scope', 'read:logs'])

describe('I-5 a keyset that today’s signers do not stand behind', () => {
  const [own] = third.signed(now()).signatures
  const forged = testDeployment()
  const later = (change: Parameters<typeof real.later>[0]) => forged.later({ ...real.keyset, roster: 4, ...change }, real.pin)

  test.each<[string, string, () => KeysetChain]>([
    ['the first one again, freshly signed', 'an older keyset', () => ({ keysets: [real.signed(now())] })],
    ['an older one than was seen, freshly signed', 'an older keyset', () => ({ keysets: [real.signed(now()), second.signed(now())] })],
    ['another one of the version that was seen', 'an older keyset', () => ({ keysets: [real.signed(now()), real.later({ roster: 3 }).signed(now())] })],
    ['a later one by signers of its own', 'not signed by enough signers', () => ({ keysets: [real.signed(now()), later({}).signed(now())] })],
    ['a later one with its own signing key, and one honest signature', 'not signed by enough signers', () => ((made) => ({ keysets: [real.signed(now()), { ...made, signatures: own === undefined ? [] : [own, ...made.signatures] }] }))(later({ groups: evil.keyset.groups }).signed(now()))],
    ['a later one, vouched for by its own signers after another of its own', 'not signed by enough signers', () => ({ keysets: [real.signed(now()), later({ signers: forged.keyset.signers }).signed(now()), forged.later({ roster: 5, signers: forged.keyset.signers }, real.pin).signed(now())] })],
    ['a way that does not begin at the pinned one', 'not the pinned one', () => ({ keysets: [third.signed(now())] })],
    ['a way that goes back on itself', 'not signed by enough signers', () => ({ keysets: [real.signed(now()), third.signed(now()), second.signed(now())] })],
    ['the newest of last week', 'too old', () => ({ keysets: [real.signed(now()), third.signed(now() - 7 * 86_400)] })],
  ])('%s', async (_, said, shown) => {
    chain = shown()
    const { code, out, err } = await mint()
    expect({ code, out, said: err.includes(said) ? said : err }).toEqual({ code: 2, out: '', said })
    expect(api.seen.map(({ path }) => path), 'no evidence has left').toEqual(['/v1/keyset'])
    // Nothing of it was remembered either.
    chain = honest()
    expect((await mint()).code).toBe(0)
  })
})
