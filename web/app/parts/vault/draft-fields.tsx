import { Button, Checkbox, FileInput, Group, Stack, Text, Textarea, TextInput } from '@mantine/core'
import type { ReactNode } from 'react'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { fieldsFor, fileBytes, type Draft, type Problems, type StringRow, type TextType } from '../../vault/draft.ts'

interface Form<D extends Draft> {
  readonly draft: D
  readonly problems: Problems
  change(draft: Draft): void
}

/** What a value is typed into. Nothing of it is kept by the browser's own memory for forms. */
export function DraftFields({ draft, problems, change }: Form<Draft>): ReactNode {
  if (draft.type === 'string') return <StringRows draft={draft} problems={problems} change={change} />
  if (draft.type === 'file') return <FileFields draft={draft} problems={problems} change={change} />
  return <TextFields draft={draft} problems={problems} change={change} />
}

const plain = { autoComplete: 'off', autoCapitalize: 'none', spellCheck: false } as const

function StringRows({ draft: { type, rows }, problems, change }: Form<Extract<Draft, { type: 'string' }>>): ReactNode {
  const set = (id: number, changed: Partial<StringRow>) => change({ type, rows: rows.map((row) => (row.id === id ? { ...row, ...changed } : row)) })
  const add = () => change({ type, rows: [...rows, { id: Math.max(-1, ...rows.map(({ id }) => id)) + 1, name: '', text: '', json: false }] })
  return (
    <Stack gap="sm">
      {rows.map(({ id, name, text, json }, at) => (
        <fieldset key={id} className="panel">
          <legend>Value {at + 1}</legend>
          <Stack gap="xs">
            <TextInput label="Name" value={name} onChange={(event) => set(id, { name: event.currentTarget.value })} error={problems[`row ${id}`]} {...plain} required />
            <Textarea label="Value" value={text} onChange={(event) => set(id, { text: event.currentTarget.value })} rows={Math.min(12, text.split('\n').length)} {...plain} />
            <Group justify="space-between">
              <Checkbox label="The value is JSON" checked={json} onChange={(event) => set(id, { json: event.currentTarget.checked })} />
              <Button size="compact-sm" variant="default" aria-label={`Remove value ${at + 1}`} onClick={() => change({ type, rows: rows.filter((row) => row.id !== id) })}>Remove</Button>
            </Group>
          </Stack>
        </fieldset>
      ))}
      <div><Button variant="default" size="xs" onClick={add}>Add a value</Button></div>
    </Stack>
  )
}

function TextFields({ draft: { type, texts }, problems, change }: Form<Extract<Draft, { type: TextType }>>): ReactNode {
  const set = (name: string, text: string) => change({ type, texts: { ...texts, [name]: text } })
  return fieldsFor[type].map(({ name, label, description, required = false, rows }) => {
    const shared = { label, description, required, value: texts[name] ?? '', error: problems[name], ...plain }
    return rows === undefined ? <TextInput key={name} {...shared} onChange={(event) => set(name, event.currentTarget.value)} /> : <Textarea key={name} {...shared} rows={rows} onChange={(event) => set(name, event.currentTarget.value)} />
  })
}

function FileFields({ draft, problems, change }: Form<Extract<Draft, { type: 'file' }>>): ReactNode {
  const take = async (file: File | null) => {
    if (file === null) return
    // One that is too large is not read: its size says enough.
    const content = file.size > fileBytes ? '' : toBase64url(new Uint8Array(await file.arrayBuffer()))
    change({ ...draft, name: file.name.slice(0, 255), mediaType: file.type.slice(0, 127), content, bytes: file.size })
  }
  return (
    <Stack gap="sm">
      <FileInput label="File" description="At most 1 MiB" placeholder="Choose a file" onChange={(file) => void take(file)} error={problems['content']} required={draft.content === undefined} />
      {draft.content === undefined ? null : <Text size="sm">{draft.bytes} bytes</Text>}
      <TextInput label="Name" value={draft.name} onChange={(event) => change({ ...draft, name: event.currentTarget.value })} error={problems['name']} {...plain} />
      <TextInput label="Media type" value={draft.mediaType} onChange={(event) => change({ ...draft, mediaType: event.currentTarget.value })} error={problems['media_type']} {...plain} />
    </Stack>
  )
}
