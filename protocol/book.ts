import { z } from 'zod'
import { tagged, taggedHash, toBase64url, type Base64url } from './bytes.ts'
import { approvalList } from './approval.ts'
import { evidenceList } from './evidence.ts'
import { notNowCodes } from './errors.ts'
import { base64urlOf, base64urlUpTo, digestText, ed25519Jwk, line, proofJwk, rosterId, seconds, signerId } from './fields.ts'
import { canonical } from './json.ts'
import { limits } from './limits.ts'
import { reason } from './reason.ts'
import { bootCertificate, bootId } from './sign.ts'
import { credentialId, registration } from './webauthn.ts'

/*
 * The book: all that changes who exists after version 1. Signers keep it, and make it: each judges what is proposed by itself and *accepts* at
 * most one thing for each slot, for good. The accepts of t signers are a certificate; whoever holds that *adopts*, whatever the clock says.
 */

/** What a thing is accepted for: the next roster version, or the next entry in a row's own chain. */
const slot = z.discriminatedUnion('of', [
  z.strictObject({ of: z.literal('roster'), version: z.int().min(2) }),
  /** `row` of the roster, and the position in its chain, from 1. `key`: thumbprint of the invitation key, or of the key that stood in the document. */
  z.strictObject({ of: z.literal('row'), row: rosterId, key: digestText, seq: z.int().min(1).max(10_000) }),
])
export type Slot = z.infer<typeof slot>

/** One signer's word, by its identity key (P-256): of this slot, this is the one that I accept. */
export const accept = z.strictObject({ signer: signerId, iat: seconds, signature: base64urlOf(64) })
export type Accept = z.infer<typeof accept>

/** `subject`: the digest of the roster document, or of the entry. */
export const certificate = z.strictObject({ slot, subject: digestText, accepts: z.array(accept).min(1).max(limits.signers) })
export type AcceptCertificate = z.infer<typeof certificate>

/** What an identity key signs. */
export const acceptBytes = ({ lineage, slot, subject, iat }: { readonly lineage: Base64url; readonly slot: Slot; readonly subject: Base64url; readonly iat: number }): Uint8Array =>
  tagged('accept/v1', canonical({ v: 1, lineage, slot, subject, iat }))

/** A passkey that a change brings in, as the browser made it: signers verify it themselves. */
export const registered = z.strictObject({ row: rosterId, credential: credentialId, registration })

/** A policy bundle, when the next version names another than its predecessor. */
const bundle = z.strictObject({ wasm: base64urlUpTo(8 * 1024 * 1024), data: base64urlUpTo(1024 * 1024) })

/** The next roster version, with all that speaks for it. The intent (kind `roster`) names it by digest; approvals cover the intent. */
export const change = z.strictObject({
  v: z.literal(1),
  /** Canonical bytes of the next roster document. */
  document: base64urlUpTo(4 * 1024 * 1024),
  intent: base64urlUpTo(limits.intentBytes),
  evidence: evidenceList,
  approvals: approvalList,
  registrations: z.array(registered).max(64),
  /** Canonical bytes of accepted versions that a split left without a certificate, where `from` names any. */
  split: z.array(base64urlUpTo(4 * 1024 * 1024)).max(8),
  bundle: bundle.optional(),
})
export type Change = z.infer<typeof change>

/** An entry of a row's own chain: what a row may do to itself without the guardians. */
const enrolment = z.strictObject({
  v: z.literal(1),
  kind: z.literal('enrolment'),
  lineage: digestText,
  row: rosterId,
  /** Thumbprint of the invitation key in the row. */
  invitation: digestText,
  name: line(64),
  registration,
  iat: seconds,
})
const rotation = z.strictObject({
  v: z.literal(1),
  kind: z.literal('rotation'),
  lineage: digestText,
  row: rosterId,
  /** Thumbprint of the key that stands in the document, where the chain begins. */
  root: digestText,
  seq: z.int().min(1).max(10_000),
  /** Thumbprint of the key that signs this: the newest so far. */
  by: digestText,
  key: z.strictObject({ id: rosterId, jwk: proofJwk }),
  iat: seconds,
})
export const entryStatement = z.discriminatedUnion('kind', [enrolment, rotation])
export type EntryStatement = z.infer<typeof entryStatement>
/** `signature`: by the invitation key, or by the row's current key. `possession`: a rotation's new key over the same bytes. */
export const entry = z.strictObject({ statement: entryStatement, signature: base64urlOf(64), possession: base64urlOf(64).optional() })
export type Entry = z.infer<typeof entry>
export const entryBytes = (statement: EntryStatement): Uint8Array => tagged('row-entry/v1', canonical(statement))
/** The subject of its certificate: who signed it does not matter, what it says does. */
export const entryDigest = (statement: EntryStatement): Base64url => toBase64url(taggedHash('row-entry-digest/v1', canonical(statement)))
export const slotOfEntry = (statement: EntryStatement): Slot =>
  statement.kind === 'enrolment' ? { of: 'row', row: statement.row, key: statement.invitation, seq: 1 } : { of: 'row', row: statement.row, key: statement.root, seq: statement.seq }

