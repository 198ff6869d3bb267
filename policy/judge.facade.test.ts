import { describe, expect, test } from 'vitest'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import type { Intent, RevokeIntent, SecretIntent, TokenIntent } from '@symbolon/protocol/intent.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { lineageOf } from '@symbolon/roster/keyset.ts'
import type { Judgement } from './judge.ts'
import { at, bundleWith, defaultData, idTokenEvidence, intentOf, jwkOf, keyEvidence, makeKey, nonce, request, signJws, tokenEvidence, type World, type WorldOptions } from './judge.testkit.ts'
import { ruling } from './people.testkit.ts'
import { asked, changeOf, codes, digestOfRecord, facadeAudience, listOf, makeVault, ownReply, path, readOf, recordWith, signed, vaultJudge, vaultReply, versionOf, writeOf } from './secrets.testkit.ts'

/* Clients that cannot prove anything: what they are given, and how little it is. */

const issuer = 'http://localhost:8080'
const everything = { scope: ['secret:delete', 'secret:list', 'secret:read', 'secret:write'] }

interface Having {
  readonly world: World
  readonly token: string
  readonly jti: string
}
const minted = (world: World, change: Partial<TokenIntent> = {}, evidence: (world: World, intent: TokenIntent) => Evidence = keyEvidence): Judgement => {
  const intent = intentOf(world, { aud: facadeAudience, ...everything, ...change })
  return vaultJudge(world).judge(request(world, intent, [evidence(world, intent)]), at)
}
function having(world = makeVault(), change: Partial<TokenIntent> = {}, evidence?: (world: World, intent: TokenIntent) => Evidence): Having {
  const judged = minted(world, change, evidence)
  if (judged.verdict !== 'granted' || judged.grants !== 'token') throw new Error(JSON.stringify(judged))
  return { world, token: signJws(judged.message, world.group), jti: judged.claims.jti }
}
const show = ({ world, token }: Having, intent: Intent, records: Parameters<typeof asked>[2] = [], clock = intent.iat): Judgement => vaultJudge(world).judge(asked(world, intent, records, [{ kind: 'facade', token }]), clock)

const stored = (world: World, combine: 'vault' | 'caller' = 'vault', at = 'secret/db') => recordWith(world, { path: path(at), versions: [versionOf(1, { combine })] })
const reading = (world: World, change: Parameters<typeof readOf>[2] = {}, place = 'secret/db') => readOf(world, [[place, 'latest']], { reply: vaultReply, ...change })

describe('a token for a façade', () => {
  test('lives for 900 s at most, whatever policy says', () => {
    const world = makeVault()
    expect(minted(world)).toMatchObject({ verdict: 'granted', claims: { exp: at + 900 } })
    expect(codes(minted(world, { ttl: 901 }))).toEqual(['ttl_too_long'])
    expect(minted(world, { ttl: 60 })).toMatchObject({ claims: { exp: at + 60 } })
    const long = makeVault({ roster: { token: { default_ttl: 3600, max_ttl: 3600 } } })
    expect(minted(long)).toMatchObject({ claims: { exp: at + 900 } })
    expect(minted(long, { aud: 'https://api.example', scope: ['read:logs'] })).toMatchObject({ claims: { exp: at + 3600 } })
  })

  test('is bound to no key', () => expect(codes(minted(makeVault(), { cnf: { jkt: thumbprint(jwkOf(makeKey())) } }))).toEqual(['audience_not_allowed']))
  test('is made where the roster names a vault, and nowhere else', () => expect(codes(minted(makeVault({ roster: { vault: undefined, namespaces: undefined } })))).toContain('audience_not_allowed'))

  test('I-6 of an ID token of class bearer, keeps that class’s ceiling', () => {
    const row = { class: 'bearer' as const, bearer_audience: 'symbolon-ci', ceiling: { max_ttl: 300, scope: ['secret:read'] } }
    const world = makeVault({ issuerRow: row })
    const evidence = (on: World, intent: Intent) => idTokenEvidence(on, intent, { aud: 'symbolon-ci' })
    expect(codes(minted(world, { sub: 'deploy' }, evidence))).toEqual(['ceiling_exceeded', 'ceiling_exceeded', 'ceiling_exceeded'])
    expect(codes(minted(world, { sub: 'deploy', scope: ['secret:read'], ttl: 301 }, evidence))).toEqual(['ceiling_exceeded'])
    const held = having(world, { sub: 'deploy', scope: ['secret:read'] }, evidence)
    expect(codes(show(held, reading(world, { sub: 'deploy' }), [signed(stored(world))]))).toEqual(['granted'])
    expect(codes(show(held, { ...listOf(world, { prefix: 'secret' }), sub: 'deploy' }))).toEqual(['ceiling_exceeded'])
    expect(codes(show(held, reading(world, { sub: 'deploy', iat: at + 300, exp: at + 400 }), [signed(stored(world))]))).toEqual(['token_expired'])
    // The issuer's row is asked again: what it no longer allows, a token from before does not either.
    const narrowed = makeVault({ issuerRow: { ...row, ceiling: { max_ttl: 300, aud: ['https://api.example'] } } })
    expect(codes(show({ ...held, world: narrowed }, reading(narrowed, { sub: 'deploy' }), [signed(stored(narrowed))]))).toEqual(['ceiling_exceeded'])
  })
})

