import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { LocalFailure } from './failure.ts'

/* The public half of a private SSH key, in the one line that authorized_keys holds. */

const magic = 'openssh-key-v1\u0000'

/** @param pem OpenSSH's own form, whose public half is in clear, or PKCS#8 @throws LocalFailure */
export function publicLineOf(pem: string, comment = ''): string {
  const blob = /BEGIN OPENSSH PRIVATE KEY/.test(pem) ? openSshBlob(pem) : pemBlob(pem)
  const [length] = [blob.readUInt32BE(0)]
  return [blob.subarray(4, 4 + length).toString('ascii'), blob.toString('base64'), comment].filter((part) => part !== '').join(' ')
}

const noKey = (): LocalFailure => new LocalFailure('This is no private SSH key', 'it is neither OpenSSH’s form nor PKCS#8 of an Ed25519, P-256 or RSA key', 'Make one with `ssh-keygen -t ed25519`.')

/** PROTOCOL.key of OpenSSH: magic, cipher, kdf, kdf options, number of keys, public key. */
function openSshBlob(pem: string): Buffer {
  const bytes = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
  if (bytes.subarray(0, magic.length).toString('latin1') !== magic) throw noKey()
  let at = magic.length
  const next = (): Buffer => {
    if (at + 4 > bytes.length) throw noKey()
    const end = at + 4 + bytes.readUInt32BE(at)
    if (end > bytes.length) throw noKey()
    const part = bytes.subarray(at + 4, end)
    at = end
    return part
  }
  next()
  next()
  next()
  at += 4
  const blob = next()
  if (blob.length < 12 || blob.readUInt32BE(0) > 64) throw noKey()
  return blob
}

const counted = (bytes: Buffer): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}
const named = (name: string): Buffer => counted(Buffer.from(name))
/** RFC 4251, section 5: big-endian without needless zeroes, and positive. */
function mpint(text: string | undefined): Buffer {
  const bytes = Buffer.from(text ?? '', 'base64url')
  const first = bytes.findIndex((byte) => byte !== 0)
  const trimmed = first === -1 ? Buffer.alloc(0) : bytes.subarray(first)
  return counted((trimmed[0] ?? 0) > 127 ? Buffer.concat([Buffer.of(0), trimmed]) : trimmed)
}

function pemBlob(pem: string): Buffer {
  const { kty, crv, x, y, n, e } = jwkOf(pem)
  // RFC 8709, RFC 5656, RFC 4253.
  if (kty === 'OKP' && crv === 'Ed25519') return Buffer.concat([named('ssh-ed25519'), counted(Buffer.from(x ?? '', 'base64url'))])
  if (kty === 'EC' && crv === 'P-256') return Buffer.concat([named('ecdsa-sha2-nistp256'), named('nistp256'), counted(Buffer.concat([Buffer.of(4), Buffer.from(x ?? '', 'base64url'), Buffer.from(y ?? '', 'base64url')]))])
  if (kty === 'RSA') return Buffer.concat([named('ssh-rsa'), mpint(e), mpint(n)])
  throw noKey()
}

function jwkOf(pem: string): JsonWebKey {
  try {
    return createPublicKey(pem).export({ format: 'jwk' })
  } catch (error) {
    // OpenSSL's message may quote the key.
    if (error instanceof Error && 'code' in error) throw noKey()
    throw error
  }
}
