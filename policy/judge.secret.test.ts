import { createRequire } from 'node:module'
import { describe, expect, test } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { intentKinds, isSecretIntent, type SecretIntent } from '@symbolon/protocol/intent.ts'
import { decodeRecord, recordMessageText, type VaultRecord } from '@symbolon/protocol/record.ts'
import { bytesHash } from '@symbolon/protocol/sign.ts'
import { at, bundleWith, defaultData, digestOf, keyEvidence, makeKey, type World, type WorldOptions } from './judge.testkit.ts'
import { explanationOf } from './explain.ts'
import { answer, asked, changeOf, codes, digestOfRecord, explanation, filled, listOf, makeVault, olderRecordKey, otherwise, path, readOf, recordKey, recordWith, signed, vaultJudge, versionOf, writeOf } from './secrets.testkit.ts'

const world = makeVault()
const record = recordWith(world, { seq: 7, versions: [versionOf(2), versionOf(3, { combine: 'vault' })] })
const missing = { verdict: 'refused', reasons: [{ code: 'secret_not_found', message: 'There is no such secret or version, or it is not yours.' }] }

/** One intent of each kind, about one path. */
const everyIntent = (on: World, at = 'app/db'): readonly SecretIntent[] => [
  readOf(on, [[at, 'latest']]),
  listOf(on, { paths: [path(at)] }),
  listOf(on, { prefix: at.split('/').slice(0, -1).join('/') }),
  listOf(on, { prefix: at.split('/').slice(0, -1).join('/'), recursive: true }),
  writeOf(on, { path: path(at), combine: at.startsWith('secret/') ? 'vault' : 'caller' }),
  changeOf(on, { kind: 'secret.meta', tags: ['x'], path: path(at) }),
  changeOf(on, { kind: 'secret.delete', versions: [1], path: path(at) }),
  changeOf(on, { kind: 'secret.undelete', versions: [1], path: path(at) }),
  changeOf(on, { kind: 'secret.destroy', versions: [1], path: path(at) }),
  changeOf(on, { kind: 'secret.destroy', all: true, path: path(at) }),
]
const dry = <I extends SecretIntent>(intent: I): I => ({ ...intent, dry: true })

