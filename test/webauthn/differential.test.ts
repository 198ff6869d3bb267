import fc from 'fast-check'
import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server'
import { describe, expect, test } from 'vitest'
import { fromBase64url, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import { registrationChallenge, type Assertion, type RegistrationFor } from '@symbolon/protocol/webauthn.ts'
import { encodeCbor } from '@symbolon/evidence/cbor.testkit.ts'
import { ask, bensKey, judge, annsKey, peopled } from '@symbolon/evidence/evidence.testkit.ts'
import { attestSelf, coseKey, softOrigin, softPasskey, softRpId, someDigest, type BrowserLies, type RegistrationLies, type SoftPasskey } from '@symbolon/evidence/passkey.testkit.ts'
import { verifyRegistration } from '@symbolon/evidence/registration.ts'

/* Our own verification against an independent one. We never believe what it refuses; what it believes and we refuse is named, rule by rule. */

/** Where we are stricter on purpose. */
const stricter = {
  'passkey.cross_origin': 'it lets a page inside another one pass that does not say which, as Safari’s do',
  'passkey.token_binding': 'it accepts token binding, which left the standard',
  'passkey.authenticator_data': 'it reads extensions and attested data that no assertion of ours has',
  'passkey.backup_eligible': 'it does not compare with what was registered (section 7.2, step 19)',
  'passkey.user_handle': 'it leaves the user handle to its caller',
  'passkey.client_data': 'it takes duplicate members, a byte order mark, and any length',
  'passkey.signature': 'it takes DER apart by itself, and overlooks a wrong length around it',
  'passkey.credential': 'it leaves to its caller whose credential it is',
} as const

const asked = { ann: ask({ sub: 'ann' }), ben: ask({ sub: 'ben' }) }
type Name = keyof typeof asked
const keys: Record<Name, SoftPasskey> = { ann: annsKey, ben: bensKey }
const on = peopled()

async function theirs(name: Name, { credential, authenticator_data, client_data, signature, user_handle }: Assertion): Promise<boolean> {
  const response = { authenticatorData: authenticator_data, clientDataJSON: client_data, signature, ...(user_handle === undefined ? {} : { userHandle: user_handle }) }
  try {
    const { verified } = await verifyAuthenticationResponse({
      response: { id: credential, rawId: credential, type: 'public-key', clientExtensionResults: {}, response },
      expectedChallenge: toBase64url(asked[name].digest),
      expectedOrigin: [softOrigin],
      expectedRPID: softRpId,
      credential: { id: credential, publicKey: new Uint8Array(encodeCbor(coseKey(keys[name].key))), counter: 0 },
      requireUserVerification: true,
    })
    return verified
  } catch {
    // The library has no other way to say no.
    return false
  }
}

function ours(name: Name, assertion: Assertion): { readonly ok: boolean; readonly rule: string } {
  const result = judge(asked[name], { kind: 'passkey', assertion }, { on })
  if (result.ok) return { ok: true, rule: '' }
  return { ok: false, rule: 'reasons' in result ? (result.reasons[0].rule ?? '') : 'missing' }
}

async function compare(name: Name, assertion: Assertion): Promise<void> {
  const [mine, other] = [ours(name, assertion), await theirs(name, assertion)]
  if (mine.ok) expect(other, 'we believe what the library refuses').toBe(true)
  else if (other) expect(Object.keys(stricter)).toContain(mine.rule)
  if (other && mine.rule === 'passkey.signature') expect(isSized(assertion.signature), 'a signature in sound DER is judged alike').toBe(false)
}

const isSized = (signature: string): boolean => {
  const der = Buffer.from(signature, 'base64url')
  return der[0] === 0x30 && der[1] === der.length - 2
}

const text = fc.constantFrom('https://evil.example', softOrigin, `${softOrigin}/`, 'http://console.example', '', 'null')
const lie: fc.Arbitrary<BrowserLies> = fc.record(
  {
    rpId: fc.constantFrom(softRpId, 'evil.example', 'example', ''),
    origin: text,
    userPresent: fc.boolean(),
    userVerified: fc.boolean(),
    crossOrigin: fc.boolean(),
    counter: fc.constantFrom(0, 1, 2 ** 32 - 1),
    type: fc.constantFrom('webauthn.get', 'webauthn.create', 'payment.get', ''),
    challenge: fc.constantFrom(asked.ann.digest, asked.ben.digest, new Uint8Array(32), new Uint8Array()),
    backupEligible: fc.boolean(),
    clientData: fc.oneof(
      fc.constant({}),
      fc.record({ topOrigin: text }),
      fc.record({ tokenBinding: fc.oneof(fc.jsonValue(), fc.record({ status: fc.constantFrom('present', 'supported', 'notSupported', 'x') })) }),
      fc.record({ crossOrigin: fc.jsonValue() }),
      fc.record({ origin: fc.jsonValue() }),
      fc.record({ challenge: fc.jsonValue() }),
      fc.record({ extra: fc.jsonValue() }),
    ),
    flags: fc.constantFrom(0, 0x02, 0x10, 0x20, 0x40, 0x80),
    trailer: fc.oneof(fc.constant(new Uint8Array()), fc.constant(Uint8Array.of(0xa0)), fc.uint8Array({ maxLength: 24 })),
    userHandle: fc.oneof(fc.constant(null), fc.uint8Array({ minLength: 1, maxLength: 64 })),
    key: fc.constantFrom(annsKey.private, bensKey.private),
  },
  { requiredKeys: [] },
)
const names = fc.constantFrom<Name>('ann', 'ben')
/** Most of the fields honest, so that more than one in a hundred is believed. */
const fewLies = fc.tuple(lie, fc.uint8Array({ minLength: 2, maxLength: 2 })).map(([all, [first = 0, second = 0]]): BrowserLies => {
  const members = Object.entries(all)
  const kept = members.length === 0 ? [] : [...new Set([first % members.length, ...(second % 2 === 0 ? [] : [second % members.length])])]
  return Object.fromEntries(kept.flatMap((at) => members[at] === undefined ? [] : [members[at]]))
})

describe('an assertion, by us and by @simplewebauthn/server', () => {
  test.each(['ann', 'ben'] as const)('the honest one of %s is believed by both', async (name) => {
    const assertion = keys[name].assert(asked[name].digest)
    expect([ours(name, assertion).ok, await theirs(name, assertion)]).toEqual([true, true])
  })

  test('property: soundly signed lies', async () => {
    await fc.assert(fc.asyncProperty(names, fewLies, (name, lies) => compare(name, keys[name].assert(asked[name].digest, lies))), { numRuns: 1500 })
  })

  test('property: any changed bit', async () => {
    const members = fc.constantFrom('authenticator_data' as const, 'client_data' as const, 'signature' as const)
    await fc.assert(
      fc.asyncProperty(names, members, fc.nat(), fc.nat(7), (name, member, at, bit) => {
        const honest = keys[name].assert(asked[name].digest)
        const bytes = Buffer.from(honest[member], 'base64url')
        const place = at % bytes.length
        bytes[place] = (bytes[place] ?? 0) ^ (1 << bit)
        return compare(name, { ...honest, [member]: toBase64url(bytes) })
      }),
      { numRuns: 1000 },
    )
  })

  /* Each of these is believed there and refused here, so that the list above says no more and no less than the truth. */
  const said = (extra: string) => utf8(`{"type":"webauthn.get","challenge":"${toBase64url(asked.ben.digest)}","origin":"${softOrigin}"${extra}}`)
  test.each<[keyof typeof stricter, BrowserLies]>([
    ['passkey.cross_origin', { crossOrigin: true }],
    ['passkey.token_binding', { clientData: { tokenBinding: { status: 'supported' } } }],
    ['passkey.authenticator_data', { flags: 0x80, trailer: Uint8Array.of(0xa0) }],
    ['passkey.backup_eligible', { backupEligible: true }],
    ['passkey.user_handle', { userHandle: Uint8Array.of(1) }],
    ['passkey.client_data', { clientDataBytes: said(`,"origin":"${softOrigin}"`) }],
  ])('%s', async (rule, lies) => {
    const assertion = bensKey.assert(asked.ben.digest, lies)
    expect([ours('ben', assertion), await theirs('ben', assertion)]).toEqual([{ ok: false, rule }, true])
  })
  test('passkey.signature', async () => {
    const honest = annsKey.assert(asked.ann.digest)
    const der = Buffer.from(honest.signature, 'base64url')
    const sized = [der.length - 3, der.length - 1].map((length) => ({ ...honest, signature: toBase64url(Buffer.concat([Buffer.from([0x30, length]), der.subarray(2)])) }))
    expect(sized.map((assertion) => ours('ann', assertion))).toEqual(sized.map(() => ({ ok: false, rule: 'passkey.signature' })))
    expect(await Promise.all(sized.map((assertion) => theirs('ann', assertion)))).toContain(true)
  })
  test('passkey.credential', async () => {
    const assertion = { ...bensKey.assert(asked.ben.digest), credential: softPasskey().id }
    expect([ours('ben', assertion), await theirs('ben', assertion)]).toEqual([{ ok: false, rule: 'passkey.credential' }, true])
  })
})

describe('a registration, by us and by @simplewebauthn/server', () => {
  const wanted: RegistrationFor = { lineage: someDigest('lineage'), row: 'cid', by: someDigest('invitation') }

  async function believed(credential: Base64url, registration: ReturnType<SoftPasskey['register']>['registration']) {
    try {
      const { verified } = await verifyRegistrationResponse({
        response: { id: credential, rawId: credential, type: 'public-key', clientExtensionResults: {}, response: { clientDataJSON: registration.client_data, attestationObject: registration.attestation_object } },
        expectedChallenge: toBase64url(registrationChallenge(wanted)),
        expectedOrigin: [softOrigin],
        expectedRPID: softRpId,
        requireUserVerification: true,
        supportedAlgorithmIDs: [-7, -8],
      })
      return verified
    } catch {
      return false
    }
  }
  const mine = (credential: Base64url, registration: ReturnType<SoftPasskey['register']>['registration']) =>
    verifyRegistration({ registration, credential, wanted, roster: on, name: 'Key', uses: ['sign_in'], at: 0 }).ok

  test.each(['ES256', 'EdDSA'] as const)('an honest %s one is believed by both, attested by itself or not at all', async (alg) => {
    for (const lies of [{}, { attestation: attestSelf }] satisfies RegistrationLies[]) {
      const { credential, registration } = softPasskey({ alg }).register(wanted, lies)
      expect([mine(credential, registration), await believed(credential, registration)]).toEqual([true, true])
    }
  })

  test('property: what we believe, it believes, whatever bit is changed', async () => {
    const key = softPasskey()
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('client_data' as const, 'attestation_object' as const), fc.nat(), fc.nat(7), fc.boolean(), async (member, at, bit, attested) => {
        const { credential, registration } = key.register(wanted, attested ? { attestation: attestSelf } : {})
        const bytes = Buffer.from(fromBase64url(registration[member]) ?? [])
        const place = at % bytes.length
        bytes[place] = (bytes[place] ?? 0) ^ (1 << bit)
        const changed = { ...registration, [member]: toBase64url(bytes) }
        if (mine(credential, changed)) expect(await believed(credential, changed)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  test('property: soundly made lies', async () => {
    await fc.assert(
      fc.asyncProperty(fewLies, async (lies) => {
        const { clientDataBytes: _, key: __, type, ...rest } = lies
        const { credential, registration } = softPasskey().register(wanted, { ...rest, ...(type === undefined || type === 'webauthn.get' ? {} : { type }) })
        if (mine(credential, registration)) expect(await believed(credential, registration)).toBe(true)
      }),
      { numRuns: 400 },
    )
  })
})
