import { X509Certificate } from 'node:crypto'
import { z } from 'zod'
import { absolutePath, secretFile } from './config.ts'
import { readFileSync } from 'node:fs'
import type { SecretFile } from './secret-file.ts'

/** Who a certificate says that a process is: the URI subject alternative name `symbolon:<role>/<id>`. */
export type Identity = { readonly role: string; readonly id: string }

const identityPattern = /^symbolon:([a-z]{1,16})\/([a-z0-9][a-z0-9-]{0,63})$/

/** Reads `symbolon:signer/1`; undefined for anything else. */
function parseIdentity(uri: string): Identity | undefined {
  const [, role, id] = identityPattern.exec(uri) ?? []
  return role === undefined || id === undefined ? undefined : { role, id }
}

export const formatIdentity = ({ role, id }: Identity): string => `symbolon:${role}/${id}`

/** A setting that names an identity, as its URI. */
export const identityUri = () => z.string().regex(identityPattern, { error: 'must be symbolon:<role>/<id>' })

/**
 * The identity in a certificate's subject alternative names, as node prints them. Exactly one URI, and it must be ours: with two,
 * whoever reads the first and whoever reads the last would disagree.
 */
export function identityOf(subjectAltName: string | undefined): Identity | undefined {
  // Node quotes a name that holds a comma or a quote, so that one name cannot pass for two. None of ours needs that.
  if (subjectAltName === undefined || subjectAltName.includes('"')) return undefined
  const uris = subjectAltName.split(', ').filter((name) => name.startsWith('URI:'))
  const [only, ...more] = uris
  return only === undefined || more.length > 0 ? undefined : parseIdentity(only.slice('URI:'.length))
}

/** The settings of one end of the mutual TLS. */
export const tlsFields = () =>
  z.strictObject({
    key: secretFile().describe('Private key of the certificate, PEM.'),
    certificate: absolutePath().describe('Certificate with one URI name `symbolon:<role>/<id>`, PEM.'),
    ca: absolutePath().describe('The deployment\'s CA, PEM. Only certificates that it signed are believed.'),
  })
export type TlsFiles = { readonly key: SecretFile; readonly certificate: string; readonly ca: string }

/** What node:tls takes. The key's buffer belongs to the caller, who wipes it once node has its own copy. */
export type TlsMaterial = { readonly key: Buffer; readonly cert: Buffer; readonly ca: Buffer; readonly identity: Identity }
export type TlsResult = { readonly ok: true; readonly tls: TlsMaterial } | { readonly ok: false; readonly code: 'tls_files_unreadable' | 'tls_no_identity' | 'tls_expired'; readonly message: string }

/** Reads the files and checks what can be checked now: that the certificate names an identity and is in force at `now` (ms). */
export function readTls(files: TlsFiles, now: number): TlsResult {
  let certificate: X509Certificate
  let read: { cert: Buffer; ca: Buffer }
  try {
    read = { cert: readFileSync(files.certificate), ca: readFileSync(files.ca) }
    certificate = new X509Certificate(read.cert)
  } catch {
    return { ok: false, code: 'tls_files_unreadable', message: `${files.certificate} or ${files.ca} is not a readable PEM certificate` }
  }
  const identity = identityOf(certificate.subjectAltName)
  if (identity === undefined) return { ok: false, code: 'tls_no_identity', message: `${files.certificate} does not carry exactly one URI name symbolon:<role>/<id>` }
  if (now < certificate.validFromDate.getTime() || now > certificate.validToDate.getTime()) return { ok: false, code: 'tls_expired', message: `${files.certificate} is valid from ${certificate.validFrom} to ${certificate.validTo}` }
  return { ok: true, tls: { key: files.key.read(), ...read, identity } }
}
