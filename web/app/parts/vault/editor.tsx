import { Button, Group, Stack, Text } from '@mantine/core'
import { useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react'
import type { VaultRecord } from '@symbolon/protocol/record.ts'
import type { Result } from '../../result.ts'
import { time } from '../../text.ts'
import { change, type Base, type Changed, type Unchanged } from '../../vault/change.ts'
import { valueOf, type Draft, type Problems } from '../../vault/draft.ts'
import { useLeaving } from '../../vault/use-leaving.ts'
import type { Vault } from '../../vault/vault.ts'
import { Shown } from '../shown.tsx'
import { TroubleBox } from '../trouble-box.tsx'
import { DraftFields } from './draft-fields.tsx'

interface Editing {
  readonly vault: Vault
  /** What the new version follows. */
  readonly base: Base
  readonly draft: Draft
  readonly action: string
  done(changed: Changed): void
  close(): void
  /** Shows a version that came meanwhile; absent: there is no place for it. */
  readonly look?: ((version: number) => void) | undefined
}

/** A new version. It is written on top of the version that was looked at, or not at all. */
export function Editor({ vault, base: first, draft: start, action, done, close, look }: Editing): ReactNode {
  const [base, setBase] = useState(first)
  const [draft, setDraft] = useState(start)
  const [problems, setProblems] = useState<Problems>({})
  const [outcome, setOutcome] = useState<Result<Changed, Unchanged>>()
  const [isBusy, setBusy] = useState(false)
  // What was typed is a secret already.
  useLeaving(close)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const value = valueOf(draft)
    setProblems(value.ok ? {} : value.error)
    if (!value.ok) return
    setBusy(true)
    const written = await change(base, { act: 'secret.write', value: value.value }, vault)
    setBusy(false)
    setOutcome(written)
    if (written.ok) done(written.value)
  }
  const follows = base.known?.record.current ?? 0
  const meanwhile = outcome?.ok === false ? outcome.error.meanwhile : undefined
  const takeUp = () => {
    setBase({ path: base.path, known: meanwhile })
    setOutcome(undefined)
  }
  return (
    <form onSubmit={(event) => void submit(event)} noValidate autoComplete="off">
      <Stack maw="40rem">
        <Text size="sm"><Shown mono text={base.path} /> version {follows + 1}{follows === 0 ? '' : `, written only if version ${follows} is still the newest`}</Text>
        <DraftFields draft={draft} problems={problems} change={setDraft} />
        {outcome?.ok === false ? <TroubleBox trouble={outcome.error.trouble} /> : null}
        {meanwhile === undefined ? null : <Meanwhile record={meanwhile.record} look={look} takeUp={takeUp} />}
        <Group>
          {meanwhile === undefined ? <Button type="submit" loading={isBusy}>{action}</Button> : null}
          <Button variant="default" disabled={isBusy} onClick={close}>Cancel</Button>
        </Group>
      </Stack>
    </form>
  )
}

/** What came first, and what to do about it. */
function Meanwhile({ record, look, takeUp }: { readonly record: VaultRecord; readonly look: Editing['look']; takeUp(): void }): ReactNode {
  const start = useRef<HTMLDivElement>(null)
  useEffect(() => start.current?.focus(), [])
  return (
    <Stack gap="xs" role="group" aria-label="What came meanwhile" ref={start} tabIndex={-1}>
      <Text>{record.removed ? 'It was removed' : `Version ${record.current} is the newest now`}, by <Shown text={record.by} />, {time(record.at)}.</Text>
      <Group>
        {look === undefined || record.removed ? null : <Button variant="default" onClick={() => look(record.current)}>Reveal version {record.current} with a touch</Button>}
        <Button variant="default" onClick={takeUp}>Let mine follow version {record.current}</Button>
      </Group>
    </Stack>
  )
}
