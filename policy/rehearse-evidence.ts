import { sign, type KeyObject } from 'node:crypto'
import { concat, sha256, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import type { ProofJwk } from '@symbolon/protocol/fields.ts'
import { boundAudience, encodeIntent, intentDigest, type GrantIntent, type Intent, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { assembleJws } from '@symbolon/protocol/jws.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { proofSigningInput } from '@symbolon/protocol/proof.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import type { Assertion } from '@symbolon/protocol/webauthn.ts'
import type { Claims } from '@symbolon/evidence/trust.ts'
import type { Passkey, Roster } from '@symbolon/roster/roster.ts'

/* Evidence by a throwaway key, for a rehearsal: true on its stage, worthless anywhere else. */

/** One key plays every part. */
export interface Prop {
  readonly jwk: Extract<ProofJwk, { crv: 'Ed25519' }>
  readonly key: KeyObject
}

/** Of the key on the stage, and of the passkey. */
export const propKid = 'rehearsal'

export const propPasskey = ({ jwk }: Prop): Passkey => ({ id: toBase64url(utf8(propKid)), name: propKid, key: jwk, uses: ['sign_in'], aaguid: '00000000-0000-0000-0000-000000000000', synced: false })

const signedBy = ({ key }: Prop, signingInput: string): string => assembleJws(signingInput, sign(null, utf8(signingInput), key))
const digestOf = (intent: Intent) => intentDigest(encodeIntent(intent))

function proof(intent: Intent, by: Prop, more: { readonly kid: string } | { readonly of: Base64url }): string {
  const { jwk } = by
  const payload = { iss: intent.iss, intent: toBase64url(digestOf(intent)), kind: intent.kind, iat: intent.iat } as const
  return signedBy(by, 'kid' in more ? proofSigningInput({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', kid: more.kid }, payload) : proofSigningInput({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', jwk }, { ...payload, ...more }))
}

export const keyEvidence = (intent: TokenIntent, by: Prop): Evidence => ({ kind: 'key', proof: proof(intent, by, { kid: propKid }) })

/** The claims' own times and audience are replaced by ones that fit. */
export function idTokenEvidence(intent: TokenIntent, { nbf: _, ...claims }: Claims, { issuers }: Pick<Roster, 'issuers'>, by: Prop): Evidence {
  const row = issuers.find(({ issuer }) => issuer === claims['iss'])
  const bearer = row?.class === 'bearer' && claims['aud'] === row.bearer_audience
  const payload = { ...claims, ...(bearer ? {} : { aud: boundAudience(digestOf(intent)) }), iat: intent.iat, exp: intent.exp }
  // As issuers write it: JSON of any spelling.
  return { kind: 'id_token', token: signedBy(by, [{ alg: 'EdDSA', kid: propKid }, payload].map((part) => toBase64url(utf8(JSON.stringify(part)))).join('.')) }
}

/** A touch (WebAuthn, sections 5.8.1 and 6.1): user present and verified, no counter. */
function assertion(intent: Intent, { deployment: { rp_id, console_origins } }: Pick<Roster, 'deployment'>, by: Prop): Assertion {
  const data = concat(sha256(utf8(rp_id)), Uint8Array.of(0x05, 0, 0, 0, 0))
  const client = utf8(JSON.stringify({ type: 'webauthn.get', challenge: toBase64url(digestOf(intent)), origin: console_origins[0], crossOrigin: false }))
  return { credential: propPasskey(by).id, authenticator_data: toBase64url(data), client_data: toBase64url(client), signature: toBase64url(sign(null, concat(data, sha256(client)), by.key)) }
}

export const passkeyEvidence = (intent: TokenIntent, roster: Roster, by: Prop): Evidence => ({ kind: 'passkey', assertion: assertion(intent, roster, by) })

/** By a grant without a ceiling, made just now for as long as the roster allows. */
export function grantEvidence(intent: TokenIntent, roster: Roster, by: Prop): Evidence {
  const { v, nonce, iat, iss, lineage, sub, client } = intent
  const grant: GrantIntent = { v, kind: 'grant', nonce, iat, exp: iat + limits.intentWindow, iss, lineage, sub, client, key: thumbprint(by.jwk), ceiling: {}, end: iat + roster.grants.max }
  return { kind: 'grant', intent: toBase64url(encodeIntent(grant)), assertion: assertion(grant, roster, by), proof: proof(intent, by, { of: toBase64url(digestOf(grant)) }) }
}
