import { Button, Group, Stack, Text } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import type { ChangeResponse } from '@symbolon/protocol/http.ts'
import { propose, type Prepared } from '../changes.ts'
import { useConsole } from '../context.tsx'
import type { RosterView } from '../people.ts'
import type { Result } from '../result.ts'
import { duration, time } from '../text.ts'
import { now } from '../intents.ts'
import type { Trouble } from '../trouble.ts'
import { Diff } from './diff.tsx'
import { Facts } from './facts.tsx'
import { Standing } from './standing.tsx'
import { TroubleBox } from './trouble-box.tsx'

interface Proposing {
  readonly prepared: Prepared
  /** What it was prepared from. */
  readonly view: RosterView
  /** Shown once it is accepted or pending. */
  readonly afterwards?: ReactNode
  /** The api has taken it. */
  submitted(answer: ChangeResponse): void
  close(): void
}

/** A change that is about to be signed: all that it changes, what exactly one touch signs, and what became of it. */
export function Proposal({ prepared, view, afterwards, submitted, close }: Proposing): ReactNode {
  const { api } = useConsole()
  const [answer, setAnswer] = useState<Result<ChangeResponse, Trouble>>()
  const [isBusy, setBusy] = useState(false)
  const submit = async () => {
    setBusy(true)
    const answered = await propose(prepared, view, api)
    setBusy(false)
    setAnswer(answered)
    if (answered.ok) submitted(answered.value)
  }
  if (answer?.ok === true)
    return (
      <Stack>
        <Standing told={answer.value} />
        {answer.value.state === 'refused' ? null : afterwards}
        <div><Button variant="default" onClick={close}>Done</Button></div>
      </Stack>
    )
  return (
    <Stack>
      <Diff lines={prepared.diff} />
      <Text fw={600}>Your touch signs</Text>
      <Signed prepared={prepared} />
      {answer === undefined ? null : <TroubleBox trouble={answer.error} />}
      <Group>
        <Button loading={isBusy} onClick={() => void submit()}>Touch to propose</Button>
        <Button variant="default" disabled={isBusy} onClick={close}>Cancel</Button>
      </Group>
    </Stack>
  )
}

function Signed({ prepared: { asked, approvals, more } }: { readonly prepared: Prepared }): ReactNode {
  const { intent, digestText } = asked
  return (
    <Facts
      rows={[
        ['In the name of', intent.sub],
        ['Version', `${intent.version}, after ${intent.version - 1}`],
        ['Comes into force', approvals.alone ? 'at once: you are the only guardian' : `when ${approvals.needed} of ${approvals.open.join(', ')} approve`],
        ['Waits until', `${time(intent.exp)} (${duration(intent.exp - now())})`],
        ...(more.bundle === undefined ? [] : [['Policy', 'comes along; each signer opens it and compares its digest'] as const]),
        ['Digest of the next version', intent.to],
        ['Digest of what is signed', digestText],
      ]}
    />
  )
}