describe('reading', () => {
  test('gives what may be opened: the label, and the digest of its ciphertext', () => {
    const intent = readOf(world, [['app/db', 'latest'], ['app/db', 2]])
    expect(answer(world, intent, [signed(record), signed(record)])).toMatchObject({
      verdict: 'granted',
      grants: 'reading',
      principal: { id: 'ci' },
      openings: [
        { path: 'app/db', seq: 7, record: digestOfRecord(record), label: { namespace: 'app', project: '', scope: '', environment: '', name: 'db', version: 3, combine: 'vault', type: 'string' }, ciphertext: filled(3) },
        { path: 'app/db', seq: 7, label: { version: 2, combine: 'caller' }, ciphertext: filled(2) },
      ],
    })
  })

  test('I-2 what it comes to is bound: another version or record, another hash', () => {
    const hash = (version: number, of = record) => {
      const judged = answer(world, readOf(world, [['app/db', version]]), [signed(of)])
      return judged.verdict === 'granted' ? judged.bytesHash : judged.verdict
    }
    expect(hash(2)).toBe(hash(2))
    expect(new Set([hash(2), hash(3), hash(2, { ...record, seq: 8 }), 'refused']).size).toBe(4)
  })

  test.each<[string, Partial<VaultRecord>, number | 'latest']>([
    ['a version that was never', {}, 9],
    ['a deleted one', { versions: [versionOf(1, { state: 'deleted' })] }, 1],
    ['a destroyed one', { versions: [versionOf(1, { state: 'destroyed' })] }, 1],
    ['one whose time has come', { versions: [versionOf(1, { until: at })] }, 1],
    ['the newest, where that is deleted', { versions: [versionOf(1), versionOf(2, { state: 'deleted' })] }, 'latest'],
    ['any of what was removed', { versions: [], current: 0, removed: true }, 'latest'],
  ])('I-7 %s is not there', (_, change, version) => expect(answer(world, readOf(world, [['app/db', version]]), [signed(recordWith(world, change))])).toMatchObject(missing))

  test.each<[string, ReturnType<typeof signed>]>([
    ['that somebody else signed', signed(record, makeKey())],
    ['that the quorum signed as something else', signed(record, recordKey, otherwise)],
    ['of another deployment', signed({ ...record, lineage: filled(1) })],
    ['of another secret', signed({ ...record, path: path('app/other') })],
    ['that was changed', { ...signed(record), record: signed({ ...record, seq: 8 }).record }],
  ])('I-7 a record %s is refused', (_, other) => expect(codes(answer(world, readOf(world), [other]))).toEqual(['record_invalid']))

  test('I-7 what was found of a record is found of no other text', () => {
    const { judge } = vaultJudge(world)
    const [good, later] = [signed(record), signed({ ...record, seq: 8 })]
    const forged = [{ ...later, signature: good.signature }, { ...good, signature: later.signature }, signed({ ...record, lineage: filled(1) })]
    const ask = (each: typeof good) => codes(judge(asked(world, readOf(world), [each]), at))[0]
    expect([good, ...forged, good, later, ...forged].map(ask)).toEqual(['granted', ...forged.map(() => 'record_invalid'), 'granted', 'granted', ...forged.map(() => 'record_invalid')])
  })

  test('a record of an earlier epoch is one', () => expect(codes(answer(world, readOf(world), [signed(record, olderRecordKey)]))).toEqual(['granted']))

  test('I-7 two records of one secret in one request: somebody shows an old one', () =>
    expect(codes(answer(world, readOf(world, [['app/db', 2], ['app/db', 3]]), [signed(record), signed({ ...record, seq: 8 })]))).toEqual(['record_invalid']))

  test('records belong to labels by their place', () => {
    const other = recordWith(world, { path: path('app/other') })
    const intent = readOf(world, [['app/db', 'latest'], ['app/other', 'latest']])
    expect(codes(answer(world, intent, [signed(record), signed(other)]))).toEqual(['granted'])
    expect(codes(answer(world, intent, [signed(other), signed(record)]))).toEqual(['record_invalid'])
  })

  test('all of a batch, or nothing', () => {
    const intent = readOf(world, [['app/db', 'latest'], ['app/other', 'latest']])
    expect(answer(world, intent, [signed(record)])).toMatchObject(missing)
    expect(answer(world, readOf(world, [['app/db', 'latest'], ['ops/db', 'latest']]), [signed(record), signed({ ...record, path: path('ops/db') })])).toMatchObject(missing)
  })

  test('T-1 what is not yours looks like what is not there, whatever is stored', () => {
    const denied = readOf(world, [['ops/db', 'latest']])
    const there = answer(world, denied, [signed({ ...record, path: path('ops/db') })])
    const absent = answer(world, readOf(world, [['app/nothing', 'latest']]))
    if (there.verdict !== 'refused' || absent.verdict !== 'refused') throw new Error('granted')
    expect(there.reasons).toEqual(absent.reasons)
    expect([there.decision, absent.decision]).toEqual([undefined, undefined])
    expect(there).toEqual(answer(world, denied))
    expect(there).toEqual(answer(world, denied, [signed(record, makeKey())]))
    expect([there.hidden?.[0].code, absent.hidden]).toEqual(['policy_denied', undefined])
  })

  test('explain tells the truth about policy, and nothing about what is stored', () => {
    const told = explanation(world, dry(readOf(world, [['ops/db', 'latest']])))
    expect(told).toMatchObject({ verdict: 'refused', reasons: [{ code: 'policy_denied', rule: 'symbolon.secrets', fact: 'ops/db' }] })
    expect(told).not.toHaveProperty('hidden')
    expect(explanation(world, dry(readOf(world)))).toMatchObject({ verdict: 'granted', grants: 'policy', principal: { id: 'ci' }, decision: { allow: true } })
    expect(explanation(world, dry(writeOf(world, { previous: filled(1), seq: 5 })))).toMatchObject({ verdict: 'granted', grants: 'policy' })
  })
})

