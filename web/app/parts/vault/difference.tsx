import { Badge, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import type { SecretValue } from '@symbolon/protocol/secret.ts'
import { compare, type FieldChange, type Line } from '../../vault/compare.ts'
import { Shown } from '../shown.tsx'
import { inLines } from './secret-text.tsx'

interface Side {
  readonly version: number
  readonly value: SecretValue
}

const words = { same: 'same', gone: 'gone', new: 'new', changed: 'changed' } as const
const signs = { same: ' ', gone: '−', new: '+' } as const
const spoken = { same: '', gone: 'gone: ', new: 'new: ' } as const

/** How the newer version differs from the older. */
export function Difference({ sides }: { readonly sides: readonly [Side, Side] }): ReactNode {
  const [older, newer] = sides[0].version < sides[1].version ? sides : [sides[1], sides[0]]
  const changes = compare(older.value, newer.value)
  const differing = changes.filter(({ mark }) => mark !== 'same')
  return (
    <Stack gap="sm">
      <Text>From version {older.version} to version {newer.version}: {differing.length === 0 ? 'nothing differs' : `${differing.length} of ${changes.length} ${changes.length === 1 ? 'value differs' : 'values differ'}`}.</Text>
      <ul className="rows" aria-label="Differences">{changes.map((change) => <li key={change.field}><Field {...change} /></li>)}</ul>
    </Stack>
  )
}

function Field({ field, mark, lines }: FieldChange): ReactNode {
  return (
    <section className="panel">
      <Title order={3} size="h5"><Shown text={field} /> <Badge variant="outline" tt="none" color={mark === 'same' ? 'gray' : 'yellow'}>{words[mark]}</Badge></Title>
      {lines.length === 0 ? null : <div className="token mono" role="region" aria-label={`Lines of ${field}`} tabIndex={0}>{lines.map((line, at) => <LineOf key={`${at} ${line.mark}`} line={line} />)}</div>}
    </section>
  )
}

/** Told by its sign and its word, not by colour alone. */
const LineOf = ({ line: { mark, text } }: { readonly line: Line }): ReactNode => (
  <div className={`shown lines line-${mark}`}><span aria-hidden="true">{signs[mark]} </span><span className="spoken">{spoken[mark]}</span>{inLines(text, 2_000)}</div>
)
