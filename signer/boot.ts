import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { bootBytes, type BootCertificate } from '@symbolon/protocol/sign.ts'

/**
 * One life of this process. Its id marks which nonces are alive; its key signs every reply and refusal, so that blame and vetoes
 * can be checked by anyone without asking the identity key, which may lie in a slow device, each time.
 */
export interface Boot {
  readonly id: Base64url
  /** By the identity key: this boot key speaks for this signer. */
  readonly certificate: BootCertificate
  /** Ed25519, 64 bytes, in base64url as the wire has it. */
  sign(bytes: Uint8Array): Base64url
}

/** @param certify signs with the identity key: r ‖ s, 64 bytes */
export async function openBoot(signer: number, now: number, certify: (bytes: Uint8Array) => Promise<Uint8Array>): Promise<Boot> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const { x } = publicKey.export({ format: 'jwk' })
  const id = toBase64url(randomBytes(16))
  const statement = { signer, boot: id, key: x as Base64url, iat: now }
  return {
    id,
    certificate: { ...statement, signature: toBase64url(await certify(bootBytes(statement))) },
    sign: (bytes) => toBase64url(sign(null, bytes, privateKey)),
  }
}
