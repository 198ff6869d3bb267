import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { BasicConstraintsExtension, SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const hour = 3_600_000

/** A CA of its own, and a certificate by it for 127.0.0.1 and localhost. PEM. */
export async function loopbackTls(): Promise<{ readonly ca: string; readonly key: string; readonly cert: string }> {
  const pair = () => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const [root, leaf] = await Promise.all([pair(), pair()])
  const validity = { notBefore: new Date(Date.now() - hour), notAfter: new Date(Date.now() + hour), signingAlgorithm: algorithm }
  const ca = await X509CertificateGenerator.createSelfSigned({ ...validity, serialNumber: '01', name: 'CN=test issuer CA', keys: root, extensions: [new BasicConstraintsExtension(true, 0, true)] })
  const cert = await X509CertificateGenerator.create({
    ...validity,
    serialNumber: '02',
    subject: 'CN=test issuer',
    issuer: ca.subject,
    signingKey: root.privateKey,
    publicKey: leaf.publicKey,
    extensions: [new SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }, { type: 'dns', value: 'localhost' }])],
  })
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', leaf.privateKey)).toString('base64')
  return { ca: ca.toString('pem'), cert: cert.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${key.replaceAll(/(.{64})/g, '$1\n').trimEnd()}\n-----END PRIVATE KEY-----\n` }
}
