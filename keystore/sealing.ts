import { createECDH } from 'node:crypto'
import { fail, ok } from '@symbolon/core/errors.ts'
import type { Memory, Secret } from '@symbolon/core/secret.ts'
import { decodePoint, jwkOfPoint, type P256Jwk } from '@symbolon/protocol/p256.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { readBlob, sealBlob } from './blob.ts'
import type { Device } from './device.ts'
import { keystoreError } from './errors.ts'
import type { Keystore, KeystoreResult, SealHeader, SealedBlob } from './keystore.ts'

/** A keystore over any device: what a backend must not do by itself. */
export function keystoreOver(device: Device, options: { signer: number; memory: Memory; hpke: { jwk: P256Jwk; blob: Uint8Array } }): Keystore {
  const { signer, memory, hpke } = options
  const unseal = async (header: SealHeader, blob: Uint8Array): Promise<KeystoreResult<Secret>> => {
    const read = readBlob({ sealing: device.sealing, header, blob, memory })
    if (!read.ok) return read
    const agreed = await device.derive(read.value.point)
    if (!agreed.ok) return agreed
    using secret = agreed.value
    return read.value.open(secret)
  }
  return {
    signer,
    backend: device.backend,
    ...(device.warning === undefined ? {} : { warning: device.warning }),
    identity: device.identity,
    hpke: hpke.jwk,
    sign: (bytes) => device.sign(bytes),
    seal: async (header, secret) => sealBlob({ sealing: device.sealing, header, secret, memory }),
    unseal,
    receiveKey: async () => {
      const secret = await unseal(hpkeHeader(signer, hpke.jwk), hpke.blob)
      if (!secret.ok || publicHalf(secret.value) === thumbprint(hpke.jwk)) return secret
      secret.value.wipe()
      return fail(keystoreError('receive_key_other', 'hpke.sealed'))
    },
    close: () => device.close(),
  }
}

const hpkeHeader = (signer: number, jwk: P256Jwk): SealHeader => ({ kind: 'hpke', signer, key: thumbprint(jwk) })

/** A new receive key, made in software and sealed to the device at once. */
export function makeReceiveKey(sealing: P256Jwk, signer: number, memory: Memory): KeystoreResult<{ jwk: P256Jwk; blob: SealedBlob }> {
  const made = makeP256(memory)
  using secret = made.secret
  const blob = sealBlob({ sealing, header: hpkeHeader(signer, made.jwk), secret, memory })
  return blob.ok ? ok({ jwk: made.jwk, blob: blob.value }) : blob
}

/** A P-256 key pair whose private scalar lies in `memory`, 32 bytes big-endian. */
export function makeP256(memory: Memory): { jwk: P256Jwk; secret: Secret } {
  const ecdh = createECDH('prime256v1')
  const point = decodePoint(ecdh.generateKeys())
  if (point === undefined) throw new Error('OpenSSL made a key that is not on its curve')
  const scalar = ecdh.getPrivateKey()
  const secret = memory.take(32)
  // OpenSSL drops leading zeros.
  secret.borrow((bytes) => bytes.set(scalar, 32 - scalar.length))
  scalar.fill(0)
  return { jwk: jwkOfPoint(point), secret }
}

/** Thumbprint of the public half; undefined if the bytes are no private scalar. Whoever knows the device's public key can seal any bytes. */
function publicHalf(secret: Secret): string | undefined {
  if (secret.length !== 32) return undefined
  const ecdh = createECDH('prime256v1')
  try {
    secret.borrow((bytes) => ecdh.setPrivateKey(bytes))
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined
    throw error
  }
  const point = decodePoint(ecdh.getPublicKey())
  return point === undefined ? undefined : thumbprint(jwkOfPoint(point))
}
