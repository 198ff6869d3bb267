import { z } from 'zod'
import { taggedHash, type Base64url, type Digest } from './bytes.ts'
import { base64urlUpTo, digestText, rosterId } from './fields.ts'
import { canonical } from './json.ts'

/* What a browser gives of a passkey (WebAuthn Level 3), as it travels. The bytes are judged where a roster is. */

/** Longer ids exist on paper only. */
export const credentialId = base64urlUpTo(255)

/** `AuthenticatorAssertionResponse`, section 5.2.2, with the credential's id. */
export const assertion = z.strictObject({
  credential: credentialId,
  authenticator_data: base64urlUpTo(512),
  client_data: base64urlUpTo(1024),
  signature: base64urlUpTo(160),
  user_handle: base64urlUpTo(64).optional(),
})
export type Assertion = z.infer<typeof assertion>

/** `AuthenticatorAttestationResponse`, section 5.2.1. */
export const registration = z.strictObject({ client_data: base64urlUpTo(1024), attestation_object: base64urlUpTo(12_288) })
export type Registration = z.infer<typeof registration>

/** AAGUID, section 6.5.1: which model made the key; all zeros when it does not say. */
export const aaguid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'must be an AAGUID such as 01234567-89ab-cdef-0123-456789abcdef')

/**
 * What a registration is made for. `by` is the thumbprint of the bootstrap or invitation key that lets the person in, or the digest of the
 * roster version that a person in it adds a passkey to: nobody can use it for another row, deployment or occasion.
 */
const registrationFor = z.strictObject({ v: z.literal(1), lineage: digestText, row: rosterId, by: digestText })
export type RegistrationFor = Omit<z.infer<typeof registrationFor>, 'v'>

/** The WebAuthn challenge of a registration, 32 bytes. */
export const registrationChallenge = (wanted: RegistrationFor): Digest => taggedHash('registration/v1', canonical(registrationFor.parse({ v: 1, ...wanted })))

/** The WebAuthn user handle, 32 bytes: tells nothing about the person (section 14.6.1). */
export const userHandle = ({ lineage, row }: { readonly lineage: Base64url; readonly row: string }): Digest => taggedHash('user/v1', canonical({ lineage, row }))
