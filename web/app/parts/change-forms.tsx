import { Button, Checkbox, Group, NativeSelect, Stack, Text, TextInput } from '@mantine/core'
import { useState, type FormEvent, type ReactNode } from 'react'
import { rename, setGuardians, setRoles } from '@symbolon/roster/edit.ts'
import { mayApprove } from '@symbolon/roster/people.ts'
import type { Person } from '@symbolon/roster/roster.ts'
import type { Prepared } from '../changes.ts'
import { idProblem, lifetimes, mostApprovals, nameProblem, prepareEdits, prepareInvitation, preparePasskey, rolesProblem, wordsIn, type Invitation } from '../edits.ts'
import { passkeysFor, rolesKnown, type RosterView } from '../people.ts'
import type { Result } from '../result.ts'
import { duration } from '../text.ts'
import type { Trouble } from '../trouble.ts'
import { TroubleBox } from './trouble-box.tsx'

/* What each change of people asks for before it is shown as a change. */

interface Form<T> {
  readonly view: RosterView
  /** Who proposes. */
  readonly sub: string
  ready(prepared: T): void
  cancel(): void
}

interface Filled<T> {
  readonly action?: string
  readonly children: ReactNode
  /** @returns undefined while the fields say what is wrong with them */
  make(): Result<T, Trouble> | Promise<Result<T, Trouble>> | undefined
  ready(prepared: T): void
  cancel(): void
}

function Fields<T>({ action = 'Show what changes', children, make, ready, cancel }: Filled<T>): ReactNode {
  const [trouble, setTrouble] = useState<Trouble>()
  const [isBusy, setBusy] = useState(false)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    const made = await make()
    setBusy(false)
    setTrouble(made?.ok === false ? made.error : undefined)
    if (made?.ok === true) ready(made.value)
  }
  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <Stack maw="32rem">
        {children}
        {trouble === undefined ? null : <TroubleBox trouble={trouble} />}
        <Group>
          <Button type="submit" loading={isBusy}>{action}</Button>
          <Button variant="default" disabled={isBusy} onClick={cancel}>Cancel</Button>
        </Group>
      </Stack>
    </form>
  )
}

const known = (view: RosterView): string => `Policy says what each may. So far: ${rolesKnown(view.document).join(', ') || 'none'}`

/** @param person absent: somebody new; present: somebody who lost every passkey */
export function InviteForm({ view, sub, person, ready, cancel }: Form<Invitation> & { readonly person?: Person }): ReactNode {
  const [fields, setFields] = useState({ id: person?.id ?? '', name: person?.name ?? '', roles: person?.roles.join(' ') ?? '', seconds: 86_400, approver: true })
  const [tried, setTried] = useState(false)
  const set = (change: Partial<typeof fields>) => setFields((before) => ({ ...before, ...change }))
  const problems = { id: person === undefined ? idProblem(fields.id, view.document) : undefined, name: nameProblem(fields.name), roles: rolesProblem(fields.roles) }
  const make = () => {
    setTried(true)
    return Object.values(problems).some((problem) => problem !== undefined) ? undefined : prepareInvitation(fields, { view, sub, origin: location.origin })
  }
  return (
    <Fields make={make} ready={ready} cancel={cancel}>
      {person === undefined ? (
        <>
          <TextInput label="Their name" value={fields.name} onChange={(event) => set({ name: event.currentTarget.value })} error={tried ? problems.name : undefined} autoComplete="off" required />
          <TextInput label="Their id" description="Stands in every token of theirs; never changes" value={fields.id} onChange={(event) => set({ id: event.currentTarget.value.trim() })} error={tried ? problems.id : undefined} autoComplete="off" autoCapitalize="none" spellCheck={false} required />
          <TextInput label="Their roles" description={known(view)} value={fields.roles} onChange={(event) => set({ roles: event.currentTarget.value })} error={tried ? problems.roles : undefined} autoComplete="off" autoCapitalize="none" spellCheck={false} />
        </>
      ) : <Text>Every passkey of theirs is taken away, and one new one may be made by the invitation.</Text>}
      <NativeSelect label="The invitation is open for" data={lifetimes.map((value) => ({ value: `${value}`, label: duration(value) }))} value={`${fields.seconds}`} onChange={(event) => set({ seconds: Number(event.currentTarget.value) })} />
      <Checkbox label="Their passkey may approve, should they become a guardian" checked={fields.approver} onChange={(event) => set({ approver: event.currentTarget.checked })} />
    </Fields>
  )
}

