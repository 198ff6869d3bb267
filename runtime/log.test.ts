import { describe, expect, test } from 'vitest'
import { SafeError, openLog } from './log.ts'

const capture = () => {
  const lines: string[] = []
  return { lines, log: openLog({ process: 'api', level: 'debug', to: { write: (line: string) => void lines.push(line) } }) }
}
const caught = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    return error
  }
}

describe('the log', () => {
  test('L-1 a secret under a known name is redacted at every level, in lists and in a child’s bindings too', () => {
    const { lines, log } = capture()
    log.info({ token: 'canary', a: { password: 'canary', b: { 'set-cookie': 'canary', c: [{ proof: 'canary' }, [{ d: { seed: 'canary' } }]] } }, headers: { authorization: 'canary' } }, 'hello')
    log.child({ pin: 'canary', who: { passphrase: 'canary' } }).child({ share: 'canary' }).info('child')
    log.info({ a: { b: { c: { d: { e: { f: { token: 'canary' } } } } } } })
    log.info(Object.assign(Object.create(null) as object, { token: 'canary', inner: Object.assign(Object.create(null) as object, { token: 'canary' }) }))
    expect(lines.join()).not.toContain('canary')
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ process: 'api', level: 'info', msg: 'hello', token: '[redacted]' })
  })

  test('an endless structure ends', () => {
    const { lines, log } = capture()
    const endless: Record<string, unknown> = { name: 'x' }
    endless['self'] = endless
    log.info(endless)
    expect(lines[0]).toContain('[deeper]')
  })

  test('L-1 bytes are shown as their length', () => {
    const { lines, log } = capture()
    log.info({ body: Buffer.from('canary') })
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ body: '[6 bytes]' })
  })

  test('L-2 an error that quotes input keeps its kind and frames, and loses its message', () => {
    const { lines, log } = capture()
    log.error({ err: caught(() => JSON.parse('"canary')) })
    log.error(new Error('first\n    at canary'))
    log.error({ err: new Error('canary', { cause: new Error('canary') }) })
    expect(lines.join()).not.toContain('canary')
    expect(JSON.parse(lines[0] ?? '').err).toMatchObject({ kind: 'SyntaxError', frames: expect.arrayContaining(['at JSON.parse (<anonymous>)']) })
    expect(JSON.parse(lines[0] ?? '').msg).toBeUndefined()
  })

  test('an error that speaks only of code keeps its message', () => {
    const { lines, log } = capture()
    log.error({ err: new SafeError('store_lost', 'the store is empty') })
    log.error({ err: caught(() => (undefined as unknown as { x: number }).x) })
    expect(JSON.parse(lines[0] ?? '').err).toMatchObject({ kind: 'SafeError', code: 'store_lost', message: 'the store is empty' })
    expect(JSON.parse(lines[1] ?? '').err.message).toContain("reading 'x'")
  })
})
