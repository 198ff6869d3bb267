import { expect, test } from 'vitest'
import { wishIn } from './wish.ts'

test('what the command line writes is read', () => {
  expect(wishIn('scope=write%3Aprod+read%3Alogs&aud=https%3A%2F%2Fapi.example&ttl=300&reason=hotfix')).toEqual({ scope: 'write:prod read:logs', aud: 'https://api.example', ttl: '300', reason: 'hotfix', isGiven: true })
})

test('without a fragment nothing is asked for', () => expect(wishIn('')).toEqual({ scope: '', ttl: '', reason: '', isGiven: false }))

test.each(['scope=a&ttl=0', 'scope=a&ttl=-5', 'scope=a&ttl=1e9', 'scope=a&reason=a%0Ab', 'scope=a&reason=%E2%80%AEx', `scope=a&reason=${'x'.repeat(300)}`, 'scope=a&aud=%0A', `scope=a&aud=${'x'.repeat(5_000)}`])('A-8 what is not of its form is left out: %s', (fragment) => {
  expect(wishIn(fragment)).toEqual({ scope: 'a', ttl: '', reason: '', isGiven: true })
})
