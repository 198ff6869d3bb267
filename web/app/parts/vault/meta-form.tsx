import { Button, Checkbox, Group, Stack, Textarea, TextInput } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import type { VaultRecord } from '@symbolon/protocol/record.ts'
import type { Wish } from '../../vault/change.ts'
import type { Problems } from '../../vault/draft.ts'
import { metaDraftOf, metaWish, type MetaDraft } from '../../vault/meta.ts'

interface Form {
  readonly record: VaultRecord
  readonly isBusy: boolean
  save(wish: Wish): void
  close(): void
}

/** Tags, notes and limits. Whoever may list the secret sees them. */
export function MetaForm({ record, isBusy, save, close }: Form): ReactNode {
  const [draft, setDraft] = useState(() => metaDraftOf(record))
  const [problems, setProblems] = useState<Problems>({})
  const set = (change: Partial<MetaDraft>) => setDraft((before) => ({ ...before, ...change }))
  const submit = () => {
    const wish = metaWish(draft)
    setProblems(wish.ok ? {} : wish.error)
    if (wish.ok) save(wish.value)
  }
  return (
    <form onSubmit={(event) => { event.preventDefault(); submit() }} noValidate>
      <Stack maw="32rem">
        <Textarea label="Tags" description="One a line. Not secret" rows={3} value={draft.tags} onChange={(event) => set({ tags: event.currentTarget.value })} error={problems['tags']} spellCheck={false} />
        <Textarea label="Notes" description="One a line: name=text. Not secret" rows={3} value={draft.notes} onChange={(event) => set({ notes: event.currentTarget.value })} error={problems['notes']} spellCheck={false} />
        <TextInput label="Versions to keep" description="Older ones are forgotten; at most 50" inputMode="numeric" value={draft.maxVersions} onChange={(event) => set({ maxVersions: event.currentTarget.value })} error={problems['maxVersions']} />
        <TextInput label="Delete new versions after" description="Seconds; 0: never" inputMode="numeric" value={draft.deleteAfter} onChange={(event) => set({ deleteAfter: event.currentTarget.value })} error={problems['deleteAfter']} />
        <Checkbox label="Whoever writes must say which version it follows" checked={draft.casRequired} onChange={(event) => set({ casRequired: event.currentTarget.checked })} />
        <Group><Button type="submit" loading={isBusy}>Save</Button><Button variant="default" disabled={isBusy} onClick={close}>Cancel</Button></Group>
      </Stack>
    </form>
  )
}
