import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'

/* A throw-away certificate authority for tests: the few lines of DER that X.509 needs, with no package. Production never imports it. */

const tlv = (tag: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  const size = body.length
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}
const sequence = (...parts: Buffer[]) => tlv(0x30, ...parts)
const oid = (...arcs: number[]) => tlv(0x06, Buffer.from(arcs))
const ed25519 = sequence(oid(0x2b, 0x65, 0x70))
const name = (text: string) => sequence(tlv(0x31, sequence(oid(0x55, 0x04, 0x03), tlv(0x0c, Buffer.from(text)))))
const time = (at: number) => tlv(0x17, Buffer.from(`${new Date(at).toISOString().replaceAll(/[-:T]|\.\d+/g, '').slice(2)}`))
const extension = (last: number, critical: boolean, value: Buffer) => sequence(oid(0x55, 0x1d, last), ...(critical ? [tlv(0x01, Buffer.from([255]))] : []), tlv(0x04, value))
const pem = (label: string, der: Buffer) => Buffer.from(`-----BEGIN ${label}-----\n${der.toString('base64').replaceAll(/(.{64})/g, '$1\n').trimEnd()}\n-----END ${label}-----\n`)

type Names = { readonly uris?: readonly string[]; readonly dns?: readonly string[] }
type Wanted = { readonly subject: string; readonly issuer: string; readonly signer: KeyObject; readonly publicKey: KeyObject; readonly isCa: boolean; readonly names: Names; readonly from: number; readonly to: number }

function certificate(wanted: Wanted): Buffer {
  const { uris = [], dns = [] } = wanted.names
  const alternatives = sequence(...uris.map((uri) => tlv(0x86, Buffer.from(uri))), ...dns.map((host) => tlv(0x82, Buffer.from(host))), ...(wanted.isCa ? [] : [tlv(0x87, Buffer.from([127, 0, 0, 1]))]))
  const extensions = sequence(extension(0x13, true, sequence(...(wanted.isCa ? [tlv(0x01, Buffer.from([255]))] : []))), ...(wanted.isCa ? [] : [extension(0x11, false, alternatives)]))
  const serial = Buffer.concat([Buffer.from([1]), randomBytes(8)])
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, serial),
    ed25519,
    name(wanted.issuer),
    sequence(time(wanted.from), time(wanted.to)),
    name(wanted.subject),
    wanted.publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, extensions),
  )
  return pem('CERTIFICATE', sequence(body, ed25519, tlv(0x03, Buffer.from([0]), sign(null, body, wanted.signer))))
}

export type TestTls = { readonly key: Buffer; readonly cert: Buffer; readonly ca: Buffer }

/** A new CA. `issue` makes a certificate for 127.0.0.1 with these names; a string stands for one URI. */
export function testCa(title = 'test CA') {
  const keys = generateKeyPairSync('ed25519')
  const hour = 3_600_000
  const now = Date.now()
  const common = { issuer: title, signer: keys.privateKey, from: now - hour, to: now + hour }
  const ca = certificate({ ...common, subject: title, publicKey: keys.publicKey, isCa: true, names: {} })
  const issue = (wanted: string | Names, validity: { from?: number; to?: number } = {}): TestTls => {
    const own = generateKeyPairSync('ed25519')
    const names = typeof wanted === 'string' ? { uris: [wanted], dns: ['localhost'] } : wanted
    return { key: Buffer.from(own.privateKey.export({ type: 'pkcs8', format: 'pem' })), cert: certificate({ ...common, ...validity, subject: 'test', publicKey: own.publicKey, isCa: false, names }), ca }
  }
  return { ca, issue }
}
