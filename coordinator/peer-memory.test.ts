import { describe, expect, test } from 'vitest'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { BootCertificate, Commitment } from '@symbolon/protocol/sign.ts'
import { openBoots } from './boots.ts'
import { openStock } from './commitments.ts'
import { openHealth } from './health.ts'

/* What a peer remembers about its signer: commitments, boots, health. */

const text = (value: number, length = 32) => toBase64url(new Uint8Array(length).fill(value))
const commitment = (value: number): Commitment => ({ hiding: text(value), binding: text(value) })
const boot = (value: number): Base64url => text(value, 16)

describe('stock', () => {
  test('gives the oldest first, each once', () => {
    const stock = openStock(8)
    stock.begin(boot(1))
    stock.add(boot(1), [commitment(1), commitment(2)])
    expect([stock.take(), stock.take(), stock.take()].map((held) => held?.commitment)).toEqual([commitment(1), commitment(2), undefined])
  })

  test('TST-15 a new boot makes what is left dead, and late additions of the old one are ignored', () => {
    const stock = openStock(8)
    stock.begin(boot(1))
    stock.add(boot(1), [commitment(1)])
    const held = stock.take() ?? expect.unreachable()
    stock.begin(boot(2))
    stock.add(boot(1), [commitment(2)])
    stock.giveBack(held)
    expect(stock.size).toBe(0)
  })

  test('never holds more than its signer remembers', () => {
    const stock = openStock(2)
    stock.begin(boot(1))
    stock.add(boot(1), [1, 2, 3].map(commitment))
    expect(stock.size).toBe(2)
    const held = stock.take() ?? expect.unreachable()
    stock.add(boot(1), [commitment(4), commitment(5)])
    stock.giveBack(held)
    expect(stock.size).toBe(2)
  })

  test('what comes back unspent is the oldest again', () => {
    const stock = openStock(1_000)
    stock.begin(boot(1))
    stock.add(boot(1), Array.from({ length: 600 }, (_, at) => commitment(at % 256)))
    const taken = Array.from({ length: 300 }, () => stock.take() ?? expect.unreachable())
    stock.giveBack(taken[299] ?? expect.unreachable())
    expect(stock.size).toBe(301)
    expect(stock.take()).toEqual(taken[299])
    expect(stock.take()?.commitment).toEqual(commitment(300 % 256))
  })
})

describe('boots', () => {
  const certificate = (value: number): BootCertificate => ({ signer: 1, boot: boot(value), key: text(value), iat: 1, signature: text(value, 64) })
  const openAt = () => {
    const time = { now: 0 }
    return { time, boots: openBoots(() => time.now) }
  }

  test('TST-15 an answer of a former boot to a question asked before the change is late, to a later one an alarm', () => {
    const { time, boots } = openAt()
    boots.begin(certificate(1))
    time.now = 100
    boots.begin(certificate(2))
    expect(boots.sighted(boot(2), 150)).toBe('current')
    expect(boots.sighted(boot(1), 99)).toBe('late_answer')
    expect(boots.sighted(boot(1), 100)).toBe('alternates')
    expect(boots.sighted(boot(3), 150)).toBe('unknown')
  })

  test('certificates of the last few boots are kept to check what they said', () => {
    const { boots } = openAt()
    for (let value = 1; value <= 20; value++) boots.begin(certificate(value))
    expect(boots.certificateOf(boot(19))).toEqual(certificate(19))
    expect(boots.certificateOf(boot(1))).toBeUndefined()
  })
})

describe('health', () => {
  const openAt = () => {
    const time = { now: 0 }
    return { time, health: openHealth({ least: 20, most: 200 }, () => time.now) }
  }

  test('patience follows how long a signer usually takes, within its bounds', () => {
    const { health } = openAt()
    for (let round = 0; round < 50; round++) health.answered(1)
    expect(health.patience).toBe(20)
    for (let round = 0; round < 50; round++) health.answered(60)
    expect(health.patience).toBeGreaterThan(59)
    for (let round = 0; round < 50; round++) health.answered(1_000)
    expect(health.patience).toBe(200)
  })

  test('a signer that is not asked is not held to its last bad moment', () => {
    const { time, health } = openAt()
    for (let round = 0; round < 20; round++) health.answered(300)
    const then = health.rank(0)
    time.now += 20_000
    expect(health.rank(0)).toBeLessThan(then / 8)
  })

  test('more load ranks behind', () => {
    const { health } = openAt()
    expect(health.rank(16)).toBeGreaterThan(health.rank(0))
  })

  test('late until it answers an item, unwilling for a second, down until it answers anything', () => {
    const { time, health } = openAt()
    health.late()
    expect(health.state).toBe('late')
    health.answered(1)
    expect(health.state).toBe('well')
    health.unwilling()
    expect(health.state).toBe('unwilling')
    time.now += 1_001
    expect(health.state).toBe('well')
    health.failed()
    health.late()
    expect(health.state).toBe('down')
    health.alive()
    expect(health.state).toBe('well')
    health.late()
    health.alive()
    expect(health.state).toBe('late')
  })
})
