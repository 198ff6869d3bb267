import { generateKeyPairSync, randomBytes, sign, verify, type KeyObject } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noStops } from '@symbolon/evidence/stops.ts'
import { openJudge, type GrantedToken, type Judge } from '@symbolon/policy/judge.ts'
import { sha256, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { encodeIntent, intentDigest, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { assembleJws, jwsSigningInput } from '@symbolon/protocol/jws.ts'
import { proofSigningInput } from '@symbolon/protocol/proof.ts'
import { parseToken, tokenSigningInput, type TokenClaims } from '@symbolon/protocol/token.ts'
import { lineageOf } from '@symbolon/roster/keyset.ts'
import { groupOf } from '@symbolon/roster/roster.ts'
import type { SignItem } from '@symbolon/protocol/sign.ts'
import { startIssuer, type RunningIssuer } from '../issuers/start.ts'
import { startStack, type Stack } from '../stack.ts'
import { openAttacker, type Attacker, type Loot, type Request } from './attacker.ts'
import { developmentKeyOf, publicKeyOf, serviceKeyOf, type ServiceKey } from './people.ts'

/*
 * The claim, attacked. The attacker owns api, coordinator, database, their certificates, and one of three signers with its files and
 * share. Every attempt is made on each honest signer and must be refused there, by the code that says why.
 */

const now = () => Math.floor(Date.now() / 1000)

let stack: Stack
let folder: string
let bound: RunningIssuer
let bearer: RunningIssuer
let attacker: Attacker
let judge: Judge
let engineer: ServiceKey
let bystander: ServiceKey

beforeAll(async () => {
  bound = await startIssuer({ platform: 'github' })
  bearer = await startIssuer({ platform: 'gitlab' })
  bystander = serviceKeyOf('svc-bystander', 'svc-bystander-1')
  const rows = {
    issuers: [
      bound.row('ci'),
      bearer.row('old-ci', { class: 'bearer', bearer_audience: 'https://mint.example', ceiling: { scope: ['read:logs'], max_ttl: 300 } }),
    ],
    trusts: [
      { id: 'ci-deploy', name: 'Deploy job', issuer: 'ci', when: [{ claim: 'repository_id', equals: '1001' }], roles: ['engineer'], groups: [] },
      { id: 'old-deploy', name: 'Old deploy job', issuer: 'old-ci', when: [{ claim: 'project_id', equals: '42' }], roles: ['engineer'], groups: [] },
    ],
    services: [{ id: 'svc-bystander', name: 'Bystander', roles: ['sre'], groups: [], keys: [{ id: 'svc-bystander-1', jwk: bystander.jwk }] }],
  }
  folder = await mkdtemp(join(tmpdir(), 'symbolon-hostile-'))
  await writeFile(join(folder, 'roster.json'), JSON.stringify(rows))
  const started = await startStack({ env: { ROSTER_FILE: join(folder, 'roster.json') } })
  stack = started
  expect(started.first.code, started.first.stderr).toBe(0)
  engineer = developmentKeyOf(stack.home.path)
  attacker = await openAttacker(stack.home.path)
  judge = openJudge({ roster: attacker.roster, bundle: attacker.bundle, stops: () => noStops, issuerKeys: () => new Map() })
})
afterAll(async () => {
  await attacker?.close()
  await stack?.stop()
  await Promise.all([bound?.stop(), bearer?.stop(), rm(folder, { recursive: true, force: true })])
})

const intentOf = (change: Partial<TokenIntent> = {}): TokenIntent => ({
  v: 1,
  kind: 'token',
  nonce: toBase64url(randomBytes(16)),
  iat: now(),
  exp: now() + 300,
  iss: attacker.roster.deployment.issuer,
  lineage: lineageOf(attacker.roster),
  sub: engineer.sub,
  client: 'symbolon-cli',
  aud: attacker.roster.default_audience,
  scope: ['read:logs'],
  ...change,
})

const proofOf = (intent: TokenIntent, by: { readonly key: KeyObject; readonly kid: string }, change: Partial<Parameters<typeof proofSigningInput>[1]> = {}): string => {
  const input = proofSigningInput({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', kid: by.kid }, { iss: intent.iss, intent: toBase64url(intentDigest(encodeIntent(intent))), kind: 'token', iat: intent.iat, ...change })
  return assembleJws(input, sign(null, utf8(input), by.key))
}
const keyEvidence = (intent: TokenIntent, by: ServiceKey = engineer): Evidence[] => [{ kind: 'key', proof: proofOf(intent, by) }]

/** What the honest judgement of an honest request would sign: the attacker owns the api, so it knows. */
const granted = (intent: TokenIntent, evidence: readonly Evidence[]): GrantedToken => {
  const judgement = judge.judge({ intent: encodeIntent(intent), evidence, approvals: [], asserted: {} }, now())
  if ((judgement.verdict !== 'granted' || judgement.grants !== 'token')) throw new Error(`the control is refused: ${JSON.stringify(judgement)}`)
  return judgement
}

/** A request that the engineer really made, as the attacker sees it. */
const honest = (change: Partial<TokenIntent> = {}): { readonly intent: TokenIntent; readonly request: Request; readonly claims: TokenClaims } => {
  const intent = intentOf(change)
  const evidence = keyEvidence(intent)
  const { message, claims } = granted(intent, evidence)
  return { intent, claims, request: { intent: encodeIntent(intent), evidence, bytes: message } }
}

const kid = () => {
  const group = groupOf(attacker.roster, 'token')
  if (group === undefined) throw new Error('no token group')
  return group.kid
}

/** Claims of the attacker's choice, as well encoded as honest ones. */
const forged = (claims: TokenClaims, change: Partial<TokenClaims>): string => tokenSigningInput(kid(), { ...claims, ...change })

const codeOf = ({ answer }: Loot): string => {
  switch (answer.result) {
    case 'signed':
      return 'signed'
    case 'refused':
      return answer.refusal.reasons[0]?.code ?? 'no reason'
    case 'not_now':
      return answer.code
  }
}

/** Every honest signer must say exactly this, and no token may come of it. */
async function expectRefused(request: Request, code: string): Promise<void> {
  for (const victim of attacker.victims) {
    const loot = await attacker.attempt(victim, request)
    expect({ victim, code: codeOf(loot), token: loot.token }).toEqual({ victim, code, token: undefined })
  }
}

describe('the control', () => {
  test('TST-36 with this very harness an honest request becomes a token that verifies', async () => {
    for (const victim of attacker.victims) {
      const { request, claims } = honest()
      const { token } = await attacker.attempt(victim, request)
      const parsed = parseToken(token ?? '')
      expect(parsed?.claims).toEqual(claims)
      expect(verify(null, parsed?.jws.signingInput ?? new Uint8Array(), publicKeyOf(attacker.roster), parsed?.jws.signature ?? new Uint8Array())).toBe(true)
    }
  })
})

describe('other bytes than the request stands for', () => {
  test.each<[string, (claims: TokenClaims) => Partial<TokenClaims>]>([
    ['a longer lifetime', (claims) => ({ exp: claims.iat + 86_400 })],
    ['another scope', () => ({ scope: 'write:prod' })],
    ['one scope more', (claims) => ({ scope: `${claims.scope} write:prod` })],
    ['another subject', () => ({ sub: 'svc-bystander' })],
    ['another audience', () => ({ aud: 'https://elsewhere.example' })],
    ['another client', () => ({ client_id: 'svc-bystander' })],
    ['a key of the attacker’s', () => ({ cnf: { jkt: toBase64url(randomBytes(32)) } })],
    ['another jti', () => ({ jti: toBase64url(randomBytes(32)) })],
    ['an earlier issue time', (claims) => ({ iat: claims.iat - 3600, nbf: claims.nbf - 3600 })],
    ['an actor that never acted', () => ({ act: { sub: 'svc-bystander' } })],
    ['a stronger origin', (claims) => ({ 'urn:symbolon:v1': { ...claims['urn:symbolon:v1'], origin: { kind: 'token' } } })],
  ])('TST-33 I-2 %s is not signed', async (_, change) => {
    const { request, claims } = honest()
    await expectRefused({ ...request, bytes: forged(claims, change(claims)) }, 'bytes_differ')
  })

  test('J-4 TST-33 nothing but a token’s own header is signed', async () => {
    const { request, claims } = honest()
    for (const header of [{ alg: 'EdDSA', kid: kid(), typ: 'JWT' }, { alg: 'none', typ: 'at+jwt' }, { alg: 'EdDSA', kid: kid(), typ: 'at+jwt', crit: ['exp'] }, { alg: 'EdDSA', kid: toBase64url(randomBytes(32)), typ: 'at+jwt' }])
      await expectRefused({ ...request, bytes: jwsSigningInput(header, claims) }, 'bytes_differ')
  })

  test('TST-33 a signer that is shown the honest hash signs the honest bytes, so other bytes do not verify', async () => {
    const { request, claims } = honest()
    for (const victim of attacker.victims) {
      const loot = await attacker.attempt(victim, { ...request, bytes: forged(claims, { scope: 'write:prod' }), change: (item) => ({ ...item, bytes_hash: attacker.item(request, item.commitments).bytes_hash }) })
      expect({ code: codeOf(loot), token: loot.token }).toEqual({ code: 'signed', token: undefined })
    }
  })

  test.each(['header', 'claims', 'bytes', 'payload', 'sub', 'roles', 'approved'])('TST-33 U-3 a field %s is not known', async (name) => {
    const { request } = honest()
    await expectRefused({ ...request, change: (item) => ({ ...item, [name]: 'x' }) }, 'item_malformed')
  })
})

describe('an intent that its evidence does not cover', () => {
  const altered: [string, Partial<TokenIntent>][] = [
    ['another scope', { scope: ['deploy:canary'] }],
    ['a longer lifetime', { ttl: 3600 }],
    ['another client', { client: 'svc-dev' }],
    ['a key of the attacker’s', { cnf: { jkt: toBase64url(randomBytes(32)) } }],
    ['another reason', { reason: 'because' }],
  ]
  test.each(altered)('A-4 I-1 %s, changed after the proof was made', async (_, change) => {
    const intent = intentOf()
    const evidence = keyEvidence(intent)
    const other: TokenIntent = { ...intent, ...change }
    const { claims } = granted(other, keyEvidence(other))
    await expectRefused({ intent: encodeIntent(other), evidence, bytes: tokenSigningInput(kid(), claims) }, 'proof_mismatch')
  })

  test('I-1 another subject than the evidence yields', async () => {
    const intent = intentOf({ sub: 'svc-bystander', scope: ['write:prod'] })
    await expectRefused({ intent: encodeIntent(intent), evidence: keyEvidence(intent, engineer), bytes: honest().request.bytes }, 'subject_mismatch')
  })

  test('I-1 evidence swapped between two people’s requests', async () => {
    const [mine, theirs] = [intentOf(), intentOf({ sub: 'svc-bystander' })]
    await expectRefused({ intent: encodeIntent(mine), evidence: keyEvidence(theirs, bystander), bytes: honest().request.bytes }, 'proof_mismatch')
  })

  test('A-3 more evidence is not more rights', async () => {
    const intent = intentOf({ scope: ['write:prod'] })
    await expectRefused({ intent: encodeIntent(intent), evidence: [...keyEvidence(intent), ...keyEvidence(intent, bystander)], bytes: honest().request.bytes }, 'evidence_ambiguous')
  })

  test.each<[string, (text: string) => string]>([
    ['a space more', (text) => text.replace('{', '{ ')],
    ['a member twice', (text) => text.replace('"sub":', '"sub":"svc-bystander","sub":')],
    ['an escape', (text) => text.replace('read:logs', 'read\\u003alogs')],
  ])('I-1 another spelling of the intent: %s', async (_, spell) => {
    const { intent, request } = honest()
    const bytes = utf8(spell(Buffer.from(request.intent).toString()))
    const proof = proofSigningInput({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', kid: engineer.kid }, { iss: intent.iss, intent: toBase64url(intentDigest(bytes)), kind: 'token', iat: intent.iat })
    await expectRefused({ ...request, intent: bytes, evidence: [{ kind: 'key', proof: assembleJws(proof, sign(null, utf8(proof), engineer.key)) }] }, _ === 'a member twice' ? 'intent_malformed' : 'intent_not_canonical')
  })
})

describe('what somebody showed the api to have a request explained', () => {
  const shown = () => {
    const intent = intentOf({ dry: true })
    const evidence = keyEvidence(intent)
    const judgement = judge.explain({ intent: encodeIntent(intent), evidence, approvals: [], asserted: {} }, now())
    if ((judgement.verdict !== 'granted' || judgement.grants !== 'token')) throw new Error(`the control is refused: ${JSON.stringify(judgement)}`)
    return { intent, evidence, bytes: judgement.message }
  }

  test('I-2 mints nothing: every signer refuses a dry intent', async () => {
    const { intent, evidence, bytes } = shown()
    await expectRefused({ intent: encodeIntent(intent), evidence, bytes }, 'intent_dry')
  })

  test('I-1 nor is it evidence for the same wish, meant', async () => {
    const { intent: { dry: _, ...meant }, evidence, bytes } = shown()
    await expectRefused({ intent: encodeIntent(meant), evidence, bytes }, 'proof_mismatch')
  })
})

describe('replay', () => {
  test('I-2 the same request again gives the same bytes again, with the same jti, and nothing else', async () => {
    const { request, claims } = honest()
    for (const victim of [...attacker.victims, ...attacker.victims]) {
      const { token } = await attacker.attempt(victim, request)
      expect(parseToken(token ?? '')?.claims).toEqual(claims)
    }
  })

  test('I-2 one digest, other evidence: the second one is refused', async () => {
    const { intent, request } = honest()
    const second: Evidence[] = [{ kind: 'key', proof: proofOf(intent, engineer, { iat: intent.iat + 1 }) }]
    for (const victim of attacker.victims) {
      expect(codeOf(await attacker.attempt(victim, request))).toBe('signed')
      expect(codeOf(await attacker.attempt(victim, { ...request, evidence: second }))).toBe('intent_bound_otherwise')
    }
  })

  test('I-1 what was made for another deployment, of this issuer name or of this lineage, is worth nothing here', async () => {
    for (const change of [{ iss: 'https://staging.example' }, { lineage: toBase64url(randomBytes(32)) }]) {
      const intent = intentOf(change)
      await expectRefused({ intent: encodeIntent(intent), evidence: keyEvidence(intent), bytes: honest().request.bytes }, 'wrong_deployment')
    }
    const intent = intentOf()
    await expectRefused({ intent: encodeIntent(intent), evidence: [{ kind: 'key', proof: proofOf(intent, engineer, { iss: 'https://staging.example' }) }], bytes: honest().request.bytes }, 'proof_mismatch')
  })

  test('I-1 not after its end, not before its time, not for longer than five minutes', async () => {
    const times: [Partial<TokenIntent>, string][] = [
      [{ iat: now() - 400, exp: now() - 100 }, 'intent_expired'],
      [{ iat: now() + 3600, exp: now() + 3900 }, 'intent_not_yet_valid'],
      [{ exp: now() + 86_400 }, 'intent_window_too_long'],
    ]
    for (const [change, code] of times) {
      const intent = intentOf(change)
      await expectRefused({ intent: encodeIntent(intent), evidence: keyEvidence(intent), bytes: honest().request.bytes }, code)
    }
  })
})

describe('keys and rows of the attacker’s own', () => {
  test('an unenrolled key under an enrolled name', async () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    const intent = intentOf()
    await expectRefused({ intent: encodeIntent(intent), evidence: [{ kind: 'key', proof: proofOf(intent, { key: privateKey, kid: engineer.kid }) }], bytes: honest().request.bytes }, 'proof_invalid')
  })

  test('I-3 a row that was forged into the api’s and coordinator’s roster signs nothing', async () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    const intent = intentOf({ sub: 'svc-root', scope: ['write:prod'] })
    await expectRefused({ intent: encodeIntent(intent), evidence: [{ kind: 'key', proof: proofOf(intent, { key: privateKey, kid: 'svc-root-1' }) }], bytes: honest().request.bytes }, 'key_unknown')
  })

  test('I-3 nor does a roster version that only the attacker holds', async () => {
    const { request } = honest()
    await expectRefused({ ...request, change: (item) => ({ ...item, roster: 2 }) }, 'roster_behind')
  })

  test('an ID token that the attacker signed itself, as any issuer', async () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    for (const [iss, code] of [[bound.url, 'id_token_invalid'], ['https://evil.example', 'issuer_unknown']] as const) {
      const intent = intentOf({ sub: 'ci-deploy' })
      const input = jwsSigningInput({ alg: 'EdDSA', kid: 'attacker', typ: 'JWT' }, { iss, aud: `symbolon:${toBase64url(intentDigest(encodeIntent(intent)))}`, sub: 'x', repository_id: '1001', iat: now(), exp: now() + 300 })
      await expectRefused({ intent: encodeIntent(intent), evidence: [{ kind: 'id_token', token: assembleJws(input, sign(null, utf8(input), privateKey)) }], bytes: honest().request.bytes }, code)
    }
  })
})

describe('policy', () => {
  test('TST-35 a bundle that the roster does not name', async () => {
    const { request } = honest()
    await expectRefused({ ...request, change: (item) => ({ ...item, policy: toBase64url(randomBytes(32)) }) }, 'policy_behind')
  })

  test.each<[string, Partial<TokenIntent>, string]>([
    ['a scope that the role has not', { scope: ['write:prod'] }, 'scope_not_allowed'],
    ['a scope beside one that it has', { scope: ['read:logs', 'write:prod'] }, 'scope_not_allowed'],
    ['a scope that the roster does not list', { scope: ['admin:all'] }, 'scope_not_allowed'],
    ['a lifetime beyond the role’s', { ttl: 3601 }, 'ttl_too_long'],
    ['an audience that the roster does not list', { aud: 'https://elsewhere.example' }, 'audience_not_allowed'],
    ['a client that the roster does not list', { client: 'evil-client' }, 'client_unknown'],
    ['acting as somebody else', { as: 'svc-bystander' }, 'impersonation_not_allowed'],
  ])('TST-36 %s is refused whatever the api says', async (_, change, code) => {
    const intent = intentOf(change)
    await expectRefused({ intent: encodeIntent(intent), evidence: keyEvidence(intent), bytes: honest().request.bytes }, code)
  })

  test('I-2 what the api asserts makes nothing possible', async () => {
    const intent = intentOf({ scope: ['write:prod'] })
    await expectRefused({ intent: encodeIntent(intent), evidence: keyEvidence(intent), bytes: honest().request.bytes, change: (item) => ({ ...item, asserted: { address: '127.0.0.1' } }) }, 'scope_not_allowed')
  })
})

describe('ID tokens', () => {
  const boundRequest = async (change: Partial<TokenIntent> = {}, claims: Record<string, unknown> = {}): Promise<{ intent: TokenIntent; token: string }> => {
    const intent = intentOf({ sub: 'ci-deploy', ...change })
    return { intent, token: await bound.mint({ audience: `symbolon:${toBase64url(intentDigest(encodeIntent(intent)))}`, claims: { repository_id: '1001', ...claims } }) }
  }

  test('the control: a bound one is a token', async () => {
    const { intent, token } = await boundRequest()
    const claims: TokenClaims = { ...honest().claims, sub: 'ci-deploy', iat: intent.iat, nbf: intent.iat, exp: intent.iat + attacker.roster.token.default_ttl, jti: toBase64url(intentDigest(encodeIntent(intent))), 'urn:symbolon:v1': { policy: attacker.roster.policy, origin: { kind: 'id_token', class: 'bound' } } }
    for (const victim of attacker.victims) {
      const loot = await attacker.attempt(victim, { intent: encodeIntent(intent), evidence: [{ kind: 'id_token', token }], bytes: tokenSigningInput(kid(), claims) })
      expect({ code: codeOf(loot), sub: parseToken(loot.token ?? '')?.claims.sub }).toEqual({ code: 'signed', sub: 'ci-deploy' })
    }
  })

  test('S-4 I-1 a captured one is worth nothing for another intent', async () => {
    const { token } = await boundRequest()
    const other = intentOf({ sub: 'ci-deploy', scope: ['deploy:canary'] })
    await expectRefused({ intent: encodeIntent(other), evidence: [{ kind: 'id_token', token }], bytes: honest().request.bytes }, 'id_token_audience')
  })

  test('S-4 a repository of the same name and another id is somebody else', async () => {
    const { intent, token } = await boundRequest({}, { repository_id: '2002' })
    await expectRefused({ intent: encodeIntent(intent), evidence: [{ kind: 'id_token', token }], bytes: honest().request.bytes }, 'trust_none')
  })

  test('S-1 the issuer of a bound row does not become bearer by how its token arrives', async () => {
    const intent = intentOf({ sub: 'ci-deploy' })
    const token = await bound.mint({ audience: 'https://mint.example', claims: { repository_id: '1001' } })
    for (const victim of attacker.victims) {
      const loot = await attacker.attempt(victim, { intent: encodeIntent(intent), evidence: [{ kind: 'id_token', token }], bytes: honest().request.bytes })
      expect(['id_token_audience', 'id_token_class']).toContain(codeOf(loot))
      expect(loot.token).toBeUndefined()
    }
  })

  describe('class bearer, turned on for one issuer', () => {
    const captured = () => bearer.mint({ audience: 'https://mint.example', claims: { project_id: '42' } })
    const bearerClaims = (intent: TokenIntent): TokenClaims => {
      const ttl = Math.min(attacker.roster.token.default_ttl, 300, intent.ttl ?? Infinity)
      return { ...honest().claims, sub: 'old-deploy', scope: intent.scope.join(' '), iat: intent.iat, nbf: intent.iat, exp: intent.iat + ttl, jti: toBase64url(intentDigest(encodeIntent(intent))), ...(intent.cnf === undefined ? {} : { cnf: intent.cnf }), 'urn:symbolon:v1': { policy: attacker.roster.policy, origin: { kind: 'id_token', class: 'bearer', ceiling: { scope: ['read:logs'], max_ttl: 300 } } } }
    }

    test.each<[string, Partial<TokenIntent>]>([
      ['a scope above its ceiling', { scope: ['deploy:canary'] }],
      ['a lifetime above its ceiling', { ttl: 900 }],
    ])('I-6 %s is refused', async (_, change) => {
      const intent = intentOf({ sub: 'old-deploy', ...change })
      await expectRefused({ intent: encodeIntent(intent), evidence: [{ kind: 'id_token', token: await captured() }], bytes: honest().request.bytes }, 'ceiling_exceeded')
    })

    test('I-6 one is good for one intent only', async () => {
      const token = await captured()
      const [first, second] = [intentOf({ sub: 'old-deploy' }), intentOf({ sub: 'old-deploy' })]
      for (const victim of attacker.victims) {
        const ask = (intent: TokenIntent) => attacker.attempt(victim, { intent: encodeIntent(intent), evidence: [{ kind: 'id_token', token }], bytes: tokenSigningInput(kid(), bearerClaims(intent)) })
        expect([codeOf(await ask(first)), codeOf(await ask(second))]).toEqual(['signed', 'evidence_spent'])
      }
    })

    test('I-6 laundered through a token it keeps its ceiling, and outlives nothing', async () => {
      const { privateKey, publicKey } = generateKeyPairSync('ed25519')
      const { x } = publicKey.export({ format: 'jwk' })
      const jwk = { kty: 'OKP', crv: 'Ed25519', x: String(x) } as const
      const jkt = toBase64url(sha256(utf8(JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x }))))
      const intent = intentOf({ sub: 'old-deploy', aud: attacker.roster.deployment.issuer, cnf: { jkt } })
      const evidence: Evidence[] = [{ kind: 'id_token', token: await captured() }]
      const [victim] = attacker.victims
      const loot = await attacker.attempt(victim ?? 0, { intent: encodeIntent(intent), evidence, bytes: tokenSigningInput(kid(), { ...bearerClaims(intent), aud: intent.aud }) })
      const laundered = loot.token ?? ''
      expect(parseToken(laundered)?.claims['urn:symbolon:v1'].origin).toMatchObject({ class: 'bearer', ceiling: { scope: ['read:logs'] } })
      const wider = intentOf({ sub: 'old-deploy', scope: ['deploy:canary'] })
      const input = proofSigningInput({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', jwk: { ...jwk, x: jwk.x as typeof jkt } }, { iss: wider.iss, intent: toBase64url(intentDigest(encodeIntent(wider))), kind: 'token', iat: wider.iat, of: toBase64url(sha256(utf8(laundered))) })
      await expectRefused({ intent: encodeIntent(wider), evidence: [{ kind: 'token', token: laundered, proof: assembleJws(input, sign(null, utf8(input), privateKey)) }], bytes: honest().request.bytes }, 'ceiling_exceeded')
    })
  })
})

describe('one thing passed off as another', () => {
  const asked = (intent: TokenIntent, evidence: readonly unknown[]): Request => ({ intent: encodeIntent(intent), evidence: evidence as Evidence[], bytes: honest().request.bytes })
  const ed = () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const { x } = publicKey.export({ format: 'jwk' })
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: String(x) as TokenClaims['jti'] } as const
    return { privateKey, jwk, jkt: toBase64url(sha256(utf8(JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x })))) }
  }
  /** A token of this deployment, honestly minted, for itself or for `aud`, bound to a key or not. */
  const minted = async (change: Partial<TokenIntent>): Promise<string> => {
    const { request } = honest(change)
    const { token } = await attacker.attempt(attacker.victims[0] ?? 0, request)
    if (token === undefined) throw new Error('the control is refused')
    return token
  }
  const proofBy = (intent: TokenIntent, key: ReturnType<typeof ed>, of: string | undefined): string => {
    const input = proofSigningInput({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', jwk: key.jwk }, { iss: intent.iss, intent: toBase64url(intentDigest(encodeIntent(intent))), kind: 'token', iat: intent.iat, ...(of === undefined ? {} : { of: toBase64url(sha256(utf8(of))) }) })
    return assembleJws(input, sign(null, utf8(input), key.privateKey))
  }
  const itself = () => attacker.roster.deployment.issuer

  test('J-4 a proof or a token as an ID token, an ID token as a proof', async () => {
    const intent = intentOf()
    const idToken = await bound.mint({ audience: `symbolon:${toBase64url(intentDigest(encodeIntent(intent)))}`, claims: { repository_id: '1001' } })
    await expectRefused(asked(intent, [{ kind: 'id_token', token: proofOf(intent, engineer) }]), 'issuer_unknown')
    await expectRefused(asked(intent, [{ kind: 'id_token', token: await minted({}) }]), 'issuer_unknown')
    await expectRefused(asked(intent, [{ kind: 'key', proof: idToken }]), 'evidence_malformed')
    await expectRefused(asked(intent, [{ kind: 'key', proof: await minted({}) }]), 'evidence_malformed')
  })

  test('I-1 the control: a token for this deployment, with a proof by its key, is evidence', async () => {
    const key = ed()
    const token = await minted({ aud: itself(), cnf: { jkt: key.jkt } })
    const intent = intentOf()
    const loot = await attacker.attempt(attacker.victims[0] ?? 0, asked(intent, [{ kind: 'token', token, proof: proofBy(intent, key, token) }]))
    // The attacker's bytes are another request's: granted, and not signed.
    expect(codeOf(loot)).toBe('bytes_differ')
  })

  test('J-4 a captured token is no evidence without its key, nor for another audience', async () => {
    const [key, own] = [ed(), ed()]
    const [token, unbound, elsewhere] = await Promise.all([minted({ aud: itself(), cnf: { jkt: key.jkt } }), minted({ aud: itself() }), minted({ cnf: { jkt: key.jkt } })])
    const intent = intentOf()
    const other = intentOf()
    await expectRefused(asked(intent, [{ kind: 'token', token, proof: proofBy(intent, own, token) }]), 'proof_invalid')
    await expectRefused(asked(intent, [{ kind: 'token', token, proof: proofBy(intent, key, undefined) }]), 'proof_mismatch')
    await expectRefused(asked(intent, [{ kind: 'token', token, proof: proofBy(intent, key, elsewhere) }]), 'proof_mismatch')
    await expectRefused(asked(intent, [{ kind: 'token', token, proof: proofBy(other, key, token) }]), 'proof_mismatch')
    await expectRefused(asked(intent, [{ kind: 'token', token: unbound, proof: proofBy(intent, own, unbound) }]), 'token_not_bound')
    await expectRefused(asked(intent, [{ kind: 'token', token: elsewhere, proof: proofBy(intent, key, elsewhere) }]), 'token_invalid')
  })

  test('J-4 a proof that brings its own key, or names another algorithm', async () => {
    const intent = intentOf()
    const own = ed()
    const payload = { iss: intent.iss, intent: toBase64url(intentDigest(encodeIntent(intent))), kind: 'token', iat: intent.iat }
    const signed = (header: object, key: KeyObject = own.privateKey) => {
      const input = jwsSigningInput(header, payload)
      return [{ kind: 'key', proof: assembleJws(input, sign(null, utf8(input), key)) }]
    }
    const typ = 'symbolon-proof+jwt'
    await expectRefused(asked(intent, signed({ typ, alg: 'EdDSA', jwk: own.jwk })), 'proof_invalid')
    await expectRefused(asked(intent, signed({ typ, alg: 'EdDSA', kid: engineer.kid, jwk: own.jwk })), 'proof_invalid')
    await expectRefused(asked(intent, signed({ typ, alg: 'ES256', kid: engineer.kid }, engineer.key)), 'proof_invalid')
    await expectRefused(asked(intent, signed({ typ, alg: 'none', kid: engineer.kid })), 'evidence_malformed')
    await expectRefused(asked(intent, signed({ typ, alg: 'EdDSA', kid: engineer.kid, crit: ['iat'] }, engineer.key)), 'evidence_malformed')
    await expectRefused(asked(intent, signed({ typ: 'JWT', alg: 'EdDSA', kid: engineer.kid }, engineer.key)), 'evidence_malformed')
    await expectRefused(asked(intent, signed({ typ: 'dpop+jwt', alg: 'EdDSA', jwk: engineer.jwk }, engineer.key)), 'evidence_malformed')
  })

  test.each([-1, 301, 86_400])('I-1 a proof made %i s after its intent', async (late) => {
    const intent = intentOf()
    await expectRefused(asked(intent, [{ kind: 'key', proof: proofOf(intent, engineer, { iat: intent.iat + late }) }]), 'proof_expired')
  })

  /** The last character of a segment may hold bits that say nothing: another text, the same bytes to a lenient decoder. */
  const respelt = (jws: string) => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    return `${jws.slice(0, -1)}${alphabet[alphabet.indexOf(jws.at(-1) ?? '') ^ 1]}`
  }

  test('I-6 evidence that is good once is not good twice in another spelling', async () => {
    const token = await bearer.mint({ audience: 'https://mint.example', claims: { project_id: '42' } })
    const intent = intentOf({ sub: 'old-deploy' })
    await expectRefused(asked(intent, [{ kind: 'id_token', token: respelt(token) }]), 'evidence_malformed')
    await expectRefused(asked(intent, [{ kind: 'id_token', token: `${token}=` }]), 'item_malformed')
    await expectRefused(asked(intent, [{ kind: 'id_token', token: ` ${token}` }]), 'item_malformed')
    const own = intentOf()
    await expectRefused(asked(own, [{ kind: 'key', proof: respelt(proofOf(own, engineer)) }]), 'evidence_malformed')
  })

  test.each<[string, (text: string) => string, string]>([
    ['a byte order mark', (text) => `\ufeff${text}`, 'intent_malformed'],
    ['a number with a fraction', (text) => text.replace(/"iat":(\d+)/, '"iat":$1.0'), 'intent_not_canonical'],
    ['a subject in capitals', (text) => text.replace(engineer.sub, engineer.sub.toUpperCase()), 'intent_malformed'],
    ['scopes out of order', (text) => text.replace('["read:logs"]', '["write:prod","read:logs"]'), 'intent_malformed'],
    ['a wildcard', (text) => text.replace('read:logs', 'read:*'), 'intent_malformed'],
    ['another kind', (text) => text.replace('"kind":"token"', '"kind":"roster"'), 'intent_malformed'],
    ['a field that nobody knows', (text) => text.replace('{', '{"acr":"touch",'), 'intent_malformed'],
    ['nothing at all', () => '{}', 'intent_malformed'],
  ])('I-1 an intent with %s', async (_, spell, code) => {
    const bytes = utf8(spell(Buffer.from(honest().request.intent).toString()))
    const proof = proofSigningInput({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', kid: engineer.kid }, { iss: intentOf().iss, intent: toBase64url(intentDigest(bytes)), kind: 'token', iat: now() })
    await expectRefused({ ...honest().request, intent: bytes, evidence: [{ kind: 'key', proof: assembleJws(proof, sign(null, utf8(proof), engineer.key)) }] }, code)
  })

  test.each<[string, string, unknown]>([
    ['more items than a batch has', '/v1/sign', { v: 1, items: Array.from({ length: 65 }, () => ({})) }],
    ['no items', '/v1/sign', { v: 1, items: [] }],
    ['another version', '/v1/sign', { v: 2, items: [{}] }],
    ['bytes to sign beside the items', '/v1/sign', { v: 1, items: [{}], bytes: 'x' }],
    ['more commitments than are held', '/v1/commitments', { v: 1, count: 513 }],
    ['fewer than none', '/v1/commitments', { v: 1, count: -1 }],
  ])('U-3 %s: nothing of it is answered', async (_, path, body) => {
    for (const victim of attacker.victims) {
      const answer = await attacker.send('coordinator', victim, path, body)
      expect(answer.ok && { status: answer.status, code: (JSON.parse(answer.body.toString()) as { code: string }).code }).toEqual({ status: 400, code: 'malformed' })
    }
  })

  test('U-3 a signer takes part in no ceremony, and shows no figures, because a coordinator asks', async () => {
    for (const victim of attacker.victims)
      for (const path of ['/v1/ceremony', '/v1/roster', '/v1/policy', '/v1/mint', '/v1/sign/'])
        expect(await attacker.send('coordinator', victim, path, {})).toMatchObject({ status: 404 })
  })
})

describe('the protocol of signing', () => {
  test('TST-11 a commitment is good once, also in one batch, also for the very same item', async () => {
    for (const victim of attacker.victims) {
      const [theirs] = await attacker.commitments(victim, 1)
      if (theirs === undefined) throw new Error('no commitment')
      const list = [attacker.own().listed, { id: victim, ...theirs }]
      const item = attacker.item(honest().request, list)
      expect((await attacker.ask(victim, [item, item, attacker.item(honest().request, list)])).map((answer) => codeOf({ answer }))).toEqual(['signed', 'commitment_unknown', 'commitment_unknown'])
      expect((await attacker.ask(victim, [item])).map((answer) => codeOf({ answer }))).toEqual(['commitment_unknown'])
    }
  })

  test('TST-11 TST-15 a commitment that was never promised, or to somebody else', async () => {
    const [one, two] = attacker.victims
    if (one === undefined || two === undefined) throw new Error('two victims')
    const [theirs] = await attacker.commitments(one, 1)
    if (theirs === undefined) throw new Error('no commitment')
    const list = [attacker.own().listed, { id: two, ...theirs }]
    expect((await attacker.ask(two, [attacker.item(honest().request, list)])).map((answer) => codeOf({ answer }))).toEqual(['commitment_unknown'])
  })

  test.each<[string, (item: SignItem) => unknown, string]>([
    ['SEC-21 another epoch', (item) => ({ ...item, epoch: 2 }), 'epoch_unknown'],
    ['SEC-04 too few commitments', (item) => ({ ...item, commitments: item.commitments.slice(1) }), 'list_invalid'],
    ['SEC-04 too many', (item) => ({ ...item, commitments: [...item.commitments, { ...item.commitments[0], id: 9 }] }), 'list_invalid'],
    ['SEC-04 out of order', (item) => ({ ...item, commitments: item.commitments.toReversed() }), 'list_invalid'],
    ['SEC-04 the same signer twice', (item) => ({ ...item, commitments: [item.commitments[1], item.commitments[1]] }), 'list_invalid'],
    ['SEC-01 a point of small order', (item) => ({ ...item, commitments: [{ ...item.commitments[0], hiding: toBase64url(new Uint8Array(32)) }, item.commitments[1]] }), 'list_invalid'],
    ['SEC-01 the identity', (item) => ({ ...item, commitments: [{ ...item.commitments[0], hiding: toBase64url(Uint8Array.of(1, ...new Uint8Array(31))) }, item.commitments[1]] }), 'list_invalid'],
    ['TST-42 another key’s purpose', (item) => ({ ...item, purpose: 'record' }), 'item_malformed'],
  ])('%s', async (_, change, code) => expectRefused({ ...honest().request, change }, code))

  test('U-6 a stolen api certificate opens no route of a signer', async () => {
    for (const victim of attacker.victims)
      for (const [path, body] of [['/v1/sign', { v: 1, items: [{}] }], ['/v1/commitments', { v: 1, count: 1 }], ['/v1/status', undefined]] as const) {
        const answer = await attacker.send('api', victim, path, body)
        expect(answer.ok && { status: answer.status, code: (JSON.parse(answer.body.toString()) as { code: string }).code }).toEqual({ status: 403, code: 'role_not_allowed' })
      }
  })

  test('C-3 the attacker’s one share alone makes nothing, however it is used twice', async () => {
    const { request } = honest()
    const [victim] = attacker.victims
    const loot = await attacker.attempt(victim ?? 0, { ...request, change: (item) => ({ ...item, commitments: item.commitments.map((each) => ({ ...each, id: each.id === 1 ? 1 : 3 })) }) })
    expect(loot.token).toBeUndefined()
  })
})
