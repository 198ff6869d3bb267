import { Alert, Button, Stack, Text, TextInput, Title } from '@mantine/core'
import { useEffect, useState, type FormEvent, type ReactNode } from 'react'
import type { GrantRequest } from '@symbolon/protocol/grant.ts'
import { useConsole } from '../context.tsx'
import { approve, deny, lookUp, sign } from '../grants.ts'
import { GrantDecision } from '../parts/grant-request.tsx'
import { TroubleBox } from '../parts/trouble-box.tsx'
import type { Trouble } from '../trouble.ts'

interface Waiting {
  readonly code: string
  readonly request: GrantRequest
}

/** A machine without a browser shows a code (RFC 8628); here a person sees what it asks for. */
export default function Device(): ReactNode {
  const { api, deployment } = useConsole()
  const [code, setCode] = useState(() => new URLSearchParams(location.hash.slice(1)).get('code') ?? '')
  const [waiting, setWaiting] = useState<Waiting>()
  const [decided, setDecided] = useState<'granted' | 'refused'>()
  const [trouble, setTrouble] = useState<Trouble>()
  const [isBusy, setBusy] = useState(false)
  useEffect(() => document.querySelector<HTMLElement>('h1')?.focus(), [waiting, decided])
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    const found = await lookUp(code, api)
    setBusy(false)
    setTrouble(found.ok ? undefined : found.error)
    if (found.ok) setWaiting(found.value)
  }
  if (decided !== undefined) return <Alert role="status" variant="outline" color={decided === 'granted' ? 'green' : 'gray'} title={decided === 'granted' ? 'Granted' : 'Refused'}>{decided === 'granted' ? 'The other machine goes on by itself.' : 'The other machine is told.'}</Alert>
  if (waiting !== undefined)
    return (
      <Stack>
        <Title order={1} tabIndex={-1}>Another machine asks</Title>
        <Text>The code belongs to this request. Whoever made the code gets what you grant, so compare the words with the screen in front of you.</Text>
        <GrantDecision
          request={waiting.request}
          yes={async (sub) => {
            const granted = await sign(waiting.request, sub, deployment)
            if (!granted.ok) return granted.error
            const sent = await approve(waiting.code, granted.value, api)
            if (sent.ok) setDecided('granted')
            return sent.ok ? undefined : sent.error
          }}
          no={async () => {
            const sent = await deny(waiting.code, api)
            if (sent.ok) setDecided('refused')
            return sent.ok ? undefined : sent.error
          }}
        />
      </Stack>
    )
  return (
    <Stack maw="28rem">
      <Title order={1} tabIndex={-1}>Another machine</Title>
      <Text>Type the code that <code>symbolon login --device</code> shows. Nobody who works for you asks for such a code.</Text>
      {trouble === undefined ? null : <TroubleBox trouble={trouble} />}
      <form onSubmit={(event) => void submit(event)} noValidate>
        <Stack>
          <TextInput label="Code" placeholder="BCDF-GHJK" value={code} onChange={(event) => setCode(event.currentTarget.value)} autoComplete="off" autoCapitalize="characters" spellCheck={false} required />
          <Button type="submit" loading={isBusy}>Show what it asks for</Button>
        </Stack>
      </form>
    </Stack>
  )
}