describe('I-8 a façade token', () => {
  const held = having()
  const { world } = held

  test('opens what the vault process may combine, in replies to its key', () => {
    const judged = show(held, reading(world), [signed(stored(world))])
    expect(judged).toMatchObject({ verdict: 'granted', grants: 'reading', principal: { id: 'ci' }, openings: [{ path: 'secret/db', label: { combine: 'vault' } }] })
  })

  test('changes and lists there', () => {
    const record = stored(world)
    const place = { path: path('secret/db'), previous: digestOfRecord(record), seq: 2 }
    expect(codes(show(held, writeOf(world, { ...place, version: 2, combine: 'vault' }), [signed(record)]))).toEqual(['granted'])
    expect(codes(show(held, changeOf(world, { kind: 'secret.delete', versions: [1], ...place }), [signed(record)]))).toEqual(['granted'])
    for (const change of [{ prefix: 'secret' }, { prefix: 'secret/a' }, { paths: [path('secret/db')] }]) expect(codes(show(held, listOf(world, change)))).toEqual(['granted'])
  })

  const elsewhere: readonly SecretIntent[] = [
    reading(world, {}, 'app/db'),
    readOf(world, [['secret/db', 'latest'], ['app/db', 'latest']], { reply: vaultReply }),
    writeOf(world, { path: path('app/db') }),
    writeOf(world, { path: path('app/db'), combine: 'vault' }),
    changeOf(world, { kind: 'secret.delete', versions: [1] }),
    changeOf(world, { kind: 'secret.undelete', versions: [1] }),
    changeOf(world, { kind: 'secret.destroy', versions: [1] }),
    changeOf(world, { kind: 'secret.meta', tags: [] }),
    listOf(world, { prefix: 'app' }),
    listOf(world, { prefix: 'secrets' }),
    listOf(world, { paths: [path('secret/db'), path('app/db')] }),
    reading(world, {}, 'nowhere/db'),
  ]
  test.each(elsewhere)('asks for nothing outside: $kind', (intent) => {
    expect(codes(show(held, intent, [signed(stored(world, 'vault', 'app/db'))]))).toEqual(['facade_not_allowed'])
  })

  test('opens to no other key than the vault’s', () => expect(codes(show(held, reading(world, { reply: ownReply }), [signed(stored(world))]))).toEqual(['facade_not_allowed']))
  test('opens no version that callers combine, though its namespace is the vault’s now', () => {
    expect(codes(show(held, reading(world), [signed(stored(world, 'caller'))]))).toEqual(['facade_not_allowed'])
    const both = recordWith(world, { path: path('secret/db'), versions: [versionOf(1, { combine: 'caller' }), versionOf(2, { combine: 'vault' })] })
    expect(codes(show(held, readOf(world, [['secret/db', 2], ['secret/db', 1]], { reply: vaultReply }), [signed(both), signed(both)]))).toEqual(['facade_not_allowed'])
    expect(codes(show(held, readOf(world, [['secret/db', 2]], { reply: vaultReply }), [signed(both)]))).toEqual(['granted'])
  })
  test('opens nothing in a namespace that is the vault’s no more', () => {
    const closed = makeVault({ roster: { namespaces: [{ id: 'secret', name: 'Secret', combine: 'caller' }] } })
    expect(codes(show({ ...held, world: closed }, reading(closed), [signed(stored(closed))]))).toEqual(['facade_not_allowed'])
  })
  test('opens nothing where policy says no', () => {
    const record = stored(world)
    expect(codes(show(held, changeOf(world, { kind: 'secret.destroy', all: true, path: path('secret/db'), previous: digestOfRecord(record), seq: 2 }), [signed(record)]))).toContain('scope_not_allowed')
    const denied = makeVault({ bundle: bundleWith({ ...defaultData, deny: { secrets: ['secret/db'] } }) })
    expect(codes(show(having(denied), reading(denied), [signed(stored(denied))]))).toEqual(['secret_not_found'])
  })

  test('mints nothing, and makes no other credential', () => {
    const tokens = [intentOf(world), intentOf(world, { aud: facadeAudience, ...everything })]
    for (const intent of tokens) expect(codes(show(held, intent))).toEqual(['evidence_kind_unsupported'])
  })
  test('is no evidence of kind token, whoever holds which key', () => {
    const holder = makeKey()
    const intent = intentOf(world)
    const judged = vaultJudge(world).judge(request(world, intent, [tokenEvidence(world, intent, { token: held.token, holder })]), at)
    expect(codes(judged)).toEqual(['token_invalid'])
  })
  test('no other token is one', () => {
    const listed = makeVault({ roster: { audiences: ['https://api.example', issuer] } })
    for (const aud of ['https://api.example', issuer]) expect(codes(show(having(listed, { aud }), reading(listed), [signed(stored(listed))]))).toEqual(['token_invalid'])
  })
  test('asks for the software that it was made for', () => expect(codes(show(held, reading(world, { client: 'ci' }), [signed(stored(world))]))).toEqual(['facade_not_allowed']))
  test('of another principal than the intent names is refused', () => expect(codes(show(held, reading(world, { sub: 'deploy' }), [signed(stored(world))]))).toEqual(['subject_mismatch']))

  test('B-1 reaches as far as its own scope', () => {
    const reader = having(world, { scope: ['secret:read'] })
    expect(codes(show(reader, reading(world), [signed(stored(world))]))).toEqual(['granted'])
    expect(codes(show(reader, listOf(world, { prefix: 'secret' })))).toEqual(['ceiling_exceeded'])
    expect(codes(show(reader, writeOf(world, { path: path('secret/db'), combine: 'vault' })))).toEqual(['ceiling_exceeded'])
  })

  test('ends by its time, by its revocation, and with whoever it names', () => {
    const later = reading(world, { iat: at + 900, exp: at + 1000 })
    expect(codes(show(held, later, [signed(stored(world))]))).toEqual(['token_expired'])
    const intent = reading(world)
    const stopped = (stops: Parameters<typeof vaultJudge>[1]) => codes(vaultJudge(world, stops).judge(asked(world, intent, [signed(stored(world))], [{ kind: 'facade', token: held.token }]), at))
    expect(stopped({ revoked: [{ id: held.jti as never, by: 'ci', guardian: false, until: at + 1000 }], locked: [] })).toEqual(['revoked'])
    expect(stopped({ revoked: [], locked: [{ row: 'ci', until: at + 1000 }] })).toEqual(['locked'])
    const removed = makeVault({ roster: { services: [] } })
    expect(codes(show({ ...held, world: removed }, reading(removed), [signed(stored(removed))]))).toEqual(['token_invalid'])
  })

  test('revokes itself, and nothing else', () => {
    const revoke = (change: Partial<RevokeIntent>): readonly string[] => {
      const intent: RevokeIntent = { v: 1, kind: 'revoke', nonce: nonce(), iat: at, exp: at + 300, iss: issuer, lineage: lineageOf(world.roster), sub: 'ci', what: 'token', id: held.jti as never, ...change }
      const ruled = vaultJudge(world).rule(ruling(intent, [{ kind: 'facade', token: held.token }]), at)
      return ruled.verdict === 'refused' ? ruled.reasons.map(({ code }) => code) : [ruled.verdict]
    }
    expect(revoke({})).toEqual(['granted'])
    expect(revoke({ id: having(world).jti as never })).toEqual(['facade_not_allowed'])
    expect(revoke({ what: 'grant' })).toEqual(['facade_not_allowed'])
  })
})

