import { Badge, Button, Group, Stack, Text, Title } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import { errors } from '@symbolon/protocol/errors.ts'
import type { ChangeResponse } from '@symbolon/protocol/http.ts'
import { decide, mayDecide, type SeenChange } from '../changes.ts'
import { useConsole } from '../context.tsx'
import { now } from '../intents.ts'
import type { RosterView } from '../people.ts'
import type { Result } from '../result.ts'
import { duration, time } from '../text.ts'
import type { Trouble } from '../trouble.ts'
import { Diff } from './diff.tsx'
import { Facts, type Fact } from './facts.tsx'
import { SignerParts } from './signer-parts.tsx'
import { Standing } from './standing.tsx'
import { TroubleBox } from './trouble-box.tsx'

interface Pending {
  readonly change: SeenChange
  readonly view: RosterView
  /** Who looks. */
  readonly sub: string
  decided(): void
}

/** One change that is not in force: what it would change, computed here, and what one touch on it would sign. */
export function PendingChange({ change, view, sub, decided }: Pending): ReactNode {
  const { api } = useConsole()
  const [answer, setAnswer] = useState<Result<ChangeResponse, Trouble>>()
  const [busy, setBusy] = useState<'approve' | 'deny'>()
  const say = async (decision: 'approve' | 'deny') => {
    setBusy(decision)
    const answered = await decide(change, decision, { view, api, sub })
    setBusy(undefined)
    setAnswer(answered)
  }
  const { intent, digest, diff, overtaken } = change
  const title = `Version ${intent.version}, proposed by ${intent.sub}`
  return (
    <li className="panel">
      <Stack gap="sm">
        <Group gap="sm">
          <Title order={3} size="h4">{title}</Title>
          <State change={change} />
        </Group>
        {overtaken ? <Text>Another version came into force since: this one can never be accepted. Propose it again.</Text> : <Diff lines={diff} />}
        <Facts rows={[...factsOf(change), ['Digest of what was signed', digest]]} />
        <Told change={change} />
        {answer === undefined ? null : answer.ok ? <><Standing told={answer.value} /><div><Button variant="default" onClick={decided}>Read again</Button></div></> : <TroubleBox trouble={answer.error} />}
        {answer?.ok === true || !mayDecide(change, view, sub) ? null : (
          <>
            <Text size="sm">Your touch signs your yes or no to exactly this digest, and nothing else.</Text>
            <Group>
              <Button loading={busy === 'approve'} disabled={busy === 'deny'} onClick={() => void say('approve')} aria-label={`Touch to approve version ${intent.version} by ${intent.sub}`}>Touch to approve</Button>
              <Button variant="default" loading={busy === 'deny'} disabled={busy === 'approve'} onClick={() => void say('deny')} aria-label={`Touch to deny version ${intent.version} by ${intent.sub}`}>Touch to deny</Button>
            </Group>
          </>
        )}
      </Stack>
    </li>
  )
}

function State({ change: { overtaken, told, intent } }: { readonly change: SeenChange }): ReactNode {
  if (told.state === 'refused') return <Badge variant="outline" tt="none" color="red">refused</Badge>
  if (overtaken) return <Badge variant="outline" tt="none" color="gray">overtaken</Badge>
  if (intent.exp <= now()) return <Badge variant="outline" tt="none" color="gray">expired</Badge>
  return <Badge variant="outline" tt="none" color="yellow">pending, not in force</Badge>
}

const factsOf = ({ intent, approvals, denied }: SeenChange): Fact[] => [
  ['Proposed by', `${intent.sub}, ${time(intent.iat)}`],
  ['Waits until', `${time(intent.exp)}${intent.exp > now() ? ` (${duration(intent.exp - now())})` : ''}`],
  ['Approvals', approvals.alone ? 'none needed: its proposer is the only guardian' : `${approvals.approved.length} of ${approvals.needed}${approvals.approved.length === 0 ? '' : `: ${approvals.approved.join(', ')}`}`],
  ...(approvals.open.length === 0 ? [] : [['May still approve', approvals.open.join(', ')] satisfies Fact]),
  ...(denied.length === 0 ? [] : [['Said no', denied.join(', ')] satisfies Fact]),
]

function Told({ change: { told } }: { readonly change: SeenChange }): ReactNode {
  const { reasons = [], waits_for, signers = [] } = told
  return (
    <>
      {waits_for === undefined ? null : <Text size="sm">It waits, because: {errors[waits_for].title}.</Text>}
      {reasons.map((reason, at) => <Facts key={`${at} ${reason.code}`} rows={[['Reason', reason.message], ...(reason.remedy === undefined ? [] : [['What would change it', reason.remedy] satisfies Fact]), ['Code', reason.code]]} />)}
      <SignerParts parts={signers} />
    </>
  )
}
