import type { Evidence, EvidenceKind } from '@symbolon/protocol/evidence.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { openAssertionCheck } from './assertion.ts'
import { uncovered } from './covers.ts'
import { refuse, type EvidenceInput, type EvidenceResult, type Verifier } from './established.ts'
import { openFacadeJudge } from './facade.ts'
import { openGrantJudge } from './grant.ts'
import { openIdTokenJudge } from './id-token.ts'
import { openKeyJudge } from './key.ts'
import { openPasskeyJudge } from './passkey.ts'
import { openSealedJudge } from './sealed.ts'
import { openKeyring } from './signature.ts'
import { noStops, openStopCheck, type Stops } from './stops.ts'
import { openTokenJudge } from './token.ts'

export type { Established, EvidenceInput, EvidenceResult, IssuerKey, IssuerKeys, IssuerKeySet, MissingKey, Principal, SingleUse, Verifier } from './established.ts'

export interface VerifierOptions {
  /**
   * Where nobody can open a sealed ID token and nothing that is signed rests on the answer (the api): take whom the intent names for whom it
   * yields. Default: an item that was not opened is refused.
   */
  readonly presumesSealed?: boolean
}

/**
 * The one place that says who asks. Everything it needs is an argument: no clock, no network, no files. Time is the intent's own,
 * so that all signers come to the same answer and one intent gives one set of claims.
 */
export function openVerifier(roster: Roster, stops: Stops = noStops, { presumesSealed = false }: VerifierOptions = {}): Verifier {
  const keyring = openKeyring()
  const stopped = openStopCheck(stops)
  const check = openAssertionCheck(roster)
  const key = openKeyJudge(roster, keyring)
  const idToken = openIdTokenJudge(roster, keyring)
  const sealed = openSealedJudge({ roster, idToken, keyring, presumes: presumesSealed })
  const token = openTokenJudge({ roster, stopped, keyring })
  const facade = openFacadeJudge({ roster, stopped, keyring })
  const passkey = openPasskeyJudge(check, keyring)
  const grant = openGrantJudge({ roster, check, stopped }, keyring)

  const judge = (item: Evidence, input: EvidenceInput): EvidenceResult => {
    switch (item.kind) {
      case 'key':
        return key(item, input)
      case 'id_token':
        return idToken({ token: item.token }, input)
      case 'sealed_id_token':
        return sealed(item, input)
      case 'token':
        return token(item, input)
      case 'passkey':
        return passkey(item, input)
      case 'grant':
        return grant(item, input)
      case 'facade':
        return facade(item, input)
    }
  }

  return {
    verify(input) {
      const [item, ...more] = input.evidence
      if (item === undefined) return refuse('evidence_malformed', 'There is no evidence.', { rule: 'evidence' })
      // Each kind that exists names a principal, and roles never merge.
      if (more.length > 0) return refuse('evidence_ambiguous', 'More than one item of evidence names a principal.', { rule: 'evidence', fact: `${more.length + 1}` })
      const source = sourceOf(item)
      // Which key it is, and so what it covers, is known only once its row is found.
      const wrongKind = source === 'key' ? undefined : uncovered(source, input.intent.kind)
      const result: EvidenceResult = wrongKind === undefined ? judge(item, input) : { ok: false, reasons: [wrongKind] }
      const locked = result.ok ? stopped.locked(result.value.principal.id, input.intent.iat) : undefined
      return locked === undefined ? result : { ok: false, reasons: [locked] }
    },
  }
}

/** A sealed ID token is an ID token. */
const sourceOf = ({ kind }: Evidence): EvidenceKind => (kind === 'sealed_id_token' ? 'id_token' : kind)
