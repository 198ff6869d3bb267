import { z } from 'zod'
import { bytesOf, lengthPrefixed, tagged, taggedHash, toBase64url, utf8, type Base64url } from './bytes.ts'
import { base64urlOf, digestText, p256Jwk, seconds, signerId } from './fields.ts'
import { canonical } from './json.ts'
import { limits } from './limits.ts'
import { verifyP256, type P256Jwk } from './p256.ts'
import { purpose, purposes } from './purpose.ts'

/*
 * keygen ↔ keygen: `POST /v1/ceremony`. Every message is signed by its sender's identity key and names the plan, the session, the
 * phase and the sender; one per phase and sender, to all alike.
 */

/** A member broadcasts one message per phase, in this order, each when it holds everybody's of the phase before. */
export const phases = ['accept', 'commit', 'reveal', 'deal', 'agree', 'nonces', 'shares', 'certify', 'keyset', 'done'] as const
export type Phase = (typeof phases)[number]

const perPurpose = <T extends z.ZodRawShape>(shape: T) =>
  z.array(z.strictObject({ purpose, ...shape })).length(purposes.length).refine((rows) => rows.every((row, at) => (row as { purpose: unknown }).purpose === purposes[at]), 'every purpose once, in order')

/** `receive`: HPKE key of this session only, so that a complaint may disclose its private half. `nonce`: makes the session unique. */
const acceptBody = z.strictObject({ receive: p256Jwk, nonce: base64urlOf(32) })
/** Digest of the package that `reveal` will show (SEC-12). */
const commitBody = z.strictObject({ digests: perPurpose({ digest: base64urlOf(64) }) })
const vector = z.array(base64urlOf(32)).min(1).max(limits.signers)
const revealBody = z.strictObject({ packages: perPurpose({ commitments: vector, proof: z.strictObject({ r: base64urlOf(32), mu: base64urlOf(32) }) }) })
/** For each other member, by ascending id: its shares of all purposes in order, 32 bytes each, sealed to its session key (RFC 9180). */
const dealBody = z.strictObject({ shares: z.array(z.strictObject({ to: signerId, enc: base64urlOf(65), ciphertext: base64urlOf(32 * purposes.length + 16) })).min(1).max(limits.signers) })
/** Every message so far as this member received it, and their hash (SEC-16). */
const agreeBody = z.strictObject({ transcript: digestText, seen: z.array(z.strictObject({ phase: z.enum(phases), sender: signerId, digest: digestText })).min(1).max(4 * limits.signers) })
/** Commitments to the nonces of the test signature. */
const noncesBody = z.strictObject({ commitments: perPurpose({ hiding: base64urlOf(32), binding: base64urlOf(32) }) })
/** Shares of the test signature, made with the share that was read back and unsealed (SEC-23). */
const sharesBody = z.strictObject({ shares: perPurpose({ r: base64urlOf(32), z: base64urlOf(32) }) })
/** The member's signature under the certificate. */
const certifyBody = z.strictObject({ certificate: digestText, signature: base64urlOf(64) })
/** The member's signature under the first keyset, as of `iat`. */
const keysetBody = z.strictObject({ fingerprint: digestText, iat: seconds, signature: base64urlOf(64) })
const doneBody = z.strictObject({})

const bound = { v: z.literal(1), plan: digestText, session: digestText, sender: signerId, signature: base64urlOf(64) }
const inSession = <P extends Phase, B extends z.ZodType>(phase: P, body: B) => z.strictObject({ ...bound, phase: z.literal(phase), body })

/** `accept` opens the session, so it cannot name it. */
export const ceremonyMessage = z.discriminatedUnion('phase', [
  z.strictObject({ v: bound.v, plan: bound.plan, phase: z.literal('accept'), sender: bound.sender, body: acceptBody, signature: bound.signature }),
  inSession('commit', commitBody),
  inSession('reveal', revealBody),
  inSession('deal', dealBody),
  inSession('agree', agreeBody),
  inSession('nonces', noncesBody),
  inSession('shares', sharesBody),
  inSession('certify', certifyBody),
  inSession('keyset', keysetBody),
  inSession('done', doneBody),
])
export type CeremonyMessage = z.infer<typeof ceremonyMessage>
export type MessageOf<P extends Phase> = Extract<CeremonyMessage, { phase: P }>
export type BodyOf<P extends Phase> = MessageOf<P>['body']
/** A message before it is signed. */
export type Statement<M extends CeremonyMessage = CeremonyMessage> = M extends CeremonyMessage ? Omit<M, 'signature'> : never

/** Largest message: `deal` and `agree` among 100 members. */
export const ceremonyBytesLimit = 256 * 1024

/** What the sender's identity key signs. */
export function messageBytes(message: Statement | CeremonyMessage): Uint8Array {
  const { signature: _, ...statement } = message as CeremonyMessage
  return tagged('ceremony/v1', canonical(statement))
}

/** Identifies what was said. Not the signature's bytes: a second valid signature can be made from the first. */
export const messageDigest = (message: Statement | CeremonyMessage): Base64url => toBase64url(taggedHash('ceremony-message/v1', messageBytes(message)))

export const verifyMessage = (message: CeremonyMessage, identity: P256Jwk): boolean => verifyP256(identity, messageBytes(message), bytesOf(message.signature))

/** Names one run: the plan and every member's fresh nonce and session key, so nothing of an earlier run can be replayed into it. */
export const sessionOf = (plan: Base64url, accepts: readonly MessageOf<'accept'>[]): Base64url =>
  toBase64url(taggedHash('ceremony-session/v1', utf8(plan), ...byPhaseAndSender(accepts).map((message) => utf8(messageDigest(message)))))

