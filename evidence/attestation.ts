import { X509Certificate, verify } from 'node:crypto'
import { equalBytes } from '@symbolon/protocol/bytes.ts'
import type { ProofJwk } from '@symbolon/protocol/fields.ts'
import { isBytes, type Cbor, type CborMap } from './cbor.ts'
import { coseAlgorithm } from './cose.ts'
import type { Keyring } from './signature.ts'

/* Attestation statements (WebAuthn Level 3, section 8): who says which model made a key. Of its formats, `packed` with certificates is the one that proves anything here. */

export interface Statement {
  readonly fmt: Cbor | undefined
  readonly attStmt: CborMap
  /** Authenticator data, then the hash of the client data. */
  readonly signed: Uint8Array
  readonly key: ProofJwk
  /** 16 bytes. */
  readonly aaguid: Uint8Array
}

/** `chain`: leaf first, its key signed the statement; who stands behind it is still open. `none`: nobody says anything. */
export type StatementResult = { readonly ok: true; readonly chain?: readonly [X509Certificate, ...X509Certificate[]] } | { readonly ok: false; readonly why: string }

const mostCertificates = 5
/** Section 8 and the registry of RFC 8809: what a browser may hand on, and nothing here reads. */
const unjudged = ['tpm', 'android-key', 'android-safetynet', 'fido-u2f', 'apple', 'compound']

/** Formats that are not judged here attest to nothing; a `packed` or `none` one must be sound even where nobody asks for it. */
export function readStatement({ fmt, attStmt, signed, key, aaguid }: Statement, keyring: Keyring): StatementResult {
  if (fmt === 'none') return attStmt.size === 0 ? { ok: true } : { ok: false, why: 'a statement of format none is empty' }
  if (fmt !== 'packed') return typeof fmt === 'string' && unjudged.includes(fmt) ? { ok: true } : { ok: false, why: 'there is no such format' }
  const [alg, signature, x5c] = ['alg', 'sig', 'x5c'].map((name) => attStmt.get(name))
  if (!isBytes(signature)) return { ok: false, why: 'a packed statement has a signature' }
  if (x5c === undefined) {
    const own = key.crv === 'P-256' ? coseAlgorithm.ES256 : coseAlgorithm.EdDSA
    return alg === own && keyring.verifiesAssertion(key, signed, signature) ? { ok: true } : { ok: false, why: 'the self attestation does not verify' }
  }
  const chain = certificatesOf(x5c)
  if (chain === undefined) return { ok: false, why: 'x5c is not a list of certificates' }
  const [leaf] = chain
  const { publicKey } = leaf
  const isP256 = publicKey.asymmetricKeyType === 'ec' && publicKey.asymmetricKeyDetails?.namedCurve === 'prime256v1'
  if (alg !== coseAlgorithm.ES256 || !isP256 || !verify('sha256', signed, { key: publicKey, dsaEncoding: 'der' }, signature)) return { ok: false, why: 'the attestation’s signature does not verify' }
  // Section 8.2.1.
  if (leaf.ca || !leaf.subject.split('\n').includes('OU=Authenticator Attestation')) return { ok: false, why: 'the first certificate is not that of an authenticator' }
  const said = aaguidIn(leaf.raw)
  return said === undefined || equalBytes(said, aaguid) ? { ok: true, chain } : { ok: false, why: 'the certificate is for another model' }
}

function certificatesOf(x5c: Cbor): readonly [X509Certificate, ...X509Certificate[]] | undefined {
  if (!Array.isArray(x5c) || x5c.length > mostCertificates) return undefined
  const read = (x5c as readonly Cbor[]).map((der) => (isBytes(der) ? readCertificate(der) : undefined))
  const [first, ...rest] = read.filter((one) => one !== undefined)
  return first === undefined || rest.length + 1 !== read.length ? undefined : [first, ...rest]
}

/** @param source PEM, or DER to its last byte */
function readCertificate(source: Uint8Array | string): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(source)
    return typeof source === 'string' || equalBytes(certificate.raw, source) ? certificate : undefined
  } catch (error) {
    // What OpenSSL cannot read is no certificate; anything else is a bug.
    if (error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('ERR_')) return undefined
    throw error
  }
}

/** id-fido-gen-ce-aaguid, 1.3.6.1.4.1.45724.1.1.4: the model that a certificate is for (section 8.2.1). Its value is an OCTET STRING in the extension's OCTET STRING. */
const aaguidExtension = Buffer.from('060b2b0601040182e51c010104', 'hex')
const aaguidValue = Buffer.from('04120410', 'hex')
const critical = Buffer.from('0101ff', 'hex')

function aaguidIn(der: Buffer): Uint8Array | undefined {
  const found = der.indexOf(aaguidExtension)
  if (found < 0) return undefined
  const after = found + aaguidExtension.length
  const at = der.subarray(after, after + 3).equals(critical) ? after + 3 : after
  // One that cannot be read names no model at all, so it equals none.
  return der.subarray(at, at + 4).equals(aaguidValue) ? der.subarray(at + 4, at + 20) : new Uint8Array()
}

/**
 * Does the chain end in a configured root, link by link? What x5c itself brings along is never an anchor, self-signed or not.
 * @param roots PEM; one that cannot be read anchors nothing. @param at NumericDate at which every certificate must be valid
 */
export function endsInRoot(chain: readonly [X509Certificate, ...X509Certificate[]], roots: readonly string[], at: number): boolean {
  const anchors = roots.map(readCertificate).filter((root) => root !== undefined)
  const isAlive = (one: X509Certificate) => one.validFromDate.getTime() <= at * 1000 && at * 1000 <= one.validToDate.getTime()
  for (const [position, certificate] of chain.entries()) {
    if (!isAlive(certificate)) return false
    if (anchors.some((root) => equalBytes(root.raw, certificate.raw) || (isAlive(root) && isIssuedBy(certificate, root)))) return true
    const next = chain[position + 1]
    if (next === undefined || !isIssuedBy(certificate, next)) return false
  }
  return false
}

const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean => issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
