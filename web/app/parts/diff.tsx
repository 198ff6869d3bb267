import { Badge, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import type { DiffLine } from '@symbolon/roster/diff.ts'
import { Shown } from './shown.tsx'

const weights = { danger: { label: 'gives more' }, notice: { label: 'takes away' }, plain: { label: 'changes' } } as const

/** What a change of the roster changes: every line, counted, none cut. */
export function Diff({ lines }: { readonly lines: readonly DiffLine[] }): ReactNode {
  return (
    <Stack gap="xs">
      <Text fw={600}>{lines.length} change{lines.length === 1 ? '' : 's'}</Text>
      <ul className="diff">
        {lines.map(({ path, sentence, weight }) => (
          <li key={`${path} ${sentence}`}>
            <Badge variant="default" tt="none" className={`weight-${weight}`}>{weights[weight].label}</Badge> <Shown text={sentence} />
          </li>
        ))}
      </ul>
    </Stack>
  )
}
