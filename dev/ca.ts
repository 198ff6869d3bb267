import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AuthorityKeyIdentifierExtension, BasicConstraintsExtension, ExtendedKeyUsage, ExtendedKeyUsageExtension, KeyUsageFlags, KeyUsagesExtension, PemConverter, SubjectAlternativeNameExtension, SubjectKeyIdentifierExtension, X509Certificate, X509CertificateGenerator, type JsonGeneralName } from '@peculiar/x509'
import { writePrivate } from './private-files.ts'

/* The development CA of the mutual TLS. Its key lies in a 0600 file: whoever has it can impersonate a channel, and nothing more. */

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const day = 86_400_000
const caDays = 3650
const leafDays = 90

/** What a certificate says of its holder: the URI name is the identity between processes; the common name is what Postgres maps. */
export type CertificateRequest = { readonly commonName: string; readonly uri?: string; readonly dns?: readonly string[]; readonly ips?: readonly string[] }
/** Paths of PEM files; the key is 0600. */
export type CertificateFiles = { readonly key: string; readonly certificate: string; readonly ca: string }

export type Authority = {
  readonly certificate: string
  /** Makes sure that `folder` holds a key and a certificate with a third of their time left; makes new ones otherwise. */
  ensure(folder: string, request: CertificateRequest): Promise<CertificateFiles>
}

/** Opens the CA in `folder`, or makes it. A CA near its end is not renewed: every process would have to learn the new one at once. */
export async function openAuthority(folder: string, now: () => number = Date.now): Promise<Authority> {
  const paths = { key: join(folder, 'ca.key'), certificate: join(folder, 'ca.pem') }
  if (!existsSync(paths.certificate)) await createAuthority(paths, now())
  const certificate = new X509Certificate(readFileSync(paths.certificate, 'utf8'))
  const key = await importKey(readFileSync(paths.key, 'utf8'))
  const ensure = async (target: string, request: CertificateRequest): Promise<CertificateFiles> => {
    const files = { key: join(target, 'tls.key'), certificate: join(target, 'tls.pem'), ca: paths.certificate }
    if (!(await isGood(files, request, certificate, now()))) await issue({ files, request, issuer: certificate, key, now: now() })
    return files
  }
  return { certificate: paths.certificate, ensure }
}

async function createAuthority(paths: { key: string; certificate: string }, now: number): Promise<void> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=Symbolon development CA',
    serialNumber: serial(),
    notBefore: new Date(now - 60_000),
    notAfter: new Date(now + caDays * day),
    signingAlgorithm: algorithm,
    keys,
    extensions: [new BasicConstraintsExtension(true, 0, true), new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true), await SubjectKeyIdentifierExtension.create(keys.publicKey)],
  })
  // The key first: a certificate without its key would look like a CA that can sign.
  writePrivate(paths.key, await exportKey(keys.privateKey))
  writePrivate(paths.certificate, `${certificate.toString('pem')}\n`)
}

type Issuing = { readonly files: CertificateFiles; readonly request: CertificateRequest; readonly issuer: X509Certificate; readonly key: webcrypto.CryptoKey; readonly now: number }

async function issue({ files, request, issuer, key, now }: Issuing): Promise<void> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: `CN=${request.commonName}`,
    issuer: issuer.subject,
    notBefore: new Date(now - 60_000),
    notAfter: new Date(now + leafDays * day),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: key,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension(namesOf(request)),
      await AuthorityKeyIdentifierExtension.create(issuer),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  writePrivate(files.key, await exportKey(keys.privateKey))
  writePrivate(files.certificate, `${certificate.toString('pem')}\n`)
}

const namesOf = ({ uri, dns = ['localhost'], ips = ['127.0.0.1'] }: CertificateRequest): JsonGeneralName[] => [
  ...(uri === undefined ? [] : [{ type: 'url' as const, value: uri }]),
  ...dns.map((value) => ({ type: 'dns' as const, value })),
  ...ips.map((value) => ({ type: 'ip' as const, value })),
]

async function isGood(files: CertificateFiles, request: CertificateRequest, issuer: X509Certificate, now: number): Promise<boolean> {
  if (!existsSync(files.key) || !existsSync(files.certificate)) return false
  const certificate = new X509Certificate(readFileSync(files.certificate, 'utf8'))
  const [from, to] = [certificate.notBefore.getTime(), certificate.notAfter.getTime()]
  const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.toJSON() ?? []
  const same = certificate.subject === `CN=${request.commonName}` && JSON.stringify(names) === JSON.stringify(namesOf(request))
  return same && now < to - (to - from) / 3 && (await certificate.verify({ publicKey: issuer.publicKey, signatureOnly: true }))
}

const serial = (): string => `01${randomBytes(15).toString('hex')}`
const exportKey = async (key: webcrypto.CryptoKey): Promise<string> => `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`
const importKey = (pem: string): Promise<webcrypto.CryptoKey> => webcrypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(pem), algorithm, false, ['sign'])
