import { parseJws } from '@symbolon/protocol/jws.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { matches, type Claims } from '@symbolon/evidence/trust.ts'

/** The roster id that an ID token will yield, guessed from its unverified claims to fill in an intent's `sub`. Verifying comes after, and decides. */
export type SubjectOf = (token: string) => string

const nobody = 'unknown'

export function openSubjects(roster: Roster): SubjectOf {
  return (token) => {
    const claims = parseJws(token)?.payload
    const issuer = roster.issuers.find((row) => row.issuer === claims?.['iss'])
    if (claims === undefined || issuer === undefined) return nobody
    // With two candidates the judgement says which they are; to pick one here would hide that.
    const [only, ...more] = roster.trusts.filter((row) => row.issuer === issuer.id && matches(row, claims as Claims))
    return only === undefined || more.length > 0 ? nobody : only.id
  }
}
