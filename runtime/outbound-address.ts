import { BlockList, isIP } from 'node:net'

/* Which addresses outbound requests may go to. Anything that is not plainly the public internet needs a row that names it. */

// IANA's special-purpose registries (RFC 6890 and its updates): nothing in these is a public host.
const special4 = ['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4']
// IPv6 the other way round: only global unicast is public, less what carries an IPv4 address within or is for documents.
const public6 = ['2000::/3']
const special6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

/** A list of addresses and prefixes, or undefined if one is malformed. */
export function addressList(entries: readonly string[]): BlockList | undefined {
  const list = new BlockList()
  return entries.every((entry) => addEntry(list, entry)) ? list : undefined
}

function addEntry(list: BlockList, entry: string): boolean {
  const [address = '', bits, ...more] = entry.split('/')
  const family = isIP(address)
  if (family === 0 || address.includes('%') || more.length > 0) return false
  const kind = family === 4 ? 'ipv4' : 'ipv6'
  if (bits === undefined) {
    list.addAddress(address, kind)
    return true
  }
  if (!/^(0|[1-9][0-9]{0,2})$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128)) return false
  list.addSubnet(address, Number(bits), kind)
  return true
}

const listOf = (entries: readonly string[]): BlockList => {
  const list = addressList(entries)
  if (list === undefined) throw new TypeError('a prefix of our own is malformed')
  return list
}
const lists = { special4: listOf(special4), public6: listOf(public6), special6: listOf(special6) }

/** `named` by the row, `public`, or `refused`. An IPv4 address dressed as IPv6 is judged as what it is. */
export function judgeAddress(address: string, allowed: BlockList): 'named' | 'public' | 'refused' {
  const plain = unmapped(address)
  const family = isIP(plain)
  if (family === 0 || plain.includes('%')) return 'refused'
  if (allowed.check(plain, family === 4 ? 'ipv4' : 'ipv6')) return 'named'
  const isPublic = family === 4 ? !lists.special4.check(plain, 'ipv4') : lists.public6.check(plain, 'ipv6') && !lists.special6.check(plain, 'ipv6')
  return isPublic ? 'public' : 'refused'
}

/** `::ffff:7f00:1` and `::ffff:127.0.0.1` are 127.0.0.1. */
function unmapped(address: string): string {
  if (isIP(address) !== 6 || address.includes('%')) return address
  // WHATWG's parser writes every spelling in one canonical form.
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical) ?? []
  if (high === undefined || low === undefined) return canonical
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return [a >> 8, a & 255, b >> 8, b & 255].join('.')
}
