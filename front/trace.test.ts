import { expect, test } from 'vitest'
import { requestIdOf, traceOf } from './trace.ts'

const [trace, span] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331']

test('a trace is continued in a span of its own', () => {
  const { id, parent } = traceOf(`00-${trace}-${span}-01`)
  expect(id).toBe(trace)
  expect(parent).toMatch(new RegExp(`^00-${trace}-(?!${span})[0-9a-f]{16}-01$`))
})

test.each([undefined, '', 'x', `01-${trace}-${span}-01`, `00-${'0'.repeat(32)}-${span}-01`, `00-${trace}-${'0'.repeat(16)}-01`, `00-${trace.toUpperCase()}-${span}-01`, `00-${trace}-${span}-01-more`])('%s begins a new one', (header) => {
  const first = traceOf(header)
  expect(first.parent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
  expect(first.id).not.toBe(trace)
  expect(traceOf(header).id).not.toBe(first.id)
})

test.each(['request-0001', 'A_b-C012', 'x'.repeat(64)])('%s is echoed', (header) => expect(requestIdOf(header)).toBe(header))
test.each([undefined, '', 'short', 'x'.repeat(65), 'with space', 'new\nline', 'ü'.repeat(8)])('%j is replaced', (header) => expect(requestIdOf(header)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/))
