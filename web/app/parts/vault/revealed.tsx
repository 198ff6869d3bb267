import { Button, Group, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { fromBase64url } from '@symbolon/protocol/bytes.ts'
import type { SecretValue, ValueOf } from '@symbolon/protocol/secret.ts'
import { partsOf } from '../../vault/compare.ts'
import { kindNames } from '../../vault/draft.ts'
import { revealedFor } from '../../vault/reveal.ts'
import { Facts, type Fact } from '../facts.tsx'
import { SecretText } from './secret-text.tsx'

/** A value, for as long as it is shown. */
export function RevealedValue({ value }: { readonly value: SecretValue }): ReactNode {
  const parts = partsOf(value)
  return (
    <Stack gap="sm">
      <Text size="sm">{kindNames[value.type]}. It is hidden again after {revealedFor} seconds, and when you leave this page. What you copy stays in your clipboard.</Text>
      {parts.length === 0 ? <Text>It holds nothing.</Text> : <Facts rows={parts.map(({ name, text }): Fact => [name, <SecretText key={name} label={name} text={text} />])} />}
      {value.type === 'file' ? <Group><Button variant="default" onClick={() => download(value)}>Save the file</Button></Group> : null}
    </Stack>
  )
}

/** To where the browser keeps downloads, as it is. */
function download({ name, content }: ValueOf<'file'>): void {
  // Never shown by the browser itself, whatever it is: a page of somebody else's must not run on this origin.
  const url = URL.createObjectURL(new Blob([new Uint8Array(fromBase64url(content) ?? [])], { type: 'application/octet-stream' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}
