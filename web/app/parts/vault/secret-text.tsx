import { CopyButton, Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { shown } from '../../text.ts'

const most = 20_000

/** A text that others wrote, with its lines; what is cut is still copied. */
export function SecretText({ label, text }: { readonly label: string; readonly text: string }): ReactNode {
  return (
    <div className="secret">
      <output className="token shown mono lines" aria-label={label} tabIndex={0}>{inLines(text)}</output>
      <CopyButton value={text} timeout={2_000}>{({ copied, copy }) => <Button size="compact-sm" variant="default" aria-label={`Copy ${label}`} onClick={copy}>{copied ? 'Copied' : 'Copy'}</Button>}</CopyButton>
    </div>
  )
}

export const inLines = (text: string, max = most): string => text.length === 0 ? '(empty)' : shown(text, max).replaceAll('⟨U+000D⟩⟨U+000A⟩', '\n').replaceAll('⟨U+000A⟩', '\n').replaceAll('⟨U+0009⟩', '\t')
