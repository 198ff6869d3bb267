import { rmSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { startDkg, type Dkg } from '@symbolon/core/dkg.ts'
import { fromBase64url, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { sessionOf, type CeremonyMessage, type MessageOf } from '@symbolon/protocol/ceremony.ts'
import { purposes } from '@symbolon/protocol/purpose.ts'
import { judgeComplaint } from './accuse.ts'
import { dkgContext, type DealingTerms } from './dealing.ts'
import { makePeople, planFor, suite, termsOf } from './members.testkit.ts'
import { disclose, makeSessionKey, sealShares, type SessionKey } from './sealed-shares.ts'

/* Dealer 2 deals to member 1, who complains; member 3 judges from what it holds itself. */

let session: Base64url
let key: SessionKey
let inbox: CeremonyMessage[]
let dealt: MessageOf<'deal'>['body']['shares'][number]
const blank = { v: 1, plan: 'A'.repeat(43) as Base64url, signature: 'A'.repeat(86) as Base64url } as const

beforeAll(async () => {
  const made = await makePeople()
  const plan = planFor(made.people)
  rmSync(made.root, { recursive: true })
  const terms = termsOf(plan, 2)
  const dealing: DealingTerms = { plan: terms.plan, self: 2, members: [1, 2, 3], t: 2, epoch: 1 }
  const keys = new Map<number, SessionKey>()
  for (const id of [1, 2, 3]) keys.set(id, await makeSessionKey())
  const keyOf = (id: number) => keys.get(id) ?? key
  key = keyOf(1)
  const accepts = [1, 2, 3].map((sender): MessageOf<'accept'> => ({ ...blank, phase: 'accept', sender, body: { receive: keyOf(sender).jwk, nonce: toBase64url(new Uint8Array(32).fill(sender)) } }))
  session = sessionOf(terms.plan, accepts)
  const begin = (id: number, purpose: (typeof purposes)[number]): Dkg => {
    const made = startDkg(suite, { id, members: [1, 2, 3], threshold: 2, context: dkgContext(dealing, session, purpose) })
    if (!made.ok) throw new Error(made.error.code)
    return made.value
  }
  const rows = purposes.map((purpose) => {
    const [one, two, three] = [begin(1, purpose), begin(2, purpose), begin(3, purpose)]
    const digests = [[1, one], [2, two], [3, three]] as const
    const reveal = (id: number, dkg: Dkg) => {
      const made = dkg.reveal(digests.filter(([other]) => other !== id).map(([other, { digest }]) => ({ id: other, digest })))
      if (!made.ok) throw new Error(made.error.code)
      return made.value
    }
    const packages = [reveal(1, one), reveal(3, three)]
    const own = reveal(2, two)
    const shares = two.deal(packages)
    const share = shares.ok ? shares.value.get(1) : undefined
    if (share === undefined) throw new Error('no share')
    return { purpose, own, share }
  })
  const reveal: MessageOf<'reveal'> = { ...blank, session, phase: 'reveal', sender: 2, body: { packages: rows.map(({ purpose, own }) => ({ purpose, commitments: own.commitments.map((point) => toBase64url(point)), proof: { r: toBase64url(own.proof.r), mu: toBase64url(own.proof.mu) } })) } }
  dealt = await sealShares(key.jwk, { session, dealer: 2, receiver: 1 }, rows.map(({ share }) => share))
  inbox = [...accepts, reveal]
})

const deal = (sealed = dealt): CeremonyMessage => ({ ...blank, session, phase: 'deal', sender: 2, body: { shares: [sealed] } })
const judge = async (messages: CeremonyMessage[], disclosed?: Base64url) => {
  const { fault: { code, culprits }, standing } = await judgeComplaint({ suite, session, inbox: messages }, 1, { dealer: 2, key: disclosed ?? (await disclose(key)) })
  return { code, culprits, standing }
}
const flip = (text: Base64url): Base64url => toBase64url((fromBase64url(text) ?? new Uint8Array()).map((byte, i) => (i === 3 ? byte ^ 1 : byte)))

describe('SEC-15 a complaint is checked by everybody', () => {
  test('against shares that fit it is false, and proves its sender', async () => {
    expect(await judge([...inbox, deal()])).toEqual({ code: 'complaint_false', culprits: [1], standing: 'proven' })
  })

  test('against shares that do not fit the commitments it proves the dealer', async () => {
    // One purpose of four, one coefficient of two.
    const wrong = <T>(commitments: readonly T[]): T[] => commitments.slice(0, 1).flatMap((constant) => [constant, constant])
    const other = inbox.map((message): CeremonyMessage => (message.phase === 'reveal' ? { ...message, body: { packages: message.body.packages.map((row, at) => (at === 3 ? { ...row, commitments: wrong(row.commitments) } : row)) } } : message))
    expect(await judge([...other, deal()])).toEqual({ code: 'share_invalid', culprits: [2], standing: 'proven' })
  })

  test('against what does not open it proves the dealer', async () => {
    expect(await judge([...inbox, deal({ ...dealt, ciphertext: flip(dealt.ciphertext) })])).toEqual({ code: 'share_unreadable', culprits: [2], standing: 'proven' })
    expect(await judge([...inbox, deal({ ...dealt, to: 3 })])).toEqual({ code: 'share_unreadable', culprits: [2], standing: 'proven' })
  })

  test('an envelope of another dealer, receiver or session does not open', async () => {
    const shares = purposes.map(() => suite.memory.take(32))
    for (const envelope of [{ session, dealer: 3, receiver: 1 }, { session, dealer: 2, receiver: 3 }, { session: 'A'.repeat(43) as Base64url, dealer: 2, receiver: 1 }]) {
      const sealed = await sealShares(key.jwk, envelope, shares)
      expect(await judge([...inbox, deal({ ...sealed, to: 1 })])).toMatchObject({ code: 'share_unreadable', culprits: [2] })
    }
  })

  test('with a key that is not the complainer’s it proves the complainer', async () => {
    for (const wrong of [await disclose(await makeSessionKey()), 'A'.repeat(43) as Base64url]) expect(await judge([...inbox, deal()], wrong)).toEqual({ code: 'complaint_malformed', culprits: [1], standing: 'proven' })
  })

  test('about a message that has not arrived here it is only a claim', async () => {
    expect(await judge(inbox)).toEqual({ code: 'share_invalid', culprits: [2], standing: 'claimed' })
  })
})
