import { Button, Group, Loader, Stack, Text, Title } from '@mantine/core'
import { useCallback, useEffect, useState, type ReactNode } from 'react'
import { draftIn, type Draft } from '@symbolon/protocol/draft.ts'
import { prepareDraft, readChanges, type Judged } from '../changes.ts'
import { useConsole } from '../context.tsx'
import type { RosterView } from '../people.ts'
import { DraftFile } from '../parts/draft-file.tsx'
import { Panel } from '../parts/panel.tsx'
import { PendingChange } from '../parts/pending-change.tsx'
import { Proposal } from '../parts/proposal.tsx'
import { Shown } from '../parts/shown.tsx'
import { SignedIn } from '../parts/signed-in.tsx'
import { TroubleBox } from '../parts/trouble-box.tsx'
import type { Result } from '../result.ts'
import type { Session } from '../session.ts'
import type { Trouble } from '../trouble.ts'
import { useRoster } from '../use-roster.ts'

/** Changes of the roster that wait for guardians, and drafts from the command line. */
export default function Changes(): ReactNode {
  return <SignedIn>{(session) => <Signed key={session.id} session={session} />}</SignedIn>
}

function Signed({ session }: { readonly session: Session }): ReactNode {
  const [found, readAgain] = useRoster(session)
  const read = () => void readAgain()
  return (
    <Stack>
      <Title order={1}>Changes</Title>
      {found === undefined ? <Loader aria-label="Loading" /> : found.ok ? <Listed session={session} view={found.value} read={read} /> : <TroubleBox trouble={found.error} retry={read} />}
    </Stack>
  )
}

interface Listing {
  readonly session: Session
  readonly view: RosterView
  /** Reads the roster, and with it the changes, again. */
  read(): void
}

function Listed({ session, view, read }: Listing): ReactNode {
  const { api } = useConsole()
  const [draft, setDraft] = useState(() => draftIn(location.hash))
  const [found, setFound] = useState<Result<readonly Judged[], Trouble>>()
  // Once it is taken up, a reload must not bring it back.
  useEffect(() => history.replaceState(history.state, '', location.pathname), [])
  const load = useCallback(() => void readChanges(api, session, view).then(setFound), [api, session, view])
  useEffect(load, [load])
  return (
    <>
      <Text>Version {view.document.version} is in force. What is listed here is not: it waits until guardians have said yes.</Text>
      {draft === undefined ? <Group align="end"><DraftFile chosen={setDraft} /><Button variant="default" onClick={read}>Read again</Button></Group> : <OpenDraft draft={draft} sub={session.sub} view={view} changed={read} close={() => setDraft(undefined)} />}
      <Title order={2} size="h3">Waiting</Title>
      {found === undefined ? <Loader aria-label="Loading" /> : found.ok ? <Waiting changes={found.value} view={view} sub={session.sub} decided={read} /> : <TroubleBox trouble={found.error} retry={load} />}
      <Title order={2} size="h3">In force</Title>
      <InForce view={view} />
    </>
  )
}

function Waiting({ changes, view, sub, decided }: { readonly changes: readonly Judged[]; readonly view: RosterView; readonly sub: string; decided(): void }): ReactNode {
  if (changes.length === 0) return <Text>No change waits.</Text>
  return (
    <ul className="rows" aria-label="Changes">
      {changes.map((judged, at) => (judged.ok ? <PendingChange key={judged.value.digest} change={judged.value} view={view} sub={sub} decided={decided} /> : <li key={`${at} untrusted`}><TroubleBox trouble={judged.error} /></li>))}
    </ul>
  )
}

function InForce({ view: { document, told } }: { readonly view: RosterView }): ReactNode {
  const last = told.history.at(-1)
  return <Text>Version {document.version}, which the signers vouch for.{last === undefined ? null : <> The api says that <Shown text={last.proposer} /> proposed it{last.approvers.length === 0 ? null : <> and <Shown text={last.approvers.join(', ')} /> approved it</>}.</>}</Text>
}

function OpenDraft({ draft, sub, view, changed, close }: { readonly draft: Draft; readonly sub: string; readonly view: RosterView; changed(): void; close(): void }): ReactNode {
  const [opened] = useState(() => ({ view, prepared: prepareDraft(draft, view, sub) }))
  return (
    <Panel title="A draft to propose">
      <Text>It was written elsewhere and speaks for nothing: read all of it before you touch.</Text>
      {opened.prepared.ok ? <Proposal prepared={opened.prepared.value} view={opened.view} submitted={changed} close={close} /> : <><TroubleBox trouble={opened.prepared.error} /><div><Button variant="default" onClick={close}>Close</Button></div></>}
    </Panel>
  )
}
