import { Alert, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { errors } from '@symbolon/protocol/errors.ts'
import type { ChangeResponse } from '@symbolon/protocol/http.ts'
import type { Reason } from '@symbolon/protocol/reason.ts'
import { Facts, type Fact } from './facts.tsx'
import { SignerParts } from './signer-parts.tsx'

type Told = Pick<ChangeResponse, 'version' | 'state' | 'needed' | 'approvers' | 'denied' | 'reasons' | 'waits_for' | 'signers'>

const colours = { accepted: 'green', pending: 'yellow', refused: 'red' } as const

/** What became of a change, or of a word about it: pending is never shown as if it were in force. */
export function Standing({ told }: { readonly told: Told }): ReactNode {
  const { version, state, needed, approvers, reasons = [], waits_for, signers = [] } = told
  const titles = { accepted: `Version ${version} is accepted by the signers`, pending: `Version ${version} is pending: nothing has changed yet`, refused: `Version ${version} was refused` } as const
  return (
    <Alert role="status" color={colours[state]} variant="outline" title={titles[state]}>
      <Stack gap="sm">
        {state !== 'pending' ? null : waits_for === undefined ? <Text size="sm">{approvers.length} of {needed} approvals so far. It comes into force when enough guardians have approved.</Text> : <Text size="sm">Nobody’s approval is missing, but: {errors[waits_for].title}. It will be tried again.</Text>}
        {reasons.map((reason, at) => <Facts key={`${at} ${reason.code}`} rows={factsOf(reason)} />)}
        <SignerParts parts={signers} />
      </Stack>
    </Alert>
  )
}

const factsOf = ({ message, rule, fact, remedy, code }: Reason): Fact[] => [
  ['Reason', message],
  ...(rule === undefined ? [] : [['Rule', rule] satisfies Fact]),
  ...(fact === undefined ? [] : [['It found', fact] satisfies Fact]),
  ...(remedy === undefined ? [] : [['What would change it', remedy] satisfies Fact]),
  ['Code', code],
]
