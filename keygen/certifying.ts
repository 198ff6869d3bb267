import { ok } from '@symbolon/core/errors.ts'
import { bytesOf, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { certificateBytes, certificateDigest, type BodyOf, type Certificate, type CertificateStatement } from '@symbolon/protocol/ceremony.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { verifyP256, type P256Jwk } from '@symbolon/protocol/p256.ts'
import type { Keystore } from '@symbolon/keystore/keystore.ts'
import { verifyGenesis, versionOne } from '@symbolon/roster/genesis.ts'
import { fingerprint, keysetBytes, keysetOf, type Keyset } from '@symbolon/roster/keyset.ts'
import type { Plan } from '@symbolon/roster/plan.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { messagesOf, type Inbox } from './ceremony.ts'
import { fault, type Made } from './dealing.ts'
import type { Outcome } from './storage.ts'

/* The end of a ceremony: no secret but the identity key. All of it follows from the plan and the statement, so it survives a restart. */

export class Certifying {
  readonly statement: CertificateStatement
  readonly roster: Roster
  readonly keyset: Keyset
  readonly #plan: Plan
  readonly #keystore: Keystore
  readonly #members: ReadonlyMap<number, P256Jwk>

  constructor(options: { plan: Plan; statement: CertificateStatement; keystore: Keystore; members: ReadonlyMap<number, P256Jwk> }) {
    this.#plan = options.plan
    this.#keystore = options.keystore
    this.#members = options.members
    this.statement = options.statement
    this.roster = versionOne(options.plan, options.statement)
    this.keyset = keysetOf(this.roster)
  }

  async certify(): Promise<Made<BodyOf<'certify'>>> {
    const signature = await this.#sign(certificateBytes(this.statement))
    return signature.ok ? ok({ certificate: certificateDigest(this.statement), signature: signature.value }) : signature
  }

  /** Everybody certified the same. @param now seconds */
  async signKeyset(inbox: Inbox, now: number): Promise<Made<BodyOf<'keyset'>>> {
    const digest = certificateDigest(this.statement)
    const signed = certificateBytes(this.statement)
    const wrong = messagesOf(inbox, 'certify').filter(({ sender, body }) => body.certificate !== digest || !this.#holds(sender, signed, body.signature))
    if (wrong.length > 0) return fault('certificate_differs', wrong.map(({ sender }) => sender))
    const signature = await this.#sign(keysetBytes(this.keyset, now))
    return signature.ok ? ok({ fingerprint: fingerprint(this.keyset), iat: now, signature: signature.value }) : signature
  }

  /** Everybody signed the first keyset. Gives what becomes active, after asking of it what a signer will ask at its start. */
  outcome(inbox: Inbox, now: number): Made<Outcome> {
    const print = fingerprint(this.keyset)
    const rows = messagesOf(inbox, 'keyset')
    // One from the future would look fresh to clients longer than a day.
    const wrong = rows.filter(({ sender, body }) => body.fingerprint !== print || body.iat > now + limits.clockSkew || !this.#holds(sender, keysetBytes(this.keyset, body.iat), body.signature))
    if (wrong.length > 0) return fault('keyset_differs', wrong.map(({ sender }) => sender))
    const certificate: Certificate = { statement: this.statement, signatures: messagesOf(inbox, 'certify').map(({ sender, body }) => ({ signer: sender, signature: body.signature })) }
    const keyset = { keyset: this.keyset, signatures: rows.map(({ sender, body }) => ({ signer: sender, iat: body.iat, signature: body.signature })) }
    const genesis = verifyGenesis({ plan: this.#plan, roster: this.roster, certificate, keyset })
    return genesis.ok ? ok({ roster: this.roster, certificate, keyset }) : fault('certificate_differs')
  }

  #holds(signer: number, signed: Uint8Array, signature: Base64url): boolean {
    const identity = this.#members.get(signer)
    return identity !== undefined && verifyP256(identity, signed, bytesOf(signature))
  }

  async #sign(signed: Uint8Array): Promise<Made<Base64url>> {
    const signature = await this.#keystore.sign(signed)
    return signature.ok ? ok(toBase64url(signature.value)) : fault('seal_failed', [this.#keystore.signer])
  }
}
