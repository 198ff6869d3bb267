import { describe, expect, test } from 'vitest'
import { duration, shown } from './text.ts'

describe('A-8 what others wrote is neutralised', () => {
  test.each([
    ['right-to-left override', 'read\u202esgol', 'read⟨U+202E⟩sgol'],
    ['isolates', 'a\u2066b\u2069', 'a⟨U+2066⟩b⟨U+2069⟩'],
    ['marks', '\u200fx\u061c', '⟨U+200F⟩x⟨U+061C⟩'],
    ['an invisible space', 'pay\u200broll', 'pay⟨U+200B⟩roll'],
    ['control characters', 'a\u0000b\u001b[31m\u0085', 'a⟨U+0000⟩b⟨U+001B⟩[31m⟨U+0085⟩'],
    ['line breaks', 'a\nb\u2028c', 'a⟨U+000A⟩b⟨U+2028⟩c'],
    ['tag characters', 'a\u{e0041}', 'a⟨U+E0041⟩'],
    ['a script written from the right', 'a\u05d0b', 'a⟨U+05D0⟩b'],
    ['half a surrogate pair', 'a\ud800', 'a\ufffd'],
  ])('%s', (_case, text, expected) => expect(shown(text)).toBe(expected))

  test('markup stays text', () => expect(shown('<img src=x onerror=alert(1)>')).toBe('<img src=x onerror=alert(1)>'))

  test('what is cut is counted', () => expect(shown('x'.repeat(25), 10)).toBe('xxxxxxxxxx… (15 more characters)'))
})

test.each([
  [0, '0 seconds'],
  [1, '1 second'],
  [900, '15 minutes'],
  [3_661, '1 hour 1 minute'],
  [43_200, '12 hours'],
])('%i seconds', (seconds, words) => expect(duration(seconds)).toBe(words))
