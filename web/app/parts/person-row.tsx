import { Badge, Button, Group, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Passkey, Person } from '@symbolon/roster/roster.ts'
import { isInvited } from '../edits.ts'
import { isGuardian, personIn, type RosterView } from '../people.ts'
import { time } from '../text.ts'
import { Facts } from './facts.tsx'
import { Shown } from './shown.tsx'

/** What somebody may start from a person's row. */
export type PersonAction = 'row' | 'remove' | 'lock' | 'recover' | 'passkey'

interface Row {
  /** As in the effective roster. */
  readonly person: Person
  readonly view: RosterView
  /** Who looks. */
  readonly sub: string
  readonly isBusy: boolean
  /** Absent while something is open already. */
  readonly start: ((action: PersonAction) => void) | undefined
}

const buttons: Readonly<Record<PersonAction, string>> = { row: 'Change name or roles', passkey: 'Add a passkey', recover: 'Invite anew', lock: 'Lock', remove: 'Remove' }

export function PersonRow({ person, view, sub, isBusy, start }: Row): ReactNode {
  const { id, name, roles, groups, passkeys, invitation } = person
  const inDocument = personIn(view.document, id)
  const isOpen = inDocument !== undefined && isInvited(inDocument, person)
  const lock = view.told.stops.find((stop) => stop.kind === 'lock' && stop.row === id)
  return (
    <li className="panel">
      <Stack gap="sm">
        <Group gap="sm">
          <Title order={2} size="h4"><Shown text={name} /></Title>
          <Text span><Shown text={id} /></Text>
          {id === sub ? <Badge variant="outline" tt="none" color="gray">you</Badge> : null}
          {isGuardian(view.document, id) ? <Badge variant="outline" tt="none" color="green">guardian</Badge> : null}
          {lock === undefined ? null : <Badge variant="outline" tt="none" color="red">locked</Badge>}
        </Group>
        <Facts
          rows={[
            ['Roles', roles.join(', ') || 'none'],
            ...(groups.length === 0 ? [] : [['Groups', groups.join(', ')] as const]),
            ['Passkeys', passkeys.length === 0 ? 'none' : <Passkeys key="passkeys" passkeys={passkeys} />],
            ...(isOpen && invitation !== undefined ? [['Invitation', `open until ${time(invitation.exp)}`] as const] : []),
          ]}
        />
        {start === undefined ? null : (
          <Group gap="xs">
            {actionsFor(id, sub, view).map((action) => <Button key={action} size="xs" variant="default" disabled={isBusy} aria-label={`${buttons[action]}: ${id}`} onClick={() => start(action)}>{buttons[action]}</Button>)}
          </Group>
        )}
      </Stack>
    </li>
  )
}

function actionsFor(id: string, sub: string, { document }: RosterView): readonly PersonAction[] {
  const own: readonly PersonAction[] = id === sub ? ['passkey', 'lock'] : []
  return isGuardian(document, sub) ? ['row', ...(id === sub ? (['passkey'] as const) : (['recover'] as const)), 'lock', 'remove'] : own
}

function Passkeys({ passkeys }: { readonly passkeys: readonly Passkey[] }): ReactNode {
  return (
    <ul className="rows">
      {passkeys.map(({ id, name, uses, synced, aaguid }) => (
        <li key={id}>
          <Shown text={name} />: {uses.map((use) => (use === 'approve' ? 'approves' : 'signs in')).join(' and ')}; {synced ? 'may be copied to other devices' : 'stays in one device'}; model <Shown mono text={aaguid} />
        </li>
      ))}
    </ul>
  )
}
