import { Button, NativeSelect, Stack, TextInput } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import { parsePath, secretType, secretTypes, type SecretPath, type SecretType } from '@symbolon/protocol/label.ts'
import type { OpenedRecord } from '@symbolon/protocol/record.ts'
import { newest } from '../../vault/browse.ts'
import { emptyDraft, kindNames } from '../../vault/draft.ts'
import { pathProblem, secretLink } from '../../vault/place.ts'
import { combineOf, type Vault } from '../../vault/vault.ts'
import { trouble, type Trouble } from '../../trouble.ts'
import { Panel } from '../panel.tsx'
import { TroubleBox } from '../trouble-box.tsx'
import { Editor } from './editor.tsx'
import { Mode } from './mode.tsx'

/** @param within folder that the path begins with; empty: none */
export function CreateSecret({ vault, within }: { readonly vault: Vault; readonly within: string }): ReactNode {
  const [isOpen, setOpen] = useState(false)
  if (!isOpen) return <div><Button variant="default" onClick={() => setOpen(true)}>Create a secret</Button></div>
  return <Panel title="A new secret"><Creation vault={vault} within={within} close={() => setOpen(false)} /></Panel>
}

interface Place {
  readonly path: SecretPath
  readonly type: SecretType
  /** What is left of one that was removed. */
  readonly known: OpenedRecord | undefined
}

function Creation({ vault, within, close }: { readonly vault: Vault; readonly within: string; close(): void }): ReactNode {
  const [text, setText] = useState(within === '' ? '' : `${within}/`)
  const [type, setType] = useState<SecretType>('string')
  const [place, setPlace] = useState<Place>()
  const [problem, setProblem] = useState<string>()
  const [wrong, setWrong] = useState<Trouble>()
  const [isBusy, setBusy] = useState(false)
  const look = async () => {
    const path = parsePath(text)
    setProblem(pathProblem(text, vault.namespaces))
    if (path === undefined || pathProblem(text, vault.namespaces) !== undefined) return
    setBusy(true)
    const found = await newest(path, vault)
    setBusy(false)
    if (!found.ok) return setWrong(found.error)
    const isThere = found.value !== undefined && !found.value.record.removed
    setWrong(isThere ? there : undefined)
    if (!isThere) setPlace({ path, type, known: found.value })
  }
  if (place !== undefined) return <Editor vault={vault} base={place} draft={emptyDraft(place.type)} action="Create" done={() => location.assign(secretLink(place.path))} close={close} />
  const combine = combineOf(text, vault)
  return (
    <form onSubmit={(event) => { event.preventDefault(); void look() }} noValidate>
      <Stack maw="32rem">
        <TextInput label="Path" description="namespace/project/scope/environment/name; fewer parts are fine" placeholder="app/payments/prod/db" value={text} onChange={(event) => setText(event.currentTarget.value.trim())} error={problem} autoComplete="off" autoCapitalize="none" spellCheck={false} required />
        {combine === undefined ? null : <Mode combine={combine} />}
        <NativeSelect label="Kind" data={secretTypes.map((value) => ({ value, label: kindNames[value] }))} value={type} onChange={(event) => setType(secretType.parse(event.currentTarget.value))} />
        {wrong === undefined ? null : <TroubleBox trouble={wrong} />}
        <div className="who"><Button type="submit" loading={isBusy}>Go on</Button><Button variant="default" disabled={isBusy} onClick={close}>Cancel</Button></div>
      </Stack>
    </form>
  )
}

const there = trouble('secret_exists', 'There is a secret of this path already', 'Open it and write a new version, or choose another path.')
