import type { Assertion } from '@symbolon/protocol/webauthn.ts'
import type { CheckAssertion } from './assertion.ts'
import type { EvidenceInput, EvidenceResult } from './established.ts'
import { personOf } from './principal.ts'
import type { Keyring } from './signature.ts'

type PasskeyJudge = (item: { readonly assertion: Assertion }, input: EvidenceInput) => EvidenceResult

/** Evidence `passkey`: a person's touch for this very intent, whose digest is the challenge. It covers every kind of intent. */
export function openPasskeyJudge(check: CheckAssertion, keyring: Keyring): PasskeyJudge {
  return ({ assertion }, { intent, digest }) => {
    const found = check(assertion, { challenge: digest, person: intent.sub, use: 'sign_in' }, keyring.verifiesAssertion)
    if (!found.ok) return { ok: false, reasons: [found.reason] }
    const { person, passkey, counter } = found
    return {
      ok: true,
      value: {
        principal: personOf(person),
        evidence: { kind: 'passkey', age: 0 },
        origin: { kind: 'passkey' },
        auth: { time: intent.iat, touch: true, hardware: !passkey.synced },
        passkey: { credential: passkey.id, uses: passkey.uses, counter },
        singleUse: [],
      },
    }
  }
}
