import { Badge, Button, Checkbox, Group, Stack, Table, Title } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import type { RecordVersion, VaultRecord } from '@symbolon/protocol/record.ts'
import { now } from '../../intents.ts'
import { time } from '../../text.ts'
import { kindNames } from '../../vault/draft.ts'
import { possibleFor, stateOf, type Possible } from '../../vault/versions.ts'
import { Shown } from '../shown.tsx'

/** What may be started with chosen versions. */
export type VersionAction = keyof Possible

const buttons: Readonly<Record<VersionAction, string>> = { reveal: 'Reveal with a touch', compare: 'Compare two with a touch', delete: 'Delete', undelete: 'Undelete', destroy: 'Destroy for good' }
const actions = Object.keys(buttons) as VersionAction[]
const colours = { live: 'green', deleted: 'yellow', expired: 'yellow', destroyed: 'gray' } as const
const words = { live: 'live', deleted: 'deleted', expired: 'deleted: its time is up', destroyed: 'destroyed' } as const

interface Listing {
  readonly record: VaultRecord
  readonly isBusy: boolean
  start(action: VersionAction, versions: readonly number[]): void
}

/** Newest first. */
export function Versions({ record, isBusy, start }: Listing): ReactNode {
  const [chosen, setChosen] = useState<readonly number[]>([record.current])
  // What was forgotten or removed meanwhile is chosen no more.
  const known = chosen.filter((number) => record.versions.some(({ version }) => version === number))
  const possible = possibleFor(record, known, now())
  const toggle = (version: number, isOne: boolean) => setChosen(isOne ? [...known, version] : known.filter((other) => other !== version))
  return (
    <Stack gap="sm">
      <Title order={2} size="h3">Versions</Title>
      <div className="wide" role="region" aria-label="Versions" tabIndex={0}>
        <Table className="versions">
          <Table.Thead><Table.Tr>{['Version', 'State', 'Kind', 'Written', 'By', 'Bytes'].map((name) => <Table.Th key={name} scope="col">{name}</Table.Th>)}</Table.Tr></Table.Thead>
          <Table.Tbody>{record.versions.toReversed().map((version) => <Row key={version.version} version={version} isChosen={known.includes(version.version)} toggle={toggle} />)}</Table.Tbody>
        </Table>
      </div>
      <Group gap="xs" role="group" aria-label="With the chosen versions">
        {actions.map((action) => <Button key={action} size="xs" variant={action === 'reveal' ? 'filled' : 'default'} disabled={isBusy || !possible[action]} onClick={() => start(action, known)}>{buttons[action]}</Button>)}
      </Group>
    </Stack>
  )
}

function Row({ version: row, isChosen, toggle }: { readonly version: RecordVersion; readonly isChosen: boolean; toggle(version: number, isOne: boolean): void }): ReactNode {
  const { version, type, at, by, size, until, ended, combine } = row
  const state = stateOf(row, now())
  return (
    <Table.Tr>
      <Table.Th scope="row"><Checkbox label={`Version ${version}`} checked={isChosen} onChange={(event) => toggle(version, event.currentTarget.checked)} /></Table.Th>
      <Table.Td>
        <Badge variant="outline" tt="none" color={colours[state]}>{words[state]}</Badge>
        {ended === undefined ? null : <div>{time(ended)}</div>}
        {state === 'live' && until !== undefined ? <div>until {time(until)}</div> : null}
      </Table.Td>
      <Table.Td>{kindNames[type]}{combine === 'vault' ? ', the vault can open it' : ''}</Table.Td>
      <Table.Td>{time(at)}</Table.Td>
      <Table.Td><Shown text={by} /></Table.Td>
      <Table.Td>{size}</Table.Td>
    </Table.Tr>
  )
}
