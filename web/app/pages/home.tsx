import { Alert, Badge, Button, Loader, Stack, Table, Text, Title } from '@mantine/core'
import { useCallback, useEffect, useState, type ReactNode } from 'react'
import type { StatusResponse } from '@symbolon/protocol/http.ts'
import { useConsole } from '../context.tsx'
import { Facts } from '../parts/facts.tsx'
import { Shown } from '../parts/shown.tsx'
import { TroubleBox } from '../parts/trouble-box.tsx'
import type { Result } from '../result.ts'
import { go } from '../router.ts'
import { time } from '../text.ts'
import type { Trouble } from '../trouble.ts'

/** Whether tokens can be minted now, and what each signer says of itself. */
export default function Home(): ReactNode {
  const { api, session } = useConsole()
  const [status, setStatus] = useState<Result<StatusResponse, Trouble>>()
  const load = useCallback(() => void api.status().then(setStatus), [api])
  useEffect(load, [load])
  return (
    <Stack>
      <Title order={1}>Status</Title>
      {session === undefined ? <Text>Nobody is signed in here. <Button size="compact-sm" variant="default" onClick={() => go('/sign-in')}>Sign in</Button></Text> : <Text>Signed in as <Shown text={session.sub} /> until {time(session.end)}.</Text>}
      {status === undefined ? <Loader aria-label="Loading" /> : status.ok ? <Overview status={status.value} /> : <TroubleBox trouble={status.error} />}
      <div><Button variant="default" onClick={load}>Ask again</Button></div>
    </Stack>
  )
}

function Overview({ status }: { readonly status: StatusResponse }): ReactNode {
  const healthy = status.signers.filter((signer) => signer.healthy).length
  return (
    <Stack>
      <Alert color={status.ready ? 'green' : 'red'} variant="outline" title={status.ready ? 'Tokens can be minted' : 'No token can be minted now'}>
        {healthy} of {status.signers.length} signers answer; {status.threshold} must sign.
        {status.problems.map((problem) => <Text key={problem} size="sm"><Shown text={problem} /></Text>)}
      </Alert>
      <Facts rows={[['Roster', `version ${status.roster}`], ['Policy', status.policy], ['Audiences', status.audiences.join(' ')]]} />
      <Title order={2} size="h3">Signers</Title>
      <div className="wide" role="region" aria-label="Signers" tabIndex={0}><Signers status={status} /></div>
    </Stack>
  )
}

function Signers({ status }: { readonly status: StatusResponse }): ReactNode {
  return (
    <Table>
      <Table.Thead><Table.Tr>{['Signer', 'State', 'Roster', 'Epoch', 'Commitments'].map((name) => <Table.Th key={name} scope="col">{name}</Table.Th>)}</Table.Tr></Table.Thead>
      <Table.Tbody>
        {status.signers.map((signer) => (
          <Table.Tr key={signer.id}>
            <Table.Th scope="row"><Shown text={signer.name} /></Table.Th>
            <Table.Td><Badge variant="outline" tt="none" color={signer.healthy ? 'green' : 'red'}><Shown text={signer.healthy ? 'healthy' : (signer.problem ?? 'unhealthy')} /></Badge></Table.Td>
            <Table.Td>{signer.roster}</Table.Td>
            <Table.Td>{signer.epoch}</Table.Td>
            <Table.Td>{signer.commitments}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