/** All that was said up to and including `deal`. */
const transcriptPhases = ['accept', 'commit', 'reveal', 'deal'] as const satisfies readonly Phase[]
export const seenOf = (messages: readonly CeremonyMessage[]): BodyOf<'agree'>['seen'] =>
  byPhaseAndSender(messages.filter(({ phase }) => (transcriptPhases as readonly Phase[]).includes(phase))).map((message) => ({ phase: message.phase, sender: message.sender, digest: messageDigest(message) }))
export const transcriptOf = (session: Base64url, seen: BodyOf<'agree'>['seen']): Base64url => toBase64url(taggedHash('ceremony-transcript/v1', canonical({ session, seen })))

const byPhaseAndSender = <M extends CeremonyMessage>(messages: readonly M[]): M[] => messages.toSorted((a, b) => phases.indexOf(a.phase) - phases.indexOf(b.phase) || a.sender - b.sender)

/** Context of the DKG's proofs of possession and of everything sealed in it (SEC-11). */
export const ceremonyContext = (use: 'dkg' | 'deal', session: Base64url, parts: readonly string[]): Uint8Array => tagged(`ceremony-${use}/v1`, ...[session, ...parts].map((part) => lengthPrefixed(utf8(part))))

/** What all n sign with the new key of one purpose: no parser of tokens, records, checkpoints or ciphertexts reads it. */
export const testMessage = (session: Base64url, of: z.infer<typeof purpose>, key: Base64url): Uint8Array => tagged('ceremony-test/v1', canonical({ session, purpose: of, key }))

/* Ending without a key */

/** Why a ceremony ends. `blame` of `keygen/ceremony.ts` says what each proves. */
const ceremonyCodes = [
  'malformed', 'plan_differs', 'session_differs', 'sender_unknown', 'sender_mismatch', 'signature_invalid', 'message_reflected', 'message_repeated', 'phase_unexpected',
  'reveal_differs', 'commitment_length', 'commitment_malformed', 'digest_malformed', 'possession_unproven', 'degenerate_key',
  'share_unreadable', 'share_invalid', 'complaint_false', 'complaint_malformed',
  'transcript_differs', 'equivocation', 'seal_failed', 'test_failed', 'certificate_differs', 'keyset_differs', 'timed_out', 'storage_failed', 'stopped',
] as const
export type CeremonyCode = (typeof ceremonyCodes)[number]

/** Proof for everyone: the private half of the complainer's session key opens what `dealer` sealed to it. The session is dead with it. */
const complaint = z.strictObject({ dealer: signerId, key: base64urlOf(32) })
/** Sent once, in any phase, instead of going on. */
export const abortMessage = z.strictObject({
  v: z.literal(1),
  plan: digestText,
  /** Absent before the session exists. */
  session: digestText.optional(),
  phase: z.literal('abort'),
  sender: signerId,
  code: z.enum(ceremonyCodes),
  /** Whom the sender accuses. */
  culprits: z.array(signerId).max(limits.signers),
  complaint: complaint.optional(),
  /** For `transcript_differs`: what this member received where another received something else. */
  received: z.array(ceremonyMessage).max(4).optional(),
  signature: base64urlOf(64),
})
export type AbortMessage = z.infer<typeof abortMessage>
export function abortBytes(message: Omit<AbortMessage, 'signature'>): Uint8Array {
  const { signature: _, ...statement } = message as AbortMessage
  return tagged('ceremony-abort/v1', canonical(statement))
}

/** What travels: one message, or the end. */
export const ceremonyPost = z.union([ceremonyMessage, abortMessage])
/** The receiver took it (or had it), or says why not. */
export const ceremonyReply = z.discriminatedUnion('result', [z.strictObject({ result: z.literal('taken') }), z.strictObject({ result: z.literal('refused'), code: z.enum(ceremonyCodes) })])
export type CeremonyReply = z.infer<typeof ceremonyReply>

/* The outcome */

export const certifiedGroup = z.strictObject({
  purpose,
  epoch: z.int().min(1),
  t: z.int().min(2).max(limits.signers),
  n: z.int().min(3).max(limits.signers),
  key: base64urlOf(32),
  /** Verifying share of each member, by ascending id. */
  shares: z.array(z.strictObject({ id: signerId, share: base64urlOf(32) })).min(3).max(limits.signers),
})
export type CertifiedGroup = z.infer<typeof certifiedGroup>

/** What all n members saw come out. */
export const certificateStatement = z.strictObject({ v: z.literal(1), plan: digestText, session: digestText, transcript: digestText, groups: z.array(certifiedGroup).length(purposes.length) })
export type CertificateStatement = z.infer<typeof certificateStatement>
export const certificate = z.strictObject({ statement: certificateStatement, signatures: z.array(z.strictObject({ signer: signerId, signature: base64urlOf(64) })).min(3).max(limits.signers) })
export type Certificate = z.infer<typeof certificate>
/** `certificates.json`: one per ceremony, oldest first. */
export const certificateFile = z.strictObject({ v: z.literal(1), certificates: z.array(certificate).min(1).max(64) })
export const certificateFileLimit = 4 * 1024 * 1024

export const certificateBytes = (statement: CertificateStatement): Uint8Array => tagged('ceremony-certificate/v1', canonical(statement))
export const certificateDigest = (statement: CertificateStatement): Base64url => toBase64url(taggedHash('ceremony-certificate-digest/v1', certificateBytes(statement)))
