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

type Opened = { readonly what: 'edit'; readonly on: OpenedRecord | undefined; readonly draft: Draft } | { readonly what: 'meta' } | { readonly what: 'destroy'; readonly versions: readonly number[] } | { readonly what: 'remove' }
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
  const start = (action: VersionAction, versions: readonly number[]) => {
    if (action === 'reveal' || action === 'compare') return void look(versions)
    if (action === 'destroy') return setOpened({ what: 'destroy', versions })
    return void carryOut({ act: `secret.${action}`, versions })
  }
  const open = (next: Opened) => {
    setOutcome(undefined)
    setWrong(undefined)
    setOpened(next)
  }
  const edit = async () => {
    const read = known === undefined ? undefined : await look([known.record.current])
    const [first] = read?.values ?? []
    if (read === undefined || first === undefined) return
    // From here on the value is in the form.
    show(undefined)
    open({ what: 'edit', on: read.known, draft: draftOf(first.value) })
  }
  const close = () => setOpened(undefined)
  const isThere = known !== undefined && !known.record.removed
  return (
    <Stack>
      {wrong === undefined ? null : <TroubleBox trouble={wrong} />}
      {outcome === undefined ? null : <Outcome key={outcome.changed.known.digest} changed={outcome.changed} words={outcome.words} vault={vault} />}
      {isThere ? <Versions record={known.record} isBusy={isBusy} start={start} /> : null}
      {revealed === undefined ? null : <Shown revealed={revealed} hide={() => show(undefined)} />}
      {opened === undefined ? (
        <Group gap="xs">
          {isThere && possibleFor(known.record, [known.record.current], now()).reveal ? <Button variant="default" disabled={isBusy} onClick={() => void edit()}>Edit with a touch</Button> : null}
          <Button variant="default" disabled={isBusy} onClick={() => open({ what: 'edit', on: known, draft: emptyDraft(typeOf(known)) })}>{isThere ? 'Write a version from nothing' : 'Write its first version'}</Button>
          {isThere ? <Button variant="default" disabled={isBusy} onClick={() => open({ what: 'meta' })}>Tags, notes and limits</Button> : null}
          {isThere ? <Button variant="default" disabled={isBusy} onClick={() => open({ what: 'remove' })}>Remove all of it</Button> : null}
        </Group>
      ) : null}
      {opened?.what === 'edit' ? <Panel title="A new version"><Editor vault={vault} base={{ path, known: opened.on }} draft={opened.draft} action="Save" done={(changed) => finish(changed, done['secret.write'])} close={close} look={(version) => void look([version])} /></Panel> : null}
      {opened?.what === 'meta' && known !== undefined ? <Panel title="Tags, notes and limits"><MetaForm record={known.record} isBusy={isBusy} save={(wish) => void carryOut(wish)} close={close} /></Panel> : null}
      {opened?.what === 'destroy' ? <Panel title="Destroy versions"><Confirm path={path} words={`Destroys version ${opened.versions.toSorted((a, b) => a - b).join(', ')}.`} action="Destroy" isBusy={isBusy} go={() => void carryOut({ act: 'secret.destroy', versions: opened.versions })} close={close} /></Panel> : null}
      {opened?.what === 'remove' ? <Panel title="Remove the secret"><Confirm path={path} words="Removes every version, tags, notes and limits." action="Remove" isBusy={isBusy} go={() => void carryOut({ act: 'secret.destroy', all: true })} close={close} /></Panel> : null}
    </Stack>
  )
}

const typeOf = (known: OpenedRecord | undefined) => known?.record.versions.at(-1)?.type ?? 'string'

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
