import { createPublicKey } from 'node:crypto'
import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256, HpkeError } from '@hpke/core'
import type { Memory } from '@symbolon/core/secret.ts'
import { fromBase64url, fromUtf8 } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { decodeIntent, intentDigest } from '@symbolon/protocol/intent.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { reasonOf } from '@symbolon/protocol/reason.ts'
import { sealedInfo } from '@symbolon/protocol/sealed.ts'
import { describeKeystoreError } from '@symbolon/keystore/errors.ts'
import type { Keystore } from '@symbolon/keystore/keystore.ts'
import { privateKeyOf } from '@symbolon/keystore/software.ts'
import type { JudgeRequest, Refused, Unavailable } from '@symbolon/policy/judgement.ts'
import { SafeError } from '@symbolon/runtime/log.ts'
import type { All } from './judging.ts'

/** The ID token that was sealed to this signer; `unreadable` where none opens; undefined where the evidence is of another kind. */
export type Opened = { readonly token: string } | 'unreadable' | undefined
export type Unseal = (request: { readonly intent: Uint8Array; readonly evidence: readonly Evidence[] }) => Promise<Opened>

/**
 * Opens what clients seal to this signer. The receive key is taken from the keystore once and stays in OpenSSL's memory, not exportable: what it
 * opens, this signer is shown anyway.
 */
export async function openUnsealer(keystore: Pick<Keystore, 'signer' | 'receiveKey'>, memory: Memory): Promise<Unseal> {
  const suite = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
  const recipientKey = await receiveKeyOf(keystore, memory)
  return async ({ intent, evidence }) => {
    const [only, ...more] = evidence
    // With more than one item the judge refuses, whatever they hold.
    if (only?.kind !== 'sealed_id_token' || more.length > 0) return undefined
    const [sealed, ...others] = only.sealed.filter(({ signer }) => signer === keystore.signer)
    if (sealed === undefined || others.length > 0) return 'unreadable'
    try {
      const plain = await suite.open({ recipientKey, enc: bytesOf(sealed.enc), info: arrayBuffer(sealedInfo(intentDigest(intent))) }, bytesOf(sealed.ct))
      const token = plain.byteLength <= limits.jwsBytes ? fromUtf8(new Uint8Array(plain)) : undefined
      return token === undefined ? 'unreadable' : { token }
    } catch (error) {
      if (error instanceof HpkeError) return 'unreadable'
      throw error
    }
  }
}

type Sealable = Pick<JudgeRequest, 'intent' | 'evidence' | 'opened'>

/**
 * A judge that sees what was sealed to this signer. What does not open is refused here: without the token the judge would presume that the evidence
 * is what it says, as the api must.
 */
export const unsealing = <Q extends Sealable, A>(unseal: Unseal, judge: All<Q, A>): All<Q, A | Refused | Unavailable> => async ({ requests, clock }) => {
  if (!requests.some(({ evidence }) => evidence.some(({ kind }) => kind === 'sealed_id_token'))) return judge({ requests, clock })
  const opened = await Promise.all(requests.map(unseal))
  const readable = requests.flatMap((request, at) => {
    const found = opened[at]
    return found === 'unreadable' ? [] : [{ ...request, ...(found === undefined ? {} : { opened: found.token }) }]
  })
  const judged = readable.length === 0 ? [] : await judge({ requests: readable, clock })
  if (typeof judged === 'string') return requests.map((request, at) => (opened[at] === 'unreadable' ? unreadable(request) : { verdict: 'unavailable', code: judged }))
  const rest = judged.values()
  return requests.map((request, at) => {
    const next = opened[at] === 'unreadable' ? unreadable(request) : rest.next().value
    if (next === undefined) throw new TypeError('one judgement for each request')
    return next
  })
}

function unreadable({ intent }: Pick<JudgeRequest, 'intent'>): Refused {
  const message = 'What was sealed to this signer does not open with its receive key for this intent.'
  return { verdict: 'refused', ...(decodeIntent(intent).ok ? { digest: intentDigest(intent) } : {}), reasons: [reasonOf('sealed_unreadable', message, { rule: 'signer.sealed' })] }
}

async function receiveKeyOf({ receiveKey }: Pick<Keystore, 'receiveKey'>, memory: Memory) {
  const unsealed = await receiveKey()
  if (!unsealed.ok) throw new SafeError(unsealed.error.code, `the receive key cannot be opened: ${describeKeystoreError(unsealed.error)}`)
  using scalar = unsealed.value
  const key = privateKeyOf(scalar, memory)
  const algorithm = { name: 'ECDH', namedCurve: 'P-256' }
  // HPKE hashes the receiver's public key into the shared secret (RFC 9180, section 4.1), so it must be readable.
  return { privateKey: key.toCryptoKey(algorithm, false, ['deriveBits']), publicKey: createPublicKey(key).toCryptoKey(algorithm, true, []) }
}

const bytesOf = (text: string): ArrayBuffer => arrayBuffer(fromBase64url(text) ?? new Uint8Array())
/** WebCrypto wants memory of its own. */
const arrayBuffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer
