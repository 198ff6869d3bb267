import { Stack, Table, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import type { StopSummary } from '@symbolon/protocol/http.ts'
import type { RosterView } from '../people.ts'
import { time } from '../text.ts'
import { Shown } from './shown.tsx'

/* The rest of the roster, in short. */

export function Machines({ view: { effective } }: { readonly view: RosterView }): ReactNode {
  const rows = [
    ...effective.services.map(({ id, roles, owner, keys }) => ({ id, kind: 'service', may: roles.join(', '), more: `${keys.length} key${keys.length === 1 ? '' : 's'}${owner === undefined ? '' : `, owner ${owner}`}` })),
    ...effective.issuers.map(({ id, issuer, class: taken }) => ({ id, kind: 'issuer', may: '', more: `${issuer}, class ${taken}` })),
    ...effective.trusts.map(({ id, issuer, roles, when }) => ({ id, kind: 'trust', may: roles.join(', '), more: `issuer ${issuer}, ${when.length} condition${when.length === 1 ? '' : 's'}` })),
  ]
  if (rows.length === 0) return <Text>No service, issuer or trust.</Text>
  return (
    <Listing
      label="Machines"
      columns={['Id', 'Kind', 'Roles', 'More']}
      rows={rows.map(({ id, kind, may, more }) => ({ key: `${kind} ${id}`, cells: [id, kind, may || '—', more] }))}
    />
  )
}

export function Stops({ view: { told } }: { readonly view: RosterView }): ReactNode {
  if (told.stops.length === 0) return <Text>Nobody is locked, and no grant or token is revoked before its end.</Text>
  return <Listing label="Locks and revocations" columns={['What', 'By', 'Until']} rows={told.stops.map((stop) => ({ key: stop.digest, cells: [stopped(stop), stop.by, time(stop.until)] }))} />
}

const stopped = (stop: StopSummary): string => (stop.kind === 'lock' ? `${stop.row} is locked` : `${stop.what} ${stop.id} is revoked`)

export function Versions({ view: { document, digest, told } }: { readonly view: RosterView }): ReactNode {
  return (
    <Stack>
      <Title order={3} size="h4">Signers</Title>
      <Listing label="Signers" columns={['Signer', 'Version']} rows={told.signers.map(({ id, name, version }) => ({ key: `${id}`, cells: [name, version === 0 ? 'does not answer' : version === document.version ? `${version}` : `${version}, not ${document.version} yet`] }))} />
      <Text size="sm">Version {document.version} has the digest <Shown mono text={digest} />, which the signers vouch for. What follows is the api’s word.</Text>
      {told.history.length === 0 ? null : <><Title order={3} size="h4">History</Title><Listing label="History" columns={['Version', 'Proposed', 'By', 'Approved by']} rows={told.history.toReversed().map(({ version, iat, proposer, approvers }) => ({ key: `${version}`, cells: [`${version}`, time(iat), proposer, approvers.join(', ') || '—'] }))} /></>}
    </Stack>
  )
}

interface Rows {
  readonly label: string
  readonly columns: readonly string[]
  readonly rows: readonly { readonly key: string; readonly cells: readonly string[] }[]
}

/** The first column names the row. */
function Listing({ label, columns, rows }: Rows): ReactNode {
  return (
    <section className="wide" aria-label={label} tabIndex={0}>
      <Table>
        <Table.Thead><Table.Tr>{columns.map((name) => <Table.Th key={name} scope="col">{name}</Table.Th>)}</Table.Tr></Table.Thead>
        <Table.Tbody>
          {rows.map(({ key, cells: [name = '', ...cells] }) => (
            <Table.Tr key={key}>
              <Table.Th scope="row"><Shown text={name} /></Table.Th>
              {cells.map((cell, at) => <Table.Td key={columns[at + 1] ?? at}><Shown text={cell} /></Table.Td>)}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  )
}
