import { Button, Group, Stack } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import type { SecretPath } from '@symbolon/protocol/label.ts'
import type { OpenedRecord } from '@symbolon/protocol/record.ts'
import { now } from '../../intents.ts'
import type { Trouble } from '../../trouble.ts'
import { change, type Changed, type Wish } from '../../vault/change.ts'
import { draftOf, emptyDraft, type Draft } from '../../vault/draft.ts'
import { reveal, type Revealed } from '../../vault/reveal.ts'
import { useRevealed } from '../../vault/use-revealed.ts'
import type { Vault } from '../../vault/vault.ts'
import { possibleFor } from '../../vault/versions.ts'
import { Panel } from '../panel.tsx'
import { TroubleBox } from '../trouble-box.tsx'
import { Confirm } from './destroy.tsx'
import { Difference } from './difference.tsx'
import { Editor } from './editor.tsx'
import { MetaForm } from './meta-form.tsx'
import { Outcome } from './outcome.tsx'
import { RevealedValue } from './revealed.tsx'
import { Versions, type VersionAction } from './versions.tsx'

interface Working {
  readonly path: SecretPath
  /** Undefined: there is nothing, or nothing that this person may see. */
  readonly known: OpenedRecord | undefined
  readonly vault: Vault
  /** A newer record came to be known. */
  took(known: OpenedRecord): void
}

type Opened =
  | { readonly what: 'edit'; readonly on: OpenedRecord | undefined; readonly draft: Draft }
  | { readonly what: 'meta' }
  | { readonly what: 'destroy'; readonly versions: readonly number[] }
  | { readonly what: 'remove' }
interface Done {
  readonly changed: Changed
  readonly words: string
}

const done: Readonly<Record<Wish['act'], string>> = { 'secret.write': 'The version was written', 'secret.delete': 'Deleted', 'secret.undelete': 'Undeleted', 'secret.destroy': 'Destroyed', 'secret.meta': 'Saved' }

/** Everything that can be done with a secret, one thing at a time. */
export function Work({ path, known, vault, took }: Working): ReactNode {
  const [opened, setOpened] = useState<Opened>()
  const [revealed, show] = useRevealed()
  const [outcome, setOutcome] = useState<Done>()
  const [wrong, setWrong] = useState<Trouble>()
  const [isBusy, setBusy] = useState(false)
  const finish = (changed: Changed, words: string) => {
    setOpened(undefined)
    setOutcome({ changed, words })
    took(changed.known)
  }
  const look = async (versions: readonly number[]): Promise<Revealed | undefined> => {
    setBusy(true)
    const read = await reveal(path, versions, vault)
    setBusy(false)
    setWrong(read.ok ? undefined : read.error)
    show(read.ok ? read.value : undefined)
    return read.ok ? read.value : undefined
  }
  const carryOut = async (wish: Wish) => {
    setBusy(true)
    setOutcome(undefined)
    const answer = await change({ path, known }, wish, vault)
    setBusy(false)
    setWrong(answer.ok ? undefined : answer.error.trouble)
    if (answer.ok) finish(answer.value, 'all' in wish ? 'Removed' : done[wish.act])
    else if (answer.error.meanwhile !== undefined) took(answer.error.meanwhile)
  }
  const open = (next: Opened) => {
    setOutcome(undefined)
    setWrong(undefined)
    setOpened(next)
  }
  const start = (action: VersionAction, versions: readonly number[]) => {
    if (action === 'reveal' || action === 'compare') return void look(versions)
    if (action === 'destroy') return open({ what: 'destroy', versions })
    return void carryOut({ act: `secret.${action}`, versions })
  }
  const edit = async (version: number) => {
    const read = await look([version])
    const [first] = read?.values ?? []
    if (read === undefined || first === undefined) return
    // From here on the value is in the form.
    show(undefined)
    open({ what: 'edit', on: read.known, draft: draftOf(first.value) })
  }
  return (
    <Stack>
      {wrong === undefined ? null : <TroubleBox trouble={wrong} />}
      {outcome === undefined ? null : <Outcome key={outcome.changed.known.digest} changed={outcome.changed} words={outcome.words} vault={vault} />}
      {known === undefined || known.record.removed ? null : <Versions record={known.record} isBusy={isBusy} start={start} />}
      {revealed === undefined ? null : <Shown revealed={revealed} hide={() => show(undefined)} />}
      {opened === undefined ? (
        <Beginnings known={known} isBusy={isBusy} open={open} edit={(version) => void edit(version)} />
      ) : (
        <OpenPanel opened={opened} path={path} known={known} vault={vault} isBusy={isBusy} carryOut={(wish) => void carryOut(wish)} written={(changed) => finish(changed, done['secret.write'])} look={(version) => void look([version])} close={() => setOpened(undefined)} />
      )}
    </Stack>
  )
}

