import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import { limits } from '@symbolon/protocol/limits.ts'
import type { StopResponse } from '@symbolon/protocol/http.ts'
import { useConsole } from '../context.tsx'
import { build } from '../intents.ts'
import { touchPasskey } from '../passkey.ts'
import { passkeysFor, type RosterView } from '../people.ts'
import type { Result } from '../result.ts'
import { passkeyEvidence } from '../session.ts'
import { time } from '../text.ts'
import type { Trouble } from '../trouble.ts'
import { Facts } from './facts.tsx'
import { Shown } from './shown.tsx'
import { SignerParts } from './signer-parts.tsx'
import { TroubleBox } from './trouble-box.tsx'

/** Stops a row for a day, at once and without anybody's approval: time enough to remove it. */
export function LockPanel({ row, sub, view, locked, close }: { readonly row: string; readonly sub: string; readonly view: RosterView; locked(): void; close(): void }): ReactNode {
  const { api } = useConsole()
  const [asked] = useState(() => build({ kind: 'lock', sub, row }, view.deployment))
  const [answer, setAnswer] = useState<Result<StopResponse, Trouble>>()
  const [isBusy, setBusy] = useState(false)
  const submit = async () => {
    setBusy(true)
    const touched = await touchPasskey(asked.digest, sub, view.deployment, passkeysFor(view, sub, row === sub ? 'sign_in' : 'approve'))
    const answered = touched.ok ? await api.stop({ intent: asked.bytes, evidence: [passkeyEvidence(touched.value)] }) : touched
    setBusy(false)
    setAnswer(answered)
    if (answered.ok) locked()
  }
  if (answer?.ok === true)
    return (
      <Stack>
        <Alert role="status" color="green" variant="outline" title={`${row} is locked`}><SignerParts parts={answer.value.signers} /></Alert>
        <div><Button variant="default" onClick={close}>Done</Button></div>
      </Stack>
    )
  return (
    <Stack>
      <Text>From now on no signer takes anything from <Shown text={row} />: no sign-in, no grant made earlier, no approval. Nobody can undo it before it ends.</Text>
      <Text fw={600}>Your touch signs</Text>
      <Facts rows={[['In the name of', sub], ['Locks', row], ['Until', time(asked.intent.iat + limits.lockTtl)], ['Digest of what is signed', asked.digestText]]} />
      {answer === undefined ? null : <TroubleBox trouble={answer.error} />}
      <Group>
        <Button loading={isBusy} onClick={() => void submit()}>Touch to lock</Button>
        <Button variant="default" disabled={isBusy} onClick={close}>Cancel</Button>
      </Group>
    </Stack>
  )
}