export function RowForm({ view, sub, person, ready, cancel }: Form<Prepared> & { readonly person: Person }): ReactNode {
  const [name, setName] = useState(person.name)
  const [roles, setRolesText] = useState(person.roles.join(' '))
  const make = () => (nameProblem(name) === undefined && rolesProblem(roles) === undefined ? prepareEdits(view, sub, [rename(person.id, name), setRoles(person.id, wordsIn(roles))]) : undefined)
  return (
    <Fields make={make} ready={ready} cancel={cancel}>
      <TextInput label="Name" value={name} onChange={(event) => setName(event.currentTarget.value)} error={nameProblem(name)} required />
      <TextInput label="Roles" description={known(view)} value={roles} onChange={(event) => setRolesText(event.currentTarget.value)} error={rolesProblem(roles)} autoCapitalize="none" spellCheck={false} />
    </Fields>
  )
}

export function GuardiansForm({ view, sub, ready, cancel }: Form<Prepared>): ReactNode {
  const { guardians } = view.document
  const [chosen, setChosen] = useState<readonly string[]>(guardians?.people ?? [])
  const [count, setCount] = useState(guardians?.count ?? 1)
  const most = mostApprovals(chosen.length)
  const wanted = Math.min(count, most)
  const able = view.effective.people.filter((row) => mayApprove(row) || chosen.includes(row.id))
  const toggle = (id: string, isOne: boolean) => setChosen((before) => (isOne ? [...before, id] : before.filter((other) => other !== id)))
  const make = () => (guardians === undefined ? undefined : prepareEdits(view, sub, [setGuardians({ ...guardians, people: [...chosen], count: wanted })]))
  return (
    <Fields make={make} ready={ready} cancel={cancel}>
      <Checkbox.Group label="Guardians" description="People with a passkey that may approve" value={[...chosen]}>
        <Stack gap="xs" mt="xs">
          {able.map(({ id, name }) => <Checkbox key={id} value={id} label={`${name} (${id})`} onChange={(event) => toggle(id, event.currentTarget.checked)} />)}
        </Stack>
      </Checkbox.Group>
      <NativeSelect label="How many must approve" description="Whoever proposes does not count" data={Array.from({ length: most }, (_, at) => `${at + 1}`)} value={`${wanted}`} onChange={(event) => setCount(Number(event.currentTarget.value))} />
    </Fields>
  )
}

export function PasskeyForm({ view, sub, ready, cancel }: Form<Prepared>): ReactNode {
  const mayNow = passkeysFor(view, sub, 'approve').length > 0
  const [name, setName] = useState('Second passkey')
  const [approves, setApproves] = useState(mayNow)
  const make = () => (nameProblem(name) === undefined ? preparePasskey(name, approves ? ['sign_in', 'approve'] : ['sign_in'], { view, sub }) : undefined)
  return (
    <Fields make={make} ready={ready} cancel={cancel} action="Make the new passkey">
      <Text>First you touch the new authenticator, then one that you have already.</Text>
      <TextInput label="What to call it" value={name} onChange={(event) => setName(event.currentTarget.value)} error={nameProblem(name)} required />
      <Checkbox label="It may approve, if you are a guardian" checked={approves} onChange={(event) => setApproves(event.currentTarget.checked)} />
    </Fields>
  )
}
