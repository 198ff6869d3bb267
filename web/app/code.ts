import { fromBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { ed25519Of, signEd25519, type Ed25519Jwk } from '@symbolon/protocol/ed25519.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { assembleJws } from '@symbolon/protocol/jws.ts'
import type { Link } from '@symbolon/protocol/link.ts'
import { proofSigningInput } from '@symbolon/protocol/proof.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { utf8 } from '@symbolon/protocol/bytes.ts'
import { now, type Built } from './intents.ts'

/* The key in a link. It exists in this page's memory until the page is left. */

export interface Code {
  readonly jwk: Ed25519Jwk
  readonly thumbprint: Base64url
  sign(bytes: Uint8Array): Uint8Array
}

export function openCode({ seed }: Pick<Link, 'seed'>): Code {
  const bytes = fromBase64url(seed)
  if (bytes === undefined) throw new TypeError('a link was read, so its seed is base64url')
  const jwk = ed25519Of(bytes)
  return { jwk, thumbprint: thumbprint(jwk), sign: (message) => signEd25519(bytes, message) }
}

/** The bootstrap key's word for an intent. */
export function bootstrapEvidence(code: Code, { intent, digestText }: Built): Evidence {
  const input = proofSigningInput({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', kid: 'bootstrap' }, { iss: intent.iss, intent: digestText, kind: intent.kind, iat: now() })
  return { kind: 'key', proof: assembleJws(input, code.sign(utf8(input))) }
}