describe('a change', () => {
  test('yields the record that is signed', () => {
    const intent = writeOf(world)
    const judged = answer(world, intent)
    expect(judged).toMatchObject({ verdict: 'granted', grants: 'record', record: { path: 'app/db', seq: 1, current: 1, previous: null, by: 'ci', at, act: 'secret.write', intent: toBase64url(digestOf(intent)) } })
    if (judged.verdict !== 'granted' || judged.grants !== 'record') throw new Error('refused')
    expect(judged.bytesHash).toBe(bytesHash(judged.message))
    const bytes = Buffer.from(judged.message.slice('symbolon/record/v1\0'.length))
    expect(decodeRecord(bytes)).toEqual({ ok: true, value: judged.record })
    expect(recordMessageText(bytes)).toBe(judged.message)
    expect(judged.recordDigest).toBe(digestOfRecord(judged.record))
  })

  const follows = { previous: digestOfRecord(record), seq: 8, version: 4 }
  test.each<[string, readonly ReturnType<typeof signed>[], string]>([
    ['the record that it names', [signed(record)], 'granted'],
    ['none', [], 'record_invalid'],
    ['two', [signed(record), signed(record)], 'record_invalid'],
    ['one that somebody else signed', [signed(record, makeKey())], 'record_invalid'],
    ['one that the quorum signed as something else', [signed(record, recordKey, otherwise)], 'record_invalid'],
    ['one of another secret', [signed({ ...record, path: path('app/other') })], 'record_invalid'],
    ['one of another deployment', [signed({ ...record, lineage: filled(1) })], 'record_invalid'],
    ['another one of this secret', [signed({ ...record, seq: 6 })], 'check_and_set_failed'],
    ['one of an earlier epoch', [signed(record, olderRecordKey)], 'granted'],
  ])('I-7 on top of %s: %s', (_, records, code) => expect(codes(answer(world, writeOf(world, follows), records))).toEqual([code]))

  test('says why it contradicts the record', () => expect(answer(world, changeOf(world, { kind: 'secret.delete', versions: [9], previous: follows.previous, seq: 8 }), [signed(record)])).toMatchObject({ verdict: 'refused', reasons: [{ code: 'record_unsound', fact: 'version 9' }] }))
  test('in a namespace that the roster lacks is refused, once policy would allow it', () => {
    const open = makeVault({ bundle: bundleWith({ ...defaultData, roles: { engineer: { allow_scopes: ['secret:write'], max_ttl_seconds: 60, secrets: [{ path: '**', actions: ['write'] }] } } }) })
    expect(codes(answer(open, writeOf(open, { path: path('ops/db') })))).toEqual(['namespace_unknown'])
    expect(codes(answer(world, writeOf(world, { path: path('ops/db') })))).toEqual(['policy_denied'])
  })
})

describe('policy first: a denial depends on nothing that is stored', () => {
  const nothing = makeVault({ roles: [] })
  test.each(everyIntent(nothing))('$kind', (intent) => {
    const stored = recordWith(nothing, { path: path('app/db') })
    const answers = [[], [signed(stored)], [signed(stored, makeKey())], [signed({ ...stored, path: path('app/other') })]].map((records) => answer(nothing, intent, records))
    expect(new Set(answers.map((judged) => JSON.stringify(judged))).size).toBe(1)
    expect(answers[0]?.verdict).toBe('refused')
  })
})

/** Of somebody who may do everything, with something on the deny list. */
const denying = (deny: object, options: WorldOptions = {}) => makeVault({ ...options, bundle: bundleWith({ ...defaultData, deny }), roles: ['sre'] })
const rest: readonly string[] = ['policy_denied', 'secret_not_found']

