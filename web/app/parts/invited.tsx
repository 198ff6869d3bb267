import { Alert, Button, Stack, Text, TextInput } from '@mantine/core'
import { useState, type FormEvent, type ReactNode } from 'react'
import { line } from '@symbolon/protocol/fields.ts'
import type { EntryResponse } from '@symbolon/protocol/http.ts'
import { useConsole } from '../context.tsx'
import { enter, type InvitationLink } from '../enrolment.ts'
import type { Result } from '../result.ts'
import { go } from '../router.ts'
import type { Trouble } from '../trouble.ts'
import { Shown } from './shown.tsx'
import { SignerParts } from './signer-parts.tsx'
import { TroubleBox } from './trouble-box.tsx'

const passkeyName = line(64)

/** An invitation adds one passkey to a row that guardians have approved. */
export function Invited({ link }: { readonly link: InvitationLink }): ReactNode {
  const found = useConsole()
  const [name, setName] = useState('First passkey')
  const [problem, setProblem] = useState<string>()
  const [answer, setAnswer] = useState<Result<EntryResponse, Trouble>>()
  const [isBusy, setBusy] = useState(false)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const isFine = passkeyName.safeParse(name).success
    setProblem(isFine ? undefined : 'Up to 64 printable ASCII characters')
    if (!isFine) return
    setBusy(true)
    setAnswer(await enter(link, name, found))
    setBusy(false)
  }
  if (answer?.ok === true) return <Entered answer={answer.value} />
  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <Stack maw="28rem">
        <Text>Welcome{link.name === undefined ? null : <>, <Shown text={link.name} /></>}. Your id is <Shown text={link.row} />.</Text>
        {answer === undefined ? null : <TroubleBox trouble={answer.error} />}
        <TextInput label="What to call this passkey" value={name} onChange={(event) => setName(event.currentTarget.value)} error={problem} required />
        <Button type="submit" loading={isBusy}>Make a passkey</Button>
      </Stack>
    </form>
  )
}

function Entered({ answer }: { readonly answer: EntryResponse }): ReactNode {
  return (
    <Stack>
      <Alert role="status" color="green" variant="outline" title="You are in"><SignerParts parts={answer.signers} /></Alert>
      <div><Button onClick={() => go('/sign-in')}>Sign in</Button></div>
    </Stack>
  )
}
