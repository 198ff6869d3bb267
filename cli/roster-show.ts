import { effectiveRoster } from '@symbolon/roster/effective.ts'
import type { Passkey, Person, Roster } from '@symbolon/roster/roster.ts'
import type { ChangesResponse } from '@symbolon/protocol/http.ts'
import { ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { slowly, type Io } from './io.ts'
import { withRoster } from './roster-read.ts'
import type { Settings } from './settings.ts'
import { timeText, type Table, type View } from './view.ts'

/* Who exists, which version is in force where, and how it came to be. */

export const rosterShow = (settings: Settings, io: Io): Promise<Outcome<View>> =>
  withRoster(settings, io, async ({ read }) => {
    const { document, digest, vouched, entries, response } = read
    const effective = effectiveRoster(document, entries)
    return ok({
      data: { version: document.version, digest, vouched, document, people: effective.people.map((row) => personData(row, effective)), stops: response.stops },
      raw: digest,
      tables: tablesOf(effective, digest, vouched),
    })
  })

const isGuardian = (id: string, { guardians }: Roster): boolean => guardians?.people.includes(id) === true
const personData = (row: Person, document: Roster) => ({ id: row.id, name: row.name, roles: row.roles, groups: row.groups, guardian: isGuardian(row.id, document), passkeys: row.passkeys.map(({ id, name, uses, synced }) => ({ id, name, uses, synced })), invited_until: row.invitation === undefined ? undefined : timeText(row.invitation.exp) })

const passkeyText = ({ name, uses }: Passkey): string => (uses.includes('approve') ? `${name} (approves)` : name)

function tablesOf(document: Roster, digest: string, vouched: boolean): Table[] {
  const { version, deployment, guardians, people, services, issuers, trusts, audiences, policy } = document
  const tables: Table[] = [
    {
      rows: [
        ['version', `${version}`],
        ['digest', `${digest}${vouched ? '' : ' (no keyset vouches for it yet)'}`],
        ['deployment', `${deployment.name}, ${deployment.issuer}`],
        ['consoles', deployment.console_origins.join(', ')],
        ['guardians', guardians === undefined ? 'the bootstrap key' : `${guardians.count} of ${guardians.people.join(', ')}`],
        ['policy', policy],
        ['audiences', audiences.join(', ')],
      ],
    },
    { head: ['PERSON', 'NAME', 'ROLES', 'GROUPS', 'GUARDIAN', 'PASSKEYS'], rows: people.map((row) => [row.id, row.name, row.roles.join(', '), row.groups.join(', '), isGuardian(row.id, document) ? 'yes' : '', row.passkeys.map(passkeyText).join(', ') || (row.invitation === undefined ? 'none' : `invited until ${timeText(row.invitation.exp)}`)]) },
    { head: ['SERVICE', 'NAME', 'ROLES', 'OWNER', 'KEYS'], rows: services.map((row) => [row.id, row.name, row.roles.join(', '), row.owner ?? '', row.keys.map(({ id }) => id).join(', ')]) },
    { head: ['TRUST', 'NAME', 'ISSUER', 'ROLES', 'WHEN'], rows: trusts.map((row) => [row.id, row.name, row.issuer, row.roles.join(', '), row.when.map(({ claim }) => claim).join(', ')]) },
    { head: ['ISSUER', 'URL', 'CLASS'], rows: issuers.map((row) => [row.id, row.issuer, row.class]) },
  ]
  return tables.filter(({ head, rows }) => head === undefined || rows.length > 0)
}

/** What changed it, in order. */
export const rosterLog = (settings: Settings, io: Io): Promise<Outcome<View>> =>
  withRoster(settings, io, async ({ read: { response } }) =>
    ok({
      data: { history: response.history.map((row) => ({ ...row, iat: timeText(row.iat) })) },
      tables: [{ head: ['VERSION', 'PROPOSED', 'BY', 'APPROVED BY', 'DIGEST'], rows: response.history.toReversed().map(({ version, iat, proposer, approvers, digest }) => [`${version}`, timeText(iat), proposer, approvers.join(', '), digest]) }],
    }),
  )

/** In force where, and what waits for whom. */
export const rosterStatus = (settings: Settings, io: Io): Promise<Outcome<View>> =>
  withRoster(settings, io, async ({ client, asker, read: { document, digest, response } }) => {
    const listed = await slowly(io, 'fetching the changes', client.listChanges(asker))
    if (!listed.ok) return listed
    const changes = listed.value.changes.map(changeData)
    return ok({
      data: { version: document.version, digest, signers: response.signers, changes, stops: response.stops },
      raw: `${document.version}`,
      tables: [
        { rows: [['in force', `version ${document.version}`], ['digest', digest]] },
        { head: ['SIGNER', 'NAME', 'VERSION'], rows: response.signers.map(({ id, name, version }) => [`${id}`, name, version === 0 ? 'does not answer' : `${version}`]) },
        ...(changes.length === 0 ? [] : [{ head: ['CHANGE', 'VERSION', 'STATE', 'BY', 'APPROVED BY', 'NEEDED', 'UNTIL'], rows: changes.map((row) => [row.digest, `${row.version}`, row.waits_for === undefined ? row.state : `${row.state} (${row.waits_for})`, row.proposer, row.approvers.join(', '), `${row.needed}`, row.exp]) }]),
        ...(response.stops.length === 0 ? [] : [{ head: ['STOPPED', 'WHAT', 'BY', 'UNTIL'], rows: response.stops.map((stop) => [stop.kind === 'lock' ? 'row' : stop.what, stop.kind === 'lock' ? stop.row : stop.id, stop.by, timeText(stop.until)]) }]),
      ],
    })
  })

const changeData = ({ change: _, iat, exp, ...row }: ChangesResponse['changes'][number]) => ({ ...row, iat: timeText(iat), exp: timeText(exp) })
