import { Button, Group, Loader, Stack, Text, Title } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import type { Person } from '@symbolon/roster/roster.ts'
import type { Prepared } from '../changes.ts'
import { prepareEdits, removal } from '../edits.ts'
import { isGuardian, personIn, type RosterView } from '../people.ts'
import type { Result } from '../result.ts'
import type { Session } from '../session.ts'
import { GuardiansForm, InviteForm, PasskeyForm, RowForm } from '../parts/change-forms.tsx'
import { InvitationLink } from '../parts/invitation-link.tsx'
import { LockPanel } from '../parts/lock-panel.tsx'
import { Panel } from '../parts/panel.tsx'
import { PersonRow, type PersonAction } from '../parts/person-row.tsx'
import { Proposal } from '../parts/proposal.tsx'
import { Machines, Stops, Versions } from '../parts/roster-overview.tsx'
import { Shown } from '../parts/shown.tsx'
import { SignedIn } from '../parts/signed-in.tsx'
import { TroubleBox } from '../parts/trouble-box.tsx'
import type { Trouble } from '../trouble.ts'
import { useRoster } from '../use-roster.ts'
import { duration } from '../text.ts'

/** Who exists, and what changes it. */
export default function People(): ReactNode {
  return <SignedIn>{(session) => <Signed key={session.id} session={session} />}</SignedIn>
}

/** What somebody starts. */
type Wish = { readonly of: 'invite' | 'guardians' } | { readonly of: PersonAction; readonly id: string }
/** What is open above the list. It keeps the roster that it was opened over, so that what is shown is what is signed. */
type Open = { readonly of: 'invite' | 'guardians'; readonly view: RosterView } | { readonly of: PersonAction; readonly person: Person; readonly view: RosterView }

function Signed({ session }: { readonly session: Session }): ReactNode {
  const [found, read] = useRoster(session)
  const [open, setOpen] = useState<Open>()
  const [isBusy, setBusy] = useState(false)
  // Over the newest roster: a change of an older one would be refused.
  const start = async (wish: Wish) => {
    setBusy(true)
    const fresh = await read()
    setBusy(false)
    if (fresh.ok) setOpen(openOver(wish, fresh.value))
  }
  return (
    <Stack>
      <Title order={1}>People</Title>
      {open === undefined ? null : <OpenPanel key={`${open.of} ${'person' in open ? open.person.id : ''}`} open={open} sub={session.sub} changed={() => void read()} close={() => setOpen(undefined)} />}
      {found === undefined ? <Loader aria-label="Loading" /> : found.ok ? <Everybody view={found.value} sub={session.sub} isBusy={isBusy} start={open === undefined ? (wish) => void start(wish) : undefined} read={() => void read()} /> : <TroubleBox trouble={found.error} retry={() => void read()} />}
    </Stack>
  )
}

function openOver(wish: Wish, view: RosterView): Open | undefined {
  if (!('id' in wish)) return { of: wish.of, view }
  const person = personIn(view.effective, wish.id)
  return person === undefined ? undefined : { of: wish.of, person, view }
}

interface All {
  readonly view: RosterView
  readonly sub: string
  readonly isBusy: boolean
  /** Absent while something is open already. */
  readonly start: ((wish: Wish) => void) | undefined
  read(): void
}

function Everybody({ view, sub, isBusy, start, read }: All): ReactNode {
  const isOne = isGuardian(view.document, sub)
  return (
    <>
      <Text>Version {view.document.version} is in force. {isOne ? 'You are a guardian.' : 'Guardians decide on changes; you may propose a passkey of your own.'}</Text>
      {start === undefined ? null : (
        <Group>
          {isOne ? <Button disabled={isBusy} onClick={() => start({ of: 'invite' })}>Invite a person</Button> : null}
          {isOne ? <Button variant="default" disabled={isBusy} onClick={() => start({ of: 'guardians' })}>Change the guardians</Button> : null}
          <Button variant="default" disabled={isBusy} onClick={read}>Read again</Button>
        </Group>
      )}
      <ul className="rows" aria-label="People">
        {view.effective.people.map((person) => <PersonRow key={person.id} person={person} view={view} sub={sub} isBusy={isBusy} start={start === undefined ? undefined : (of) => start({ of, id: person.id })} />)}
      </ul>
      <Title order={2} size="h3">Guardians</Title>
      <Guardians view={view} />
      <Title order={2} size="h3">Machines</Title>
      <Machines view={view} />
      <Title order={2} size="h3">Stopped</Title>
      <Stops view={view} />
      <Title order={2} size="h3">Versions</Title>
      <Versions view={view} />
    </>
  )
}

