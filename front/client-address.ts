import { BlockList, isIP, isIPv6 } from 'node:net'

/**
 * The client's address, as the outermost of our own proxies saw it. Each proxy appends the address of its peer, so with `hops`
 * proxies the one that counts is the hops-th from the end; what stands before it was written by the client and is not looked at.
 * Fewer entries than hops mean that the request came around a proxy: then the peer's own address counts.
 * @param forwarded all `X-Forwarded-For` values, joined by commas
 */
export function clientAddress(peer: string, forwarded: string | undefined, hops: number): string {
  if (hops === 0 || forwarded === undefined) return plain(peer) ?? 'unknown'
  const entries = forwarded.slice(-4_096).split(',').map((entry) => entry.trim())
  const claimed = entries.length < hops ? undefined : plain(entries[entries.length - hops] ?? '')
  return claimed ?? plain(peer) ?? 'unknown'
}

/**
 * One spelling per address: IPv4-mapped IPv6 is IPv4, IPv6 in its shortest form, zones cut. Decimal, octal and other forms that only
 * some parsers read are no addresses.
 * @returns undefined for anything else
 */
export function plain(text: string): string | undefined {
  const bare = text.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '')
  if (isIP(bare) === 4) return bare
  if (!isIPv6(bare)) return undefined
  const short = new URL(`http://[${bare}]/`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short)
  return mapped === null ? short : ipv4(mapped[1] ?? '', mapped[2] ?? '')
}

const ipv4 = (high: string, low: string): string => {
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return [a >> 8, a & 255, b >> 8, b & 255].join('.')
}

/** What one customer has: an IPv4 address, or an IPv6 /64, whose other addresses cost nothing. */
export function limitKey(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const full = tail === undefined ? front : [...front, ...Array.from({ length: 8 - front.length - back.length }, () => '0'), ...back]
  return `${full.slice(0, 4).join(':')}::/64`
}

/** A membership test over plain addresses. */
export function addressSet(addresses: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const each of addresses) list.addAddress(each, isIPv6(each) ? 'ipv6' : 'ipv4')
  return (address) => isIP(address) !== 0 && list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
