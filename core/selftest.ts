import { sameBytes } from './group.ts'
import { randomPolynomial } from './polynomial.ts'
import type { Suite } from './suite.ts'
import { commit } from './frost.ts'

export class SelfTestError extends Error {
  override readonly name = 'SelfTestError'
  readonly code: 'generator_repeats' | 'nonces_repeat'
  constructor(code: SelfTestError['code']) {
    super(code)
    this.code = code
  }
}

const DRAWS = 16

/**
 * TST-13: stops a process whose random generator is stuck before it can give its share away: one nonce used for two messages
 * reveals it. Draws from the generator, then makes commitments as signing does. It cannot tell a predictable generator
 * from a good one.
 */
export function selfTest(suite: Suite): void {
  const draws = Array.from({ length: DRAWS }, () => {
    const out = new Uint8Array(32)
    suite.group.random(out)
    return out
  })
  const zero = new Uint8Array(32)
  if (repeats([zero, ...draws])) throw new SelfTestError('generator_repeats')
  const { coefficients: share } = randomPolynomial(suite, 1)
  try {
    const points = Array.from({ length: 4 }, () => commit(suite, { id: 1, share })).flatMap(({ commitment, secret }) => {
      secret.wipe()
      return [commitment.hiding, commitment.binding]
    })
    if (repeats(points)) throw new SelfTestError('nonces_repeat')
  } finally {
    share.wipe()
  }
}

const repeats = (values: readonly Uint8Array[]) => values.some((a, i) => values.slice(i + 1).some((b) => sameBytes(a, b)))