describe('a token of the quorum that is not quite one', () => {
  const world = makeVault()
  /** As no policy of ours would have had it signed. */
  const forged = (change: object, by = world.group) => {
    const judged = minted(world)
    if (judged.verdict !== 'granted' || judged.grants !== 'token') throw new Error('refused')
    const [header = ''] = judged.message.split('.')
    return { world, jti: judged.claims.jti, token: signJws(`${header}.${Buffer.from(JSON.stringify(Object.fromEntries(Object.entries({ ...judged.claims, ...change }).sort(([a], [b]) => (a < b ? -1 : 1))))).toString('base64url')}`, by) }
  }
  test.each<[string, object, string]>([
    ['nothing changed', {}, 'granted'],
    ['longer-lived', { exp: at + 901 }, 'facade_not_allowed'],
    ['bound to a key', { cnf: { jkt: thumbprint(jwkOf(makeKey())) } }, 'facade_not_allowed'],
    ['not valid yet', { nbf: at + 61 }, 'token_invalid'],
    ['of another issuer', { iss: 'http://localhost:8081' }, 'token_invalid'],
  ])('%s: %s', (_, change, code) => expect(codes(show(forged(change), reading(world), [signed(stored(world))]))).toEqual([code]))
  test('that somebody else signed', () => expect(codes(show(forged({}, makeKey()), reading(world), [signed(stored(world))]))).toEqual(['token_invalid']))
})

test('a deployment without a vault takes no such token', () => {
  const options: WorldOptions = { roster: { vault: undefined, namespaces: undefined, audiences: ['https://api.example', facadeAudience] } }
  const none = makeVault(options)
  expect(codes(show(having(none), reading(none), [signed(stored(none))]))).toEqual(['facade_not_allowed'])
})