/** The public key of a bootstrap or invitation code. */
export const codeKey = ed25519Jwk

/** A `revoke` or `lock` intent with its evidence: speaks for itself, for ever; each signer that is shown it judges it. `iat`: of the intent. */
export const stop = z.strictObject({ intent: base64urlUpTo(limits.intentBytes), evidence: evidenceList })
export type Stop = z.infer<typeof stop>

/** The book, as signers, coordinator and api hand it on. */
export const certifiedVersion = z.strictObject({ change, certificate })
export type CertifiedVersion = z.infer<typeof certifiedVersion>
export const certifiedEntry = z.strictObject({ entry, certificate })
export type CertifiedEntry = z.infer<typeof certifiedEntry>
export const book = z.strictObject({
  v: z.literal(1),
  /** Ascending; those after the version that the asker named. Bundles only in those whose policy is in force. */
  versions: z.array(certifiedVersion).max(64),
  entries: z.array(certifiedEntry).max(4096),
  stops: z.array(stop).max(4096),
})
export type Book = z.infer<typeof book>

/* coordinator or signer → signer */

/** `POST /v1/book`: what you know beyond this. */
export const bookRequest = z.strictObject({ v: z.literal(1), after: z.int().min(1) })
export const bookLimit = 64 * 1024 * 1024

/** `POST /v1/accept`: judge this; if you accept it, say so under your identity key. */
export const acceptRequest = z.discriminatedUnion('what', [z.strictObject({ v: z.literal(1), what: z.literal('change'), change }), z.strictObject({ v: z.literal(1), what: z.literal('entry'), entry })])
export type AcceptRequest = z.infer<typeof acceptRequest>
export const acceptReply = z.discriminatedUnion('result', [
  z.strictObject({ v: z.literal(1), result: z.literal('accepted'), slot, subject: digestText, accept }),
  z.strictObject({ v: z.literal(1), result: z.literal('refused'), reasons: z.array(reason).min(1).max(64) }),
  z.strictObject({ v: z.literal(1), result: z.literal('not_now'), code: z.enum(notNowCodes) }),
])
export type AcceptReply = z.infer<typeof acceptReply>

/** `POST /v1/adopt`: a part of a book. What is certified is adopted, what stops somebody is judged; the rest is passed over in silence. */
export const adoptReply = z.discriminatedUnion('result', [
  z.strictObject({ v: z.literal(1), result: z.literal('adopted'), version: z.int().min(1), stops: z.int().min(0) }),
  z.strictObject({ v: z.literal(1), result: z.literal('refused'), reasons: z.array(reason).min(1).max(64) }),
  z.strictObject({ v: z.literal(1), result: z.literal('not_now'), code: z.enum(notNowCodes) }),
])
export type AdoptReply = z.infer<typeof adoptReply>

/* signer → signer, every few seconds */

/**
 * `POST /v1/head`. `challenge`: 16 random bytes, so that an old answer cannot be shown again. The asker says which of its lives it is, under that
 * life's key: a copy of a signer that nobody can reach is noticed by its questions.
 */
export const headRequest = z.strictObject({ v: z.literal(1), challenge: base64urlOf(16), certificate: bootCertificate, signature: base64urlOf(64) })
export type HeadRequest = z.infer<typeof headRequest>
/** What the asker's boot key signs; `to`: who is asked. */
export const headQuestionBytes = ({ boot, to, challenge }: { readonly boot: Base64url; readonly to: number; readonly challenge: Base64url }): Uint8Array => tagged('head-question/v1', canonical({ v: 1, boot, to, challenge }))

/** Where a signer stands. Digests are over all that it holds of a kind, so that equal books have equal heads. */
const headStatement = z.strictObject({
  v: z.literal(1),
  signer: signerId,
  boot: bootId,
  challenge: base64urlOf(16),
  iat: seconds,
  roster: z.strictObject({ version: z.int().min(1), digest: digestText }),
  entries: digestText,
  stops: digestText,
  epoch: z.int().min(1),
  journal: z.strictObject({ seq: z.int().min(0), head: digestText }),
})
export type HeadStatement = z.infer<typeof headStatement>
export const head = z.strictObject({ statement: headStatement, certificate: bootCertificate, signature: base64urlOf(64) })
export type Head = z.infer<typeof head>
/** What the boot key signs. */
export const headBytes = (statement: HeadStatement): Uint8Array => tagged('head/v1', canonical(statement))

/**
 * `yours`: of the asker's own heads the one with the longest journal that the answerer remembers. Its signature is the asker's own, so that a lie
 * about what somebody's journal once held silences nobody.
 */
export const headReply = z.strictObject({ v: z.literal(1), head, yours: head.optional() })
export type HeadReply = z.infer<typeof headReply>
export const headLimit = 8 * 1024
