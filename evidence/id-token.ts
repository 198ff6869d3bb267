import { taggedHash, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { IdTokenClass } from '@symbolon/protocol/evidence.ts'
import { seconds } from '@symbolon/protocol/fields.ts'
import { boundAudience, boundPrefix, type Intent, type IntentDigest } from '@symbolon/protocol/intent.ts'
import { parseJws, type Jws } from '@symbolon/protocol/jws.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { Issuer, Roster, Trust } from '@symbolon/roster/roster.ts'
import { soundTrusts } from '@symbolon/roster/trust-lint.ts'
import { refuse, type EvidenceInput, type EvidenceResult, type IssuerKey, type IssuerKeys } from './established.ts'
import { refusalOfNone, show } from './near-miss.ts'
import type { Keyring } from './signature.ts'
import { matches, trustOf, type Claims } from './trust.ts'

/** `owner`: thumbprint of the key that showed the token, if it came sealed and proven. */
export type IdTokenJudge = (item: { readonly token: string; readonly owner?: Base64url }, input: EvidenceInput) => EvidenceResult
type Refused = Extract<EvidenceResult, { ok: false }>
type Found<T> = { readonly ok: true; readonly value: T } | Refused

/** Evidence `id_token`: an ID token of an issuer in the roster, whose claims exactly one trust takes for somebody. */
export function openIdTokenJudge(roster: Roster, keyring: Keyring): IdTokenJudge {
  const rows = new Map(roster.issuers.map((row) => [row.issuer, row]))
  const pinned = new Map(roster.issuers.map((row) => [row.id, new Map<string, IssuerKey>((row.keys ?? []).map(({ kid, alg, jwk }) => [kid, { alg, jwk }]))]))
  const trustsOf = Map.groupBy(soundTrusts(roster), (row) => row.issuer)

  return (item, input) => {
    const jws = parseJws(item.token)
    if (jws === undefined) return refuse('evidence_malformed', 'The ID token is not a signed JWT.', { rule: 'id_token' })
    const { iss } = jws.payload
    const row = typeof iss === 'string' ? rows.get(iss) : undefined
    if (row === undefined) return refuse('issuer_unknown', 'No issuer in the roster is spelled like the ID token’s iss.', { rule: 'id_token.iss', ...(typeof iss === 'string' ? { fact: show(iss) } : {}) })
    const read = readIdToken(jws, row, { ...input, owner: item.owner })
    if (!read.ok) return read
    const key = keyOf(read.value.kid, row, pinned.get(row.id), input.issuerKeys)
    if (!key.ok) return key
    if (jws.header['alg'] !== key.value.alg) return refuse('id_token_invalid', 'The ID token’s alg is not that of its key.', { rule: 'id_token.alg', fact: show(jws.header['alg']), remedy: `This key signs with ${key.value.alg}.` })
    if (!keyring.verifies(key.value, jws.signingInput, jws.signature)) return refuse('id_token_invalid', 'The ID token’s signature does not verify.', { rule: 'id_token.signature' })
    const claims = jws.payload as Claims
    const trust = oneTrust(trustsOf.get(row.id) ?? [], claims, input.intent)
    return trust.ok ? establish(trust.value, read.value, { row, jws, claims, intent: input.intent }) : trust
  }
}

interface Read {
  readonly kid: string
  readonly class: IdTokenClass
  readonly owner: Base64url | undefined
  readonly iat: number
  readonly exp: number
}

/** All that needs no key. */
function readIdToken({ header, payload }: Jws, row: Issuer, { intent, digest, owner }: EvidenceInput & { readonly owner: Base64url | undefined }): Found<Read> {
  const { kid } = header
  if (typeof kid !== 'string' || kid === '' || kid.length > maxKid) return refuse('id_token_invalid', 'The ID token names no key.', { rule: 'id_token.kid' })
  const confused = confusion(header, payload)
  if (confused !== undefined) return confused
  const found = classOf(payload['aud'], row, { digest, isSealed: owner !== undefined })
  if (!found.ok) return found
  const { iat, exp } = payload
  if (typeof payload['sub'] !== 'string' || !isSeconds(iat) || !isSeconds(exp) || exp <= iat) return refuse('id_token_invalid', 'The ID token lacks sub, iat or exp as OpenID Connect has them.', { rule: 'id_token.claims' })
  return wrongTime({ iat, exp, nbf: payload['nbf'] }, found.value, row, intent) ?? { ok: true, value: { kid, class: found.value, owner, iat, exp } }
}

const maxKid = 128

/**
 * RFC 8725, sections 2.8 and 3.11: an issuer signs other things with the same key. An ID token says `typ: JWT` or nothing; `events`
 * marks logout and security event tokens (RFC 8417). Keys that the message brings along are never used; their mere presence is
 * refused, so that nobody comes to rely on them.
 */
function confusion(header: Jws['header'], payload: Jws['payload']): Refused | undefined {
  const { typ } = header
  if (typ !== undefined && !(typeof typ === 'string' && /^(?:application\/)?jwt$/i.test(typ))) return refuse('id_token_invalid', 'This is another kind of JWT than an ID token.', { rule: 'id_token.typ', fact: show(typ) })
  if ('events' in payload) return refuse('id_token_invalid', 'This is a logout or event token, not an ID token.', { rule: 'id_token.events' })
  const carried = ['jku', 'x5u', 'jwk', 'x5c', 'cty', 'enc', 'zip'].find((name) => name in header)
  return carried === undefined ? undefined : refuse('id_token_invalid', 'The ID token’s header carries what no ID token needs.', { rule: `id_token.${carried}` })
}

/** The class follows from roster row and audience; one of class `static` must have come sealed, and no other may. Several audiences, even with ours among them, are none of ours. */
function classOf(aud: unknown, row: Issuer, { digest, isSealed }: { readonly digest: IntentDigest; readonly isSealed: boolean }): Found<IdTokenClass> {
  const only: unknown = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud
  if (only === boundAudience(digest) && !isSealed) return { ok: true, value: 'bound' }
  const remedy = `Ask the issuer for the audience ${boundAudience(digest)}, alone.`
  if (typeof only !== 'string') return refuse('id_token_audience', 'The ID token must be made for exactly one audience.', { rule: 'id_token.aud', remedy })
  if (only.startsWith(boundPrefix)) return refuse('id_token_audience', 'The ID token is bound to another intent.', { rule: 'id_token.aud', fact: show(only), remedy })
  if (only !== row.bearer_audience) return refuse('id_token_audience', 'The ID token was made for another audience.', { rule: 'id_token.aud', fact: show(only), remedy })
  if (row.class === 'static' && isSealed) return { ok: true, value: 'static' }
  if (row.class === 'static') return refuse('id_token_class', 'This issuer’s ID tokens count only sealed to the signers, or bound to the intent.', { rule: `issuer:${row.id}`, fact: show(only), remedy })
  if (row.class !== 'bearer' || isSealed) return refuse('id_token_class', 'This issuer’s ID tokens count only when they are bound to the intent.', { rule: `issuer:${row.id}`, fact: show(only), remedy })
  return { ok: true, value: 'bearer' }
}

const isSeconds = (value: unknown): value is number => seconds.safeParse(value).success

/**
 * Judged at the issue time, the intent's `iat`, so that every signer comes to the same answer. A bound ID token is fetched after
 * its intent was made: it may be as young as the intent's window allows. Any other was there before, give or take two clocks.
 */
function wrongTime({ iat, exp, nbf }: { iat: number; exp: number; nbf: unknown }, kind: IdTokenClass, row: Issuer, intent: Intent): Refused | undefined {
  const latest = kind === 'bound' ? intent.exp : intent.iat + limits.clockSkew
  if (exp <= intent.iat) return refuse('id_token_expired', 'The ID token had expired when the intent was made.', { rule: 'id_token.exp', fact: `${exp}` })
  if (intent.iat - iat > row.max_age) return refuse('id_token_expired', 'The ID token is older than this issuer’s may be.', { rule: `issuer:${row.id}`, fact: `${intent.iat - iat} s`, remedy: `Fetch a new one; at most ${row.max_age} s old.` })
  if (iat > latest) return refuse('id_token_invalid', 'The ID token is from the future.', { rule: 'id_token.iat', fact: `${iat}` })
  if (nbf !== undefined && (!isSeconds(nbf) || nbf > latest)) return refuse('id_token_invalid', 'The ID token is not valid yet.', { rule: 'id_token.nbf' })
  return undefined
}

/** Pinned keys are all there are. Of fetched ones a new `kid` may have appeared since: ask, unless that was just done. */
function keyOf(kid: string, row: Issuer, pinned: ReadonlyMap<string, IssuerKey> | undefined, fetched: IssuerKeys): Found<IssuerKey> {
  const known = fetched.get(row.id)
  const key = row.keys === undefined ? known?.keys.get(kid) : pinned?.get(kid)
  if (key !== undefined) return { ok: true, value: key }
  if (row.keys === undefined && known?.absent.has(kid) !== true) return { ok: false, missing: { issuer: row.id, kid } }
  return refuse('id_token_invalid', 'The issuer has no key with this kid.', { rule: 'id_token.kid', fact: show(kid) })
}

function oneTrust(trusts: readonly Trust[], claims: Claims, intent: Intent): Found<Trust> {
  const matching = trusts.filter((trust) => matches(trust, claims))
  const named = trusts.find((trust) => trust.id === intent.sub)
  const chosen = named === undefined ? (matching.length === 1 ? matching[0] : undefined) : matching.find((trust) => trust.id === named.id)
  if (chosen !== undefined) return { ok: true, value: chosen }
  if (matching.length <= 1 || named !== undefined) return refusalOfNone(named === undefined ? trusts : [named], claims)
  const ids = matching.map((trust) => trust.id).join(', ')
  return refuse('trust_ambiguous', 'More than one trust matches, and the intent’s sub names none of them.', { rule: `trust:${matching[0]?.id ?? ''}`, fact: ids })
}

interface Judged {
  readonly row: Issuer
  readonly jws: Jws
  readonly claims: Claims
  readonly intent: Intent
}

function establish(trust: Trust, read: Read, { row, jws, claims, intent }: Judged): EvidenceResult {
  const ceiling = read.class === 'bound' ? undefined : row.ceiling
  return {
    ok: true,
    value: {
      principal: trustOf(trust, claims),
      evidence: { kind: 'id_token', class: read.class, age: Math.max(0, intent.iat - read.iat) },
      origin: { kind: 'id_token', class: read.class, ...(ceiling === undefined ? {} : { ceiling }) },
      ...(ceiling === undefined ? {} : { ceiling }),
      singleUse: [{ id: singleUseId(jws), until: spentUntil(read, row, intent), ...(read.owner === undefined ? {} : { owner: read.owner }) }],
    },
  }
}

/** Over what the issuer signed, its name among it, not over the whole token: an ECDSA signature has a second spelling that verifies as well. */
const singleUseId = (jws: Jws) => toBase64url(taggedHash('id-token/v1', jws.signingInput))

/** One that is not bound may be shown until it ends with an intent that was made just then, and that one lives for its whole window. */
function spentUntil({ class: kind, exp, iat }: Read, row: Issuer, intent: Intent): number {
  const last = kind === 'bound' ? intent.exp : Math.max(intent.exp, Math.min(exp, iat + row.max_age + 1) + limits.intentWindow)
  return last + limits.clockSkew
}
