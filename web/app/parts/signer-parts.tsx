import { Badge, Group, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { errors, type ErrorCode } from '@symbolon/protocol/errors.ts'
import { Shown } from './shown.tsx'

interface Part {
  readonly signer: number
  readonly state: string
  readonly code?: ErrorCode | undefined
}

const good = new Set(['signed', 'opened', 'accepted', 'adopted', 'kept'])
const words: Readonly<Record<string, string>> = { not_now: 'not now', unused: 'not needed' }

/** How each signer took part. */
export function SignerParts({ parts }: { readonly parts: readonly Part[] }): ReactNode {
  if (parts.length === 0) return null
  return (
    <Group gap="xs" component="ul" className="nav" aria-label="Signers">
      {parts.map(({ signer, state, code }) => (
        <li key={signer}>
          <Badge variant="outline" tt="none" color={good.has(state) ? 'green' : state === 'unused' ? 'gray' : 'red'}>signer {signer}: {words[state] ?? state}</Badge>
          {code === undefined ? null : <Text span size="xs"> <Shown text={errors[code].title} /></Text>}
        </li>
      ))}
    </Group>
  )
}
