import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addressSet, clientAddress, limitKey, plain } from './client-address.ts'

describe('H-2 the client’s address', () => {
  test.each([
    ['no proxy: what the client claims is not read', '198.51.100.7', '10.0.0.1', 0, '198.51.100.7'],
    ['one proxy: the last entry', '10.0.0.9', '1.2.3.4, 203.0.113.5', 1, '203.0.113.5'],
    ['two proxies: the last but one', '10.0.0.9', '6.6.6.6, 203.0.113.5, 10.0.0.8', 2, '203.0.113.5'],
    ['around the proxy: fewer entries than hops', '198.51.100.7', '203.0.113.5', 2, '198.51.100.7'],
    ['no header at all', '10.0.0.9', undefined, 1, '10.0.0.9'],
    ['an entry that is none', '10.0.0.9', '1.2.3.4, unknown', 1, '10.0.0.9'],
    ['IPv4 in IPv6', '::ffff:198.51.100.7', undefined, 0, '198.51.100.7'],
    ['IPv4 in IPv6, in hexadecimal', '10.0.0.9', '::ffff:c633:6407', 1, '198.51.100.7'],
    ['IPv6 spelled long', '10.0.0.9', '2001:0DB8:0000::0001', 1, '2001:db8::1'],
    ['IPv6 in brackets', '10.0.0.9', '[2001:db8::1]', 1, '2001:db8::1'],
    ['IPv6 with a zone', 'fe80::1%eth0', undefined, 0, 'fe80::1'],
  ] as const)('%s', (_name, peer, forwarded, hops, expected) => expect(clientAddress(peer, forwarded, hops)).toBe(expected))

  test.each(['2130706433', '0177.0.0.1', '127.1', '0x7f.0.0.1', '1.2.3.4:80', '1.2.3.4 ', '١.٢.٣.٤', ''])('%s is no address', (text) => expect(plain(text)).toBeUndefined())

  test('whatever a client writes in front changes nothing', () => {
    fc.assert(fc.property(fc.string(), (claimed) => clientAddress('10.0.0.9', `${claimed}, 203.0.113.5`, 1) === '203.0.113.5'))
  })
})

describe('what a limit counts', () => {
  test('IPv4 by address, IPv6 by /64', () => {
    expect(limitKey('203.0.113.5')).toBe('203.0.113.5')
    expect(limitKey('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
    expect(limitKey('2001:db8:1:2::9')).toBe('2001:db8:1:2::/64')
    expect(limitKey('2001:db8::9')).toBe('2001:db8:0:0::/64')
    expect(limitKey('::1')).toBe('0:0:0:0::/64')
  })
})

test('a set of addresses holds only them', () => {
  const inside = addressSet(['127.0.0.1', '::1'])
  expect(['127.0.0.1', '::1', '127.0.0.2', 'unknown', ''].map(inside)).toEqual([true, true, false, false, false])
})