function Guardians({ view: { document } }: { readonly view: RosterView }): ReactNode {
  const { guardians } = document
  if (guardians === undefined) return <Text>Nobody yet: the bootstrap key makes version 2.</Text>
  const [only] = guardians.people
  const rule = guardians.people.length === 1 && only !== undefined ? <><Shown text={only} /> decides alone, by a touch.</> : <>{guardians.count} of <Shown text={guardians.people.join(', ')} /> must approve; whoever proposes does not count.</>
  return <Text>{rule} A change waits for {duration(guardians.window)}.</Text>
}

interface Opened {
  readonly open: Open
  readonly sub: string
  /** Something is in force now. */
  changed(): void
  close(): void
}

/** What is about to be signed, and what to show when it is done. */
interface Ready {
  readonly prepared: Prepared
  readonly link?: string
}

function OpenPanel({ open, sub, changed, close }: Opened): ReactNode {
  const { view } = open
  const [ready, setReady] = useState<Result<Ready, Trouble> | undefined>(() => atOnce(open, sub))
  const [isPending, setPending] = useState(false)
  const title = titleOf(open)
  if (open.of === 'lock') return <Panel title={title}><LockPanel row={open.person.id} sub={sub} view={view} locked={changed} close={close} /></Panel>
  if (ready === undefined) return <Panel title={title}><FormOf open={open} sub={sub} ready={(made) => setReady({ ok: true, value: made })} cancel={close} /></Panel>
  if (!ready.ok) return <Panel title={title}><TroubleBox trouble={ready.error} /><div><Button variant="default" onClick={close}>Close</Button></div></Panel>
  const { prepared, link } = ready.value
  return (
    <Panel title={title}>
      <Proposal
        prepared={prepared}
        view={view}
        afterwards={link === undefined ? undefined : <InvitationLink link={link} isPending={isPending} />}
        submitted={({ state }) => {
          setPending(state === 'pending')
          if (state === 'accepted') changed()
        }}
        close={close}
      />
    </Panel>
  )
}

const atOnce = (open: Open, sub: string): Result<Ready, Trouble> | undefined => {
  if (open.of !== 'remove') return undefined
  const prepared = prepareEdits(open.view, sub, removal(open.person.id))
  return prepared.ok ? { ok: true, value: { prepared: prepared.value } } : prepared
}

function FormOf({ open, sub, ready, cancel }: { readonly open: Open; readonly sub: string; ready(made: Ready): void; cancel(): void }): ReactNode {
  const common = { view: open.view, sub, cancel }
  const plain = { ...common, ready: (prepared: Prepared) => ready({ prepared }) }
  switch (open.of) {
    case 'invite':
      return <InviteForm {...common} ready={ready} />
    case 'guardians':
      return <GuardiansForm {...plain} />
    case 'recover':
      return <InviteForm {...common} person={open.person} ready={ready} />
    case 'row':
      return <RowForm {...plain} person={open.person} />
    case 'passkey':
      return <PasskeyForm {...plain} />
    case 'lock':
    case 'remove':
      return null
  }
}

function titleOf(open: Open): string {
  switch (open.of) {
    case 'invite':
      return 'Invite a person'
    case 'guardians':
      return 'Change the guardians'
    case 'passkey':
      return 'Add a passkey of yours'
    case 'recover':
      return `Invite ${open.person.id} anew`
    case 'row':
      return `Change ${open.person.id}`
    case 'lock':
      return `Lock ${open.person.id}`
    case 'remove':
      return `Remove ${open.person.id}`
  }
}
