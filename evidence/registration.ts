import { concat, fromBase64url, sha256, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { ProofJwk } from '@symbolon/protocol/fields.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import { registrationChallenge, type Registration, type RegistrationFor } from '@symbolon/protocol/webauthn.ts'
import type { Passkey, Roster } from '@symbolon/roster/roster.ts'
import { endsInRoot, readStatement, type StatementResult } from './attestation.ts'
import { flag, has, isForRp, readAuthenticatorData } from './authenticator-data.ts'
import { decodeCbor, decodeCborMap, isBytes, isMap } from './cbor.ts'
import { checkClientData } from './client-data.ts'
import { jwkOfCose } from './cose.ts'
import { openKeyring } from './signature.ts'

export interface RegistrationContext {
  readonly registration: Registration
  /** The credential's id, as the browser gave it beside. */
  readonly credential: Base64url
  readonly wanted: RegistrationFor
  /** Whose RP id, consoles, attestation rule and passkeys count. */
  readonly roster: Roster
  readonly name: string
  readonly uses: Passkey['uses']
  /** NumericDate at which certificates must be valid: that of the intent or entry that brings the passkey in, so that all signers agree. */
  readonly at: number
}

export type RegistrationResult = { readonly ok: true; readonly passkey: Passkey } | { readonly ok: false; readonly reasons: readonly [Reason, ...Reason[]] }

/**
 * Is this a new passkey (WebAuthn Level 3, section 7.1) made for exactly this row and occasion, on a console of this roster, with its user verified;
 * and where the roster demands attestation for approvers, one of its models, in hardware? Without attestation nothing signs the challenge:
 * then whoever brings the registration (an invitation key, a person's touch) speaks for it.
 */
export function verifyRegistration(context: RegistrationContext): RegistrationResult {
  const { registration, credential, wanted, roster } = context
  const clientData = fromBase64url(registration.client_data)
  const elsewhere = clientData === undefined ? invalid('The client data is not base64url.', 'client_data') : checkClientData(clientData, { type: 'webauthn.create', challenge: registrationChallenge(wanted), origins: roster.deployment.console_origins })
  if (clientData === undefined || elsewhere !== undefined) return refused(elsewhere?.code === 'origin_mismatch' ? elsewhere : invalid(elsewhere?.message ?? '', elsewhere?.rule?.replace('passkey.', '') ?? 'client_data'))
  const made = readAttestationObject(fromBase64url(registration.attestation_object), roster.deployment.rp_id)
  if ('code' in made) return refused(made)
  if (toBase64url(made.id) !== credential) return refused(invalid('The credential is not the one that was registered.', 'credential'))
  if (roster.people.some((person) => person.passkeys.some(({ id }) => id === credential))) return refused(invalid('This passkey is in the roster already.', 'credential_unique'))

  const statement = readStatement({ fmt: made.fmt, attStmt: made.attStmt, signed: concat(made.authData, sha256(clientData)), key: made.key, aaguid: made.aaguid }, openKeyring())
  if (!statement.ok) return refused(invalid(`The attestation is not sound: ${statement.why}.`, 'attestation'))
  const passkey: Passkey = { id: credential, name: context.name, key: made.key, uses: context.uses, aaguid: aaguidText(made.aaguid), synced: made.synced }
  const unfit = unfitToApprove(passkey, statement, context)
  return unfit === undefined ? { ok: true, passkey } : refused(unfit)
}

const refused = (reason: Reason): RegistrationResult => ({ ok: false, reasons: [reason] })
const invalid = (message: string, rule: string): Reason => reasonOf('registration_invalid', message, { rule: `registration.${rule}` })

interface Made {
  readonly fmt: string
  readonly attStmt: ReturnType<typeof decodeCborMap> & object
  readonly authData: Uint8Array
  readonly id: Uint8Array
  readonly key: ProofJwk
  readonly aaguid: Uint8Array
  readonly synced: boolean
}

function readAttestationObject(bytes: Uint8Array | undefined, rpId: string): Made | Reason {
  const object = bytes === undefined ? undefined : decodeCborMap(bytes)
  const [fmt, attStmt, authData] = ['fmt', 'attStmt', 'authData'].map((name) => object?.get(name))
  if (object?.size !== 3 || typeof fmt !== 'string' || !isMap(attStmt) || !isBytes(authData)) return invalid('The attestation object is not one.', 'attestation_object')
  const data = readAuthenticatorData(authData)
  if (data === undefined || !has(data, flag.attestedData)) return invalid('The authenticator data is not that of a registration.', 'authenticator_data')
  if (!isForRp(data, rpId)) return invalid('The passkey is for another RP id.', 'rp_id')
  if (!has(data, flag.userPresent) || !has(data, flag.userVerified)) return reasonOf('user_not_verified', 'The authenticator did not verify its user.', { rule: 'registration.user_verified' })
  const attested = readAttestedData(data.rest, has(data, flag.extensions))
  if (attested === undefined) return invalid('The attested data is not that of a P-256 or Ed25519 passkey.', 'attested_data')
  return { fmt, attStmt, authData, ...attested, synced: has(data, flag.backupEligible) }
}

const longestId = 255

/** Section 6.5.1: AAGUID, length of the id, id, COSE key; then, if announced, one map of extensions. Nothing after. */
function readAttestedData(rest: Uint8Array, announced: boolean): Pick<Made, 'id' | 'key' | 'aaguid'> | undefined {
  if (rest.length < 18) return undefined
  const length = new DataView(rest.buffer, rest.byteOffset).getUint16(16)
  if (length < 1 || length > longestId || rest.length < 18 + length) return undefined
  const tail = rest.subarray(18 + length)
  const cose = decodeCbor(tail)
  if (cose === undefined || !isMap(cose.value)) return undefined
  const extensions = tail.subarray(cose.end)
  if (announced ? decodeCborMap(extensions) === undefined : extensions.length > 0) return undefined
  const key = jwkOfCose(cose.value)
  return key === undefined ? undefined : { aaguid: rest.subarray(0, 16), id: rest.subarray(18, 18 + length), key }
}

function aaguidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** The roster's rule for authenticators that may approve. Those that only sign in may be any. */
function unfitToApprove(passkey: Passkey, statement: StatementResult & { ok: true }, { roster: { attestation }, at }: RegistrationContext): Reason | undefined {
  if (attestation === undefined || !passkey.uses.includes('approve')) return undefined
  const unfit = (message: string, rule: string, fact?: string) => reasonOf('attestation_required', message, { rule: `attestation.${rule}`, ...(fact === undefined ? {} : { fact }) })
  if (passkey.synced) return unfit('A passkey that can be copied to other devices may not approve here.', 'synced')
  if (statement.chain === undefined) return unfit('The authenticator must say by certificate (format packed) which model it is.', 'format')
  if (!attestation.aaguids.includes(passkey.aaguid)) return unfit('The roster does not list this model.', 'aaguids', passkey.aaguid)
  if (!endsInRoot(statement.chain, attestation.roots, at)) return unfit('The attestation does not end in a root of the roster.', 'roots')
  return undefined
}
