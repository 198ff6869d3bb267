import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'

/* X.509 certificates (RFC 5280) of P-256 keys, by hand: those that an attestation needs, and each way to get one wrong. */

export interface SoftCertificate {
  readonly der: Uint8Array
  readonly pem: string
  readonly key: KeyObject
  readonly subject: string
}

export interface CertificateOptions {
  readonly name: string
  /** Absent: self-signed. */
  readonly by?: SoftCertificate
  readonly ca?: boolean
  /** Organisational unit. */
  readonly unit?: string
  /** Years of validity. */
  readonly from?: number
  readonly to?: number
  /** For id-fido-gen-ce-aaguid. */
  readonly aaguid?: string
  readonly criticalAaguid?: boolean
  /** Claims this issuer, but signs with its own key. */
  readonly claims?: SoftCertificate
  readonly curve?: 'P-256' | 'P-384'
}

export function softCertificate({ name, by, ca = false, unit = 'Authenticator Attestation', from = 2020, to = 2049, aaguid, criticalAaguid = false, claims, curve = 'P-256' }: CertificateOptions): SoftCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve })
  const issuer = (claims ?? by)?.subject ?? distinguished(name, unit)
  const extensions = [
    ...(ca ? [extension('551d13', Buffer.from('30030101ff', 'hex'), true)] : [extension('551d13', Buffer.from('3000', 'hex'), true)]),
    ...(aaguid === undefined ? [] : [extension('2b0601040182e51c010104', tlv(0x04, Buffer.from(aaguid.replaceAll('-', ''), 'hex')), criticalAaguid)]),
  ]
  const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'))
  const body = sequence(
    tlv(0xa0, Buffer.from('020102', 'hex')),
    Buffer.from('020101', 'hex'),
    ecdsaWithSha256,
    Buffer.from(issuer, 'hex'),
    sequence(utc(from), utc(to)),
    Buffer.from(distinguished(name, unit), 'hex'),
    createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })).export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(...extensions)),
  )
  const signature = sign('sha256', body, by?.key ?? privateKey)
  const der = sequence(body, ecdsaWithSha256, tlv(0x03, Buffer.concat([Buffer.from([0]), signature])))
  const pem = `-----BEGIN CERTIFICATE-----\n${(der.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`
  return { der: new Uint8Array(der), pem, key: privateKey, subject: distinguished(name, unit) }
}

const tlv = (tag: number, ...contents: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(contents)
  const length = body.length < 128 ? [body.length] : body.length < 256 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}
const sequence = (...contents: readonly Uint8Array[]) => tlv(0x30, ...contents)
const oid = (hex: string) => tlv(0x06, Buffer.from(hex, 'hex'))
const utc = (year: number) => tlv(0x17, Buffer.from(`${`${year}`.slice(2)}0101000000Z`))
const attribute = (type: string, value: string) => tlv(0x31, sequence(oid(type), tlv(0x0c, Buffer.from(value))))
const distinguished = (name: string, unit: string): string => sequence(attribute('550406', 'SE'), attribute('55040a', 'Soft Keys'), attribute('55040b', unit), attribute('550403', name)).toString('hex')
const extension = (id: string, value: Uint8Array, isCritical: boolean) => sequence(oid(id), ...(isCritical ? [Buffer.from('0101ff', 'hex')] : []), tlv(0x04, value))