interface Beginning {
  readonly known: OpenedRecord | undefined
  readonly isBusy: boolean
  open(next: Opened): void
  edit(version: number): void
}

/** What can be begun while nothing is open. */
function Beginnings({ known, isBusy, open, edit }: Beginning): ReactNode {
  const shared = { variant: 'default', disabled: isBusy } as const
  if (known === undefined || known.record.removed) return <div><Button {...shared} onClick={() => open({ what: 'edit', on: known, draft: emptyDraft('string') })}>Write its first version</Button></div>
  const { record } = known
  return (
    <Group gap="xs">
      {possibleFor(record, [record.current], now()).reveal ? <Button {...shared} onClick={() => edit(record.current)}>Edit with a touch</Button> : null}
      <Button {...shared} onClick={() => open({ what: 'edit', on: known, draft: emptyDraft(record.versions.at(-1)?.type ?? 'string') })}>Write a version from nothing</Button>
      <Button {...shared} onClick={() => open({ what: 'meta' })}>Tags, notes and limits</Button>
      <Button {...shared} onClick={() => open({ what: 'remove' })}>Remove all of it</Button>
    </Group>
  )
}

interface Panelled extends Pick<Working, 'path' | 'known' | 'vault'> {
  readonly opened: Opened
  readonly isBusy: boolean
  carryOut(wish: Wish): void
  written(changed: Changed): void
  look(version: number): void
  close(): void
}

/** What was begun, until it is done or left. */
function OpenPanel({ opened, path, known, vault, isBusy, carryOut, written, look, close }: Panelled): ReactNode {
  switch (opened.what) {
    case 'edit':
      return <Panel title="A new version"><Editor vault={vault} base={{ path, known: opened.on }} draft={opened.draft} action="Save" done={written} close={close} look={look} /></Panel>
    case 'meta':
      return known === undefined ? null : <Panel title="Tags, notes and limits"><MetaForm record={known.record} isBusy={isBusy} save={carryOut} close={close} /></Panel>
    case 'destroy':
      return <Panel title="Destroy versions"><Confirm path={path} words={`Destroys version ${opened.versions.toSorted((a, b) => a - b).join(', ')}.`} action="Destroy" isBusy={isBusy} go={() => carryOut({ act: 'secret.destroy', versions: opened.versions })} close={close} /></Panel>
    case 'remove':
      return <Panel title="Remove the secret"><Confirm path={path} words="Removes every version, tags, notes and limits." action="Remove" isBusy={isBusy} go={() => carryOut({ act: 'secret.destroy', all: true })} close={close} /></Panel>
  }
}

function Shown({ revealed: { values }, hide }: { readonly revealed: Revealed; hide(): void }): ReactNode {
  const [first, second] = values
  if (first === undefined) return null
  return (
    <Panel title={second === undefined ? `Version ${first.version}` : `Versions ${values.map(({ version }) => version).toSorted((a, b) => a - b).join(' and ')}`}>
      {second === undefined ? <RevealedValue value={first.value} /> : <Difference sides={[first, second]} />}
      <div><Button variant="default" onClick={hide}>Hide</Button></div>
    </Panel>
  )
}
