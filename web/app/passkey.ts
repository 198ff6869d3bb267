import { fromBase64url, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { registrationChallenge, userHandle, type Assertion, type Registration, type RegistrationFor } from '@symbolon/protocol/webauthn.ts'
import { newKey, type NewKey } from './passkey-row.ts'
import type { Deployment } from './deployment.ts'
import { failed, ok, type Result } from './result.ts'
import { trouble, type Trouble } from './trouble.ts'

/* Passkeys (WebAuthn Level 3). A touch signs exactly 32 bytes that were computed in this page. */

const timeout = 120_000

export interface Registered extends NewKey {
  readonly credential: Base64url
  readonly registration: Registration
}

/**
 * Makes a passkey for a row. ES256 and Ed25519 are what signers take.
 * @param person.passkeys ids of those that the person has: an authenticator that holds one of them refuses, where it would replace it
 */
export async function makePasskey(wanted: RegistrationFor, person: { readonly name: string; readonly passkeys?: readonly Base64url[] }, { rpId }: Pick<Deployment, 'rpId'>): Promise<Result<Registered, Trouble>> {
  const options: PublicKeyCredentialCreationOptions = {
    rp: { id: rpId, name: 'Symbolon' },
    user: { id: own(userHandle(wanted)), name: wanted.row, displayName: person.name },
    challenge: own(registrationChallenge(wanted)),
    pubKeyCredParams: [-7, -8].map((alg) => ({ type: 'public-key' as const, alg })),
    excludeCredentials: descriptors(person.passkeys),
    authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
    attestation: 'direct',
    timeout,
  }
  const made = await touch(() => navigator.credentials.create({ publicKey: options }))
  if (!made.ok) return made
  const { rawId, response } = made.value
  if (!(response instanceof AuthenticatorAttestationResponse)) return failed(odd)
  const spki = response.getPublicKey()
  const key = spki === null ? undefined : newKey(new Uint8Array(response.getAuthenticatorData()), new Uint8Array(spki), response.getPublicKeyAlgorithm())
  if (key === undefined) return failed(odd)
  return ok({ ...key, credential: text(rawId), registration: { client_data: text(response.clientDataJSON), attestation_object: text(response.attestationObject) } })
}

/**
 * @param challenge digest of an intent, or of an approval
 * @param sub whose passkey it must be: another person's is found out here, before anything is sent
 * @param passkeys ids of those that may do it, where the page knows them; empty: whichever the person chooses
 */
export async function touchPasskey(challenge: Uint8Array, sub: string, { rpId, lineage }: Pick<Deployment, 'rpId' | 'lineage'>, passkeys: readonly Base64url[] = []): Promise<Result<Assertion, Trouble>> {
  const touched = await touch(() => navigator.credentials.get({ publicKey: { challenge: own(challenge), rpId, allowCredentials: descriptors(passkeys), userVerification: 'required', timeout } }))
  if (!touched.ok) return touched
  const { rawId, response } = touched.value
  if (!(response instanceof AuthenticatorAssertionResponse)) return failed(odd)
  const handle = response.userHandle === null ? undefined : text(response.userHandle)
  if (handle !== undefined && handle !== toBase64url(userHandle({ lineage, row: sub }))) return failed(trouble('passkey_of_another', `This passkey is not one of ${sub}’s`, 'Choose the passkey that you enrolled here, or correct the name.'))
  return ok({ credential: text(rawId), authenticator_data: text(response.authenticatorData), client_data: text(response.clientDataJSON), signature: text(response.signature), ...(handle === undefined ? {} : { user_handle: handle }) })
}

const odd = trouble('passkey_odd', 'The browser gave something that is no passkey', 'Try again, or try another browser.')

const causes: Readonly<Record<string, Trouble>> = {
  NotAllowedError: trouble('passkey_declined', 'No passkey was touched', 'It was cancelled, took too long, or there is none for this console here. Try again.'),
  InvalidStateError: trouble('passkey_exists', 'This authenticator holds a passkey for this already', 'Use another authenticator.'),
  SecurityError: trouble('passkey_origin', 'This page may not use passkeys of this deployment', 'Open the console under the address that your deployment names.'),
  NotSupportedError: trouble('passkey_unsupported', 'This authenticator cannot make a passkey as it is needed', 'Use one that verifies you (PIN or fingerprint) and keeps passkeys.'),
}

async function touch(ask: () => Promise<Credential | null>): Promise<Result<PublicKeyCredential, Trouble>> {
  if (!('credentials' in navigator)) return failed(trouble('passkey_unsupported', 'This browser has no passkeys here', 'Open the console over https or on localhost, in a current browser.'))
  try {
    const credential = await ask()
    return credential instanceof PublicKeyCredential ? ok(credential) : failed(odd)
  } catch (error) {
    const cause = error instanceof DOMException ? causes[error.name] : undefined
    if (cause === undefined) throw error
    return failed(cause)
  }
}

const descriptors = (ids: readonly Base64url[] = []): PublicKeyCredentialDescriptor[] =>
  ids.map((id) => fromBase64url(id)).filter((bytes) => bytes !== undefined).map((bytes) => ({ type: 'public-key', id: own(bytes) }))

const text = (buffer: ArrayBuffer): Base64url => toBase64url(new Uint8Array(buffer))
/** A copy with a buffer of its own, as WebAuthn wants it. */
const own = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.from(bytes)
