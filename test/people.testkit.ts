import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { softPasskey, type BrowserLies, type SoftPasskey } from '@symbolon/evidence/passkey.testkit.ts'
import type { Approval } from '@symbolon/protocol/approval.ts'
import { fromBase64url, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { entryBytes, type Change, type Entry, type EntryStatement } from '@symbolon/protocol/book.ts'
import { boundAudience, encodeIntent, intentDigest, type GrantIntent, type Intent } from '@symbolon/protocol/intent.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { ed25519Jwk } from '@symbolon/protocol/fields.ts'
import type { Grant } from '@symbolon/protocol/grant.ts'
import type { ChangeResponse } from '@symbolon/protocol/http.ts'
import { firstPeople, invite, successor, type Edit } from '@symbolon/roster/edit.ts'
import { encodeRoster, rosterDigest, type Roster } from '@symbolon/roster/roster.ts'
import { openClient, type Client } from '@symbolon/sdk/client.ts'
import { grantCredential, keyCredential, type Credential } from '@symbolon/sdk/credential.ts'
import { ok, type Outcome } from '@symbolon/sdk/errors.ts'
import type { BuiltIntent } from '@symbolon/sdk/intent.ts'
import type { Stack } from './stack.ts'

/* People as programs: each has a software authenticator and does over HTTP what the console does in a browser. */

export interface Somebody {
  readonly id: string
  readonly passkey: SoftPasskey
  /** A touch for each intent. */
  readonly touch: Credential
}

export interface Code {
  readonly key: KeyObject
  readonly jwk: ReturnType<typeof ed25519Jwk.parse>
  readonly thumbprint: Base64url
}

export interface Delegated {
  readonly grant: Grant
  readonly key: KeyObject
  readonly digest: Base64url
  readonly credential: Credential
}

export interface Town {
  readonly client: Client
  readonly addr: string
  readonly lineage: Base64url
  /** The version in force, as somebody reads it. */
  roster(by: Pick<Somebody, 'id' | 'touch'>): Promise<{ readonly document: Roster; readonly entries: readonly { readonly entry: Entry }[] }>
  /** Everything that `by` needs to say so that this becomes the next version. */
  change(by: Somebody, edits: readonly Edit[], more?: Partial<Change>): Promise<Change>
  propose(change: Change): Promise<Outcome<ChangeResponse>>
  /** Proposes, and expects it to be accepted. */
  accepted(by: Somebody, ...edits: readonly Edit[]): Promise<ChangeResponse>
  /** The same, of what is there already, with these approvals. */
  agreed(change: Change, ...by: readonly Somebody[]): Promise<ChangeResponse>
  approval(by: Somebody, digest: Base64url, decision?: 'approve' | 'deny', lies?: BrowserLies): Approval
  /** Version 2 with the first guardian, as the bootstrap key that `make up` left signs it. */
  firstChange(id: string): Promise<{ readonly change: Change; readonly who: Somebody }>
  /** The same, accepted. */
  first(id: string): Promise<Somebody>
  /** A row for somebody, accepted; the code is what the link carries. */
  invite(by: Somebody, id: string, roles: readonly string[]): Promise<Code>
  entry(code: Code, id: string, passkey: SoftPasskey, change?: Partial<EntryStatement>): Entry
  /** Comes in by a code. */
  enter(code: Code, id: string): Promise<Somebody>
  /** A passkey of this deployment's console, of nobody yet. */
  passkey(id: string): SoftPasskey
  /** A grant, as `symbolon login` gets one. */
  grant(by: Somebody, change?: Partial<GrantIntent>): Delegated
  close(): Promise<void>
}

const now = () => Math.floor(Date.now() / 1000)

export function newCode(): Code {
  const { privateKey } = generateKeyPairSync('ed25519')
  return codeOf(privateKey)
}

function codeOf(key: KeyObject): Code {
  const jwk = ed25519Jwk.parse(createPublicKey(key).export({ format: 'jwk' }))
  return { key, jwk, thumbprint: thumbprint(jwk) }
}

export function builtOf<I extends Intent>(intent: I): BuiltIntent<I> {
  const bytes = encodeIntent(intent)
  const digest = intentDigest(bytes)
  return { intent, bytes, digest, digestText: toBase64url(digest), boundAudience: boundAudience(digest) }
}

export const touchOf = (passkey: SoftPasskey, lies?: BrowserLies): Credential => ({ description: 'a touch', evidence: async (built) => ok([{ kind: 'passkey', assertion: passkey.assert(built.digest, lies) }]) })

export async function openTown(stack: Pick<Stack, 'cli' | 'home' | 'port'>): Promise<Town> {
  const { stdout } = await stack.cli(['config', 'show', '-o', 'json'])
  const { addr, pin } = JSON.parse(stdout) as { addr: string; pin: Base64url }
  const client = must(openClient({ addr, pin }))
  const { keyset, lineage } = must(await client.deployment())
  const rp = { rpId: 'localhost', origin: `http://localhost:${stack.port('console')}` }
  const common = () => ({ v: 1, nonce: toBase64url(randomBytes(16)), iat: now(), exp: now() + 300, iss: keyset.issuer, lineage }) as const

  const town: Town = {
    client,
    addr,
    lineage,
    async roster(by) {
      const { document, response } = must(await client.readRoster({ sub: by.id, credential: by.touch }))
      return { document, entries: response.entries }
    },
    async change(by, edits, more = {}) {
      const { document, entries } = await town.roster(by)
      const edited = successor({ document, entries }, ...edits)
      if (!edited.ok) throw new Error(edited.problems.join('; '))
      const bytes = encodeIntent({ ...common(), kind: 'roster', exp: now() + 3_600, sub: by.id, version: edited.document.version, from: [rosterDigest(document)], to: rosterDigest(edited.document) })
      return { v: 1, document: toBase64url(encodeRoster(edited.document)), intent: toBase64url(bytes), evidence: [{ kind: 'passkey', assertion: by.passkey.assert(intentDigest(bytes)) }], approvals: [], registrations: [], split: [], ...more }
    },
    propose: (change) => client.propose(change),
    accepted: async (by, ...edits) => town.agreed(await town.change(by, edits)),
    async agreed(change, ...by) {
      const response = must(await client.propose({ ...change, approvals: by.map((each) => town.approval(each, digestOf(change))) }))
      if (response.state !== 'accepted') throw new Error(`${response.state}: ${JSON.stringify(response)}`)
      return response
    },
    approval: (by, digest, decision = 'approve', lies) => by.passkey.approve({ intent: digest, approver: by.id, decision, iat: now(), exp: now() + 3_600 }, lies),
    async firstChange(id) {
      const code = codeOf(createPrivateKey(readFileSync(join(stack.home.path, 'bootstrap.key'))))
      const passkey = softPasskey({ ...rp, owner: { lineage, row: id } })
      const touch = keyCredential({ key: code.key, kid: 'bootstrap', sub: 'bootstrap' })
      const { document } = await town.roster({ id: 'bootstrap', touch })
      const edited = successor({ document, entries: [] }, firstPeople([{ id, name: id, roles: ['engineer', 'sre'], groups: [], passkeys: [passkey.row()] }]))
      if (!edited.ok) throw new Error(edited.problems.join('; '))
      const built = builtOf({ ...common(), kind: 'roster', sub: 'bootstrap', version: 2, from: [rosterDigest(document)], to: rosterDigest(edited.document) })
      const evidence = must(await touch.evidence(built, now()))
      const registration = { row: id, ...passkey.register({ lineage, row: id, by: code.thumbprint }) }
      const change: Change = { v: 1, document: toBase64url(encodeRoster(edited.document)), intent: toBase64url(built.bytes), evidence: [...evidence], approvals: [], registrations: [registration], split: [] }
      return { change, who: { id, passkey, touch: touchOf(passkey) } }
    },
    async first(id) {
      const { change, who } = await town.firstChange(id)
      await town.agreed(change)
      return who
    },
    async invite(by, id, roles) {
      const code = newCode()
      await town.accepted(by, invite({ id, name: id, roles: [...roles], groups: [] }, { key: code.jwk, exp: now() + 3_600, uses: ['sign_in', 'approve'] }))
      return code
    },
    entry(code, id, passkey, change = {}) {
      const { registration } = passkey.register({ lineage, row: id, by: code.thumbprint })
      const statement = { v: 1, kind: 'enrolment', lineage, row: id, invitation: code.thumbprint, name: 'Soft key', registration, iat: now(), ...change } as EntryStatement
      return { statement, signature: toBase64url(sign(null, entryBytes(statement), code.key)) }
    },
    passkey: (id) => softPasskey({ ...rp, owner: { lineage, row: id } }),
    async enter(code, id) {
      const passkey = town.passkey(id)
      must(await client.sendEntry(town.entry(code, id, passkey)))
      return { id, passkey, touch: touchOf(passkey) }
    },
    grant(by, change = {}) {
      const { privateKey: key } = generateKeyPairSync('ed25519')
      const intent: GrantIntent = { ...common(), kind: 'grant', sub: by.id, client: 'symbolon-cli', key: codeOf(key).thumbprint, ceiling: {}, end: now() + 3_600, ...change }
      const bytes = encodeIntent(intent)
      const grant: Grant = { intent: toBase64url(bytes), assertion: by.passkey.assert(intentDigest(bytes)) }
      return { grant, key, digest: toBase64url(intentDigest(bytes)), credential: grantCredential({ grant, key }) }
    },
    close: () => client.close(),
  }
  return town
}

export function must<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value
  throw outcome.error
}

/** The code of a refusal, or `ok`. */
export const codeOfOutcome = (outcome: Outcome<unknown>): string => (outcome.ok ? 'ok' : outcome.error.code)

/** What an intent in a change is called by approvals. */
export const digestOf = ({ intent }: Pick<Change, 'intent'>): Base64url => toBase64url(intentDigest(fromBase64url(intent) ?? new Uint8Array()))
