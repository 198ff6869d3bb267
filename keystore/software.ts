import { createECDH, createPrivateKey, sign, type KeyObject } from 'node:crypto'
import { fail, ok } from '@symbolon/core/errors.ts'
import type { Memory, Secret } from '@symbolon/core/secret.ts'
import type { P256Jwk } from '@symbolon/protocol/p256.ts'
import { agree } from './blob.ts'
import type { Device } from './device.ts'
import { keystoreError } from './errors.ts'
import type { Backend } from './keystore.ts'

export interface KeyPair {
  readonly jwk: P256Jwk
  /** Big-endian, 32 bytes. */
  readonly secret: Secret
}

/** A device whose two keys lie in this process's locked memory. OpenSSL makes a short-lived copy for each operation. */
export function softwareDevice(options: { backend: Backend; warning?: string; identity: KeyPair; sealing: KeyPair; memory: Memory }): Device {
  const { backend, identity, sealing, memory } = options
  const closed = () => fail(keystoreError('closed', backend))
  return {
    backend,
    ...(options.warning === undefined ? {} : { warning: options.warning }),
    identity: identity.jwk,
    sealing: sealing.jwk,
    sign: async (bytes) => (identity.secret.wiped ? closed() : ok(ecdsa(identity.secret, bytes, memory))),
    derive: async (point) => {
      if (sealing.secret.wiped) return closed()
      const ecdh = createECDH('prime256v1')
      sealing.secret.borrow((bytes) => ecdh.setPrivateKey(bytes))
      return ok(agree(ecdh, point, memory))
    },
    close: async () => {
      identity.secret.wipe()
      sealing.secret.wipe()
    },
  }
}

// SEC 1, C.4: ECPrivateKey around the scalar, on prime256v1. Written by hand so that the scalar never becomes a string, as in a JWK.
const derHead = Buffer.from('30310201010420', 'hex')
const derTail = Buffer.from('a00a06082a8648ce3d030107', 'hex')

/** A P-256 scalar, 32 bytes, as a key of node:crypto: OpenSSL's own copy, in ordinary memory, for as long as the object lives. */
export function privateKeyOf(secret: Secret, memory: Memory): KeyObject {
  using der = memory.take(derHead.length + 32 + derTail.length)
  return der.borrow((bytes) => {
    bytes.set(derHead)
    secret.borrow((scalar) => bytes.set(scalar, derHead.length))
    bytes.set(derTail, derHead.length + 32)
    return createPrivateKey({ key: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), format: 'der', type: 'sec1' })
  })
}

const ecdsa = (secret: Secret, message: Uint8Array, memory: Memory): Uint8Array => new Uint8Array(sign('sha256', message, { key: privateKeyOf(secret, memory), dsaEncoding: 'ieee-p1363' }))
