import type { Evidence } from '@symbolon/protocol/evidence.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { refuse, type EvidenceInput, type EvidenceResult, type Verifier } from './established.ts'
import { openAssertionCheck } from './assertion.ts'
import { openIdTokenJudge } from './id-token.ts'
import { openKeyJudge } from './key.ts'
import { openPasskeyJudge } from './passkey.ts'
import { openKeyring } from './signature.ts'
import { noStops, openStopCheck, type Stops } from './stops.ts'
import { openTokenJudge } from './token.ts'

export type { Established, EvidenceInput, EvidenceResult, IssuerKey, IssuerKeys, IssuerKeySet, MissingKey, Principal, SingleUse, Verifier } from './established.ts'

/**
 * The one place that says who asks. Everything it needs is an argument: no clock, no network, no files. Time is the intent's own,
 * so that all signers come to the same answer and one intent gives one set of claims.
 */
export function openVerifier(roster: Roster, stops: Stops = noStops): Verifier {
  const check = openStopCheck(stops)
  const keyring = openKeyring()
  const key = openKeyJudge(roster, keyring)
  const idToken = openIdTokenJudge(roster, keyring)
  const token = openTokenJudge(roster, keyring)
  const passkey = openPasskeyJudge(openAssertionCheck(roster), keyring)

  const judge = (item: Evidence, input: EvidenceInput): EvidenceResult => {
    switch (item.kind) {
      case 'key':
        return key(item, input)
      case 'id_token':
        return idToken(item, input)
      case 'token':
        return token(item, input)
      case 'passkey':
        return passkey(item, input)
      case 'grant':
      case 'sealed_id_token':
        return refuse('evidence_kind_unsupported', 'This kind of evidence is not supported.', { rule: 'evidence', fact: item.kind })
    }
  }

  return {
    verify(input) {
      const [item, ...more] = input.evidence
      if (item === undefined) return refuse('evidence_malformed', 'There is no evidence.', { rule: 'evidence' })
      // Each kind that exists names a principal, and roles never merge.
      if (more.length > 0) return refuse('evidence_ambiguous', 'More than one item of evidence names a principal.', { rule: 'evidence', fact: `${more.length + 1}` })
      const result = judge(item, input)
      const locked = result.ok ? check.locked(result.value.principal.id, input.intent.iat) : undefined
      return locked === undefined ? result : { ok: false, reasons: [locked] }
    },
  }
}
