import type { Entry, EntryStatement } from '@symbolon/protocol/book.ts'
import type { Reason } from '@symbolon/protocol/reason.ts'
import { verifyRegistration } from '@symbolon/evidence/registration.ts'
import { credentialOf } from '@symbolon/roster/credential.ts'
import { judgeEntry } from '@symbolon/roster/entry.ts'
import type { Passkey } from '@symbolon/roster/roster.ts'
import type { Verdict } from './accept.ts'
import type { Ground } from './judge-change.ts'

/** Is this an entry that this signer may put its word to? An invitation ends by this signer's own clock. */
export function judgeRowEntry({ current: { document }, book, clock }: Pick<Ground, 'current' | 'book' | 'clock'>, entry: Entry): Verdict {
  const { statement } = entry
  const { entries } = book.state()
  const locked = book.stops().locked.flatMap(({ row, until }) => (clock < until ? [row] : []))
  const enrolled = statement.kind === 'enrolment' ? passkeyOf(document, statement) : undefined
  const judged = judgeEntry({ entry, document, entries, locked, now: clock, ...(enrolled?.passkey === undefined ? {} : { passkey: enrolled.passkey }) })
  if (judged.ok) return { verdict: 'sound', slot: judged.slot, subject: judged.subject }
  // What the registration itself lacks says more than that it does not hold; but only to who holds the invitation.
  const [first, ...more] = judged.reasons
  return { verdict: 'refused', reasons: first.code === 'registration_invalid' && enrolled?.reasons !== undefined ? enrolled.reasons : [first, ...more] }
}

type Enrolled = { readonly passkey: Passkey; readonly reasons?: never } | { readonly passkey?: never; readonly reasons: readonly [Reason, ...Reason[]] }

/** What an enrolment's registration holds, made for this row and this invitation. */
function passkeyOf(roster: Parameters<typeof verifyRegistration>[0]['roster'], { lineage, row, invitation: by, registration, name, iat }: Extract<EntryStatement, { kind: 'enrolment' }>): Enrolled | undefined {
  const invitation = roster.people.find(({ id }) => id === row)?.invitation
  const credential = credentialOf(registration)?.id
  if (invitation === undefined || credential === undefined) return undefined
  const result = verifyRegistration({ registration, credential, wanted: { lineage, row, by }, roster, name, uses: invitation.uses, at: iat })
  return result.ok ? { passkey: result.passkey } : { reasons: result.reasons }
}