describe('Z-3 deny wins, whatever the operation:', () => {
  test.each<[string, object]>([
    ['the secret', { secrets: ['app/db', 'app/**'] }],
    ['all below its folder', { secrets: ['app/**'] }],
    ['all of every namespace', { secrets: ['**'] }],
    ['whoever asks', { principals: ['ci'] }],
    ['whom it belongs to', { principals: ['ann'] }],
    ['the role', { roles: ['sre'] }],
    ['the software', { clients: ['cli'] }],
    ['the deployment as audience', { audiences: ['http://localhost:8080'] }],
    ['the scopes', { scopes: ['secret:read', 'secret:list', 'secret:write', 'secret:delete', 'secret:destroy'] }],
  ])('%s', (_, deny) => {
    const on = denying(deny)
    for (const intent of everyIntent(on)) {
      const stored = recordWith(on, { path: path('app/db') })
      expect(rest, JSON.stringify(intent)).toContain(codes(answer(on, intent, [signed(stored)]))[0])
      expect(codes(explanation(on, dry(intent)))).toEqual(['policy_denied'])
    }
  })

  test('one star is one segment: what lies deeper is not named', () => {
    const on = denying({ secrets: ['app/*'] })
    const stored = (at: string) => signed(recordWith(on, { path: path(at) }))
    expect(codes(answer(on, readOf(on, [['app/db', 'latest']]), [stored('app/db')]))).toEqual(['secret_not_found'])
    expect(codes(answer(on, readOf(on, [['app/x/db', 'latest']]), [stored('app/x/db')]))).toEqual(['granted'])
  })

  test('an address that the vault process reports only ever refuses', () => {
    const on = denying({ addresses: ['192.0.2.1'] })
    const intent = readOf(on)
    const from = (address: string) => codes(vaultJudge(on).judge({ ...asked(on, intent, [signed(recordWith(on))]), asserted: { address } }, at))
    expect([from('192.0.2.1'), from('192.0.2.2')]).toEqual([['secret_not_found'], ['granted']])
  })
})

describe('what a role gives', () => {
  test.each<[string, string[], SecretIntent['kind'][]]>([
    ['engineer', ['engineer'], ['secret.read', 'secret.list', 'secret.write', 'secret.meta', 'secret.delete', 'secret.undelete']],
    ['sre', ['sre'], ['secret.read', 'secret.list', 'secret.write', 'secret.meta', 'secret.delete', 'secret.undelete', 'secret.destroy']],
    ['nobody', [], []],
  ])('%s', (_, roles, wanted) => {
    const on = makeVault({ roles })
    for (const place of ['app/db', 'secret/db']) {
      const allowed = everyIntent(on, place).filter((intent) => explanation(on, dry(intent)).verdict === 'granted')
      expect(new Set(allowed.map(({ kind }) => kind))).toEqual(new Set(wanted))
    }
  })

  test('every kind about secrets was asked about here', () => expect(new Set(everyIntent(world).map(({ kind }) => kind))).toEqual(new Set(intentKinds.filter((kind) => kind.startsWith('secret.')))))

  const roleWith = (secrets: object[], more: object = {}, scopes: object = {}) => makeVault({ bundle: bundleWith({ roles: { engineer: { allow_scopes: ['secret:read', 'secret:list', 'secret:write'], max_ttl_seconds: 60, secrets, ...more } }, scopes }) })

  test('a rule without the scope gives nothing, nor a scope without a rule', () => {
    const ruleOnly = makeVault({ bundle: bundleWith({ roles: { engineer: { allow_scopes: ['secret:list'], max_ttl_seconds: 60, secrets: [{ path: 'app/**', actions: ['read'] }] }, other: { allow_scopes: ['secret:read'], max_ttl_seconds: 60 } } }) })
    expect(explanation(ruleOnly, dry(readOf(ruleOnly)))).toMatchObject({ reasons: [{ code: 'scope_not_allowed' }] })
    const scopeOnly = makeVault({ bundle: bundleWith({ roles: { engineer: { allow_scopes: ['secret:read'], max_ttl_seconds: 60 } } }) })
    expect(explanation(scopeOnly, dry(readOf(scopeOnly)))).toMatchObject({ reasons: [{ code: 'policy_denied', rule: 'symbolon.secrets' }] })
  })

  test('a scope that the roster lacks cannot be had', () => {
    const on = makeVault({ roster: { scopes: ['read:logs'] } })
    expect(codes(explanation(on, dry(readOf(on))))).toContain('scope_not_allowed')
  })

  test('a role that is narrowed to audiences reaches secrets only with the deployment’s own', () => {
    const rule = [{ path: 'app/**', actions: ['read'] }]
    const [closed, open] = [roleWith(rule, { audiences: ['https://api.example'] }), roleWith(rule, { audiences: ['https://api.example', 'http://localhost:8080'] })]
    expect(codes(explanation(closed, dry(readOf(closed))))).toContain('scope_not_allowed')
    expect(codes(explanation(open, dry(readOf(open))))).toEqual(['granted'])
  })

  test('the roster need not list the deployment as an audience', () => expect(world.roster.audiences).not.toContain(world.roster.deployment.issuer))

  test('a touch that a rule or a scope asks for is asked for here, too, whatever is stored', () => {
    const byRule = roleWith([{ path: 'app/**', actions: ['read', 'list'] }, { path: 'app/prod/**', actions: ['read'], touch: true }])
    expect(codes(answer(byRule, readOf(byRule, [['app/prod/db', 'latest']])))).toEqual(['touch_required'])
    expect(codes(answer(byRule, readOf(byRule, [['app/db', 'latest']]), [signed(recordWith(byRule))]))).toEqual(['granted'])
    const byScope = roleWith([{ path: 'app/**', actions: ['read', 'list'] }], {}, { 'secret:list': { touch: true } })
    expect(codes(answer(byScope, listOf(byScope)))).toEqual(['touch_required'])
  })

  test('approvals of secrets cannot be given yet: what needs them is refused, and says so', () => {
    const on = roleWith([{ path: 'app/**', actions: ['read'] }], {}, { 'secret:read': { approvals: [{ group: 'leads', count: 1 }] } })
    expect(codes(answer(on, readOf(on)))).toEqual(['approval_required'])
  })
})

