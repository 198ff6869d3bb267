import { Alert, Button, List, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Reason } from '@symbolon/protocol/reason.ts'
import { refusal } from '@symbolon/protocol/sign.ts'
import type { Trouble } from '../trouble.ts'
import { Facts, type Fact } from './facts.tsx'
import { Shown } from './shown.tsx'
import { SignerParts } from './signer-parts.tsx'

/** Why something did not come about: which rule, which fact, what would change it, and what each signer said. */
export function TroubleBox({ trouble, retry }: { readonly trouble: Trouble; readonly retry?: () => void }): ReactNode {
  const { code, title, remedy, reasons, problem } = trouble
  return (
    <Alert role="alert" color="red" variant="outline" title={title}>
      <Stack gap="sm">
        {remedy === undefined ? null : <Text size="sm"><Shown text={remedy} /></Text>}
        {problem?.detail === undefined || reasons.some(({ message }) => message === problem.detail) ? null : <Text size="sm"><Shown text={problem.detail} /></Text>}
        {reasons.length === 0 ? null : <Reasons reasons={reasons} />}
        {problem === undefined ? null : <SignerParts parts={problem.signers ?? problem.words ?? []} />}
        {problem?.refusals === undefined ? null : <Refusals refusals={problem.refusals} />}
        <Facts rows={[['Code', code], ...(problem === undefined ? [] : [['Request', problem.request_id] satisfies Fact])]} mono />
        {retry === undefined ? null : <Button variant="default" onClick={retry}>Try again</Button>}
      </Stack>
    </Alert>
  )
}

function Reasons({ reasons }: { readonly reasons: readonly Reason[] }): ReactNode {
  return (
    <List spacing="sm">
      {reasons.map((reason, at) => (
        <List.Item key={`${at} ${reason.code}`}>
          <Text size="sm"><Shown text={reason.message} /></Text>
          <Facts rows={factsOf(reason)} />
        </List.Item>
      ))}
    </List>
  )
}

/** Each signer judged by itself and signed its word. */
function Refusals({ refusals }: { readonly refusals: readonly unknown[] }): ReactNode {
  const read = refusals.flatMap((each) => {
    const checked = refusal.safeParse(each)
    return checked.success ? [checked.data] : []
  })
  return (
    <details>
      <summary>What each signer said ({refusals.length})</summary>
      {read.map(({ signer, reasons }) => (
        <div key={signer}>
          <Text size="sm" fw={600} mt="sm">Signer {signer} refused</Text>
          <Reasons reasons={reasons} />
        </div>
      ))}
      {read.length === refusals.length ? null : <Text size="sm">{refusals.length - read.length} cannot be read.</Text>}
    </details>
  )
}

const factsOf = ({ rule, fact, remedy, code }: Reason): Fact[] => [
  ...(rule === undefined ? [] : [['Rule', rule] satisfies Fact]),
  ...(fact === undefined ? [] : [['It found', fact] satisfies Fact]),
  ...(remedy === undefined ? [] : [['What would change it', remedy] satisfies Fact]),
  ['Code', code],
]