describe('an intent', () => {
  test('dry ones are explained, and nothing else', () => {
    for (const intent of everyIntent(world)) expect([codes(answer(world, dry(intent))), codes(explanation(world, intent))]).toEqual([['intent_dry'], ['intent_dry']])
  })
  test('impersonation stays refused', () => expect(codes(answer(world, { ...readOf(world), as: 'ann' }))).toEqual(['impersonation_not_allowed']))
  test('of unknown software is refused', () => expect(codes(answer(world, { ...readOf(world), client: 'nobody' }))).toEqual(['client_unknown']))
  test('T-2 a listing of neither folder nor paths, or of both, is none', () => {
    for (const change of [{}, { prefix: 'app', paths: [path('app/db')] }, { paths: [path('app/db')], recursive: true as const }]) expect(codes(answer(world, listOf(world, change)))).toEqual(['intent_malformed'])
  })
  test('evidence for one opens nothing else', () => {
    const [one, other] = [readOf(world), readOf(world)]
    expect(codes(answer(world, one, [signed(record)], [keyEvidence(world, other)]))).toEqual(['proof_mismatch'])
  })
})

test('P-3 what is explained is what is decided, for every kind, role and place', () => {
  for (const roles of [[], ['engineer'], ['sre'], ['sre', 'unknown']]) {
    const on = makeVault({ roles })
    for (const intent of ['app/db', 'secret/x/y', 'ops/db'].flatMap((place) => everyIntent(on, place))) {
      const [decided, told] = [answer(on, intent), explanation(on, dry(intent))]
      if (decided.verdict === 'unavailable' || told.verdict === 'unavailable') throw new Error('keys are pinned')
      const truth = decided.verdict === 'refused' && decided.hidden !== undefined ? decided.hidden : decided.verdict === 'refused' && decided.decision?.allow === false ? decided.reasons : []
      expect(explanationOf(told)).toMatchObject({ granted: truth.length === 0, reasons: truth })
    }
  }
})

test('the halves that believe their evidence can be reached through judge() only', () => {
  const { resolve } = createRequire(import.meta.url)
  for (const name of ['weigh', 'weigh-record', 'weigh-reading', 'rows']) expect(() => resolve(`@symbolon/policy/${name}.ts`)).toThrow(expect.objectContaining({ code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' }))
  expect(isSecretIntent(readOf(world))).toBe(true)
})
