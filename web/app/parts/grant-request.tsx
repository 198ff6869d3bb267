import { Alert, Button, Group, Stack, Text, TextInput, Title } from '@mantine/core'
import { useState, type FormEvent, type ReactNode } from 'react'
import { rosterId } from '@symbolon/protocol/fields.ts'
import { grantWords, type GrantRequest } from '@symbolon/protocol/grant.ts'
import { useConsole } from '../context.tsx'
import { duration, time } from '../text.ts'
import { now } from '../intents.ts'
import type { Trouble } from '../trouble.ts'
import { Facts } from './facts.tsx'
import { TroubleBox } from './trouble-box.tsx'

const lastName = 'symbolon-id'

interface Deciding {
  readonly request: GrantRequest
  /** @returns why it did not come about */
  yes(sub: string): Promise<Trouble | undefined>
  no(): Promise<Trouble | undefined>
}

/** Exactly what one touch would sign, and the words that the other machine shows. */
export function GrantDecision({ request, yes, no }: Deciding): ReactNode {
  const { session } = useConsole()
  const [id, setId] = useState(() => session?.sub ?? localStorage.getItem(lastName) ?? '')
  const [problem, setProblem] = useState<string>()
  const [trouble, setTrouble] = useState<Trouble>()
  const [isBusy, setBusy] = useState(false)
  const decide = async (how: () => Promise<Trouble | undefined>) => {
    setBusy(true)
    setTrouble(await how())
    setBusy(false)
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const checked = rosterId.safeParse(id)
    setProblem(checked.success ? undefined : 'Your id in the roster, such as ann')
    if (!checked.success) return
    localStorage.setItem(lastName, checked.data)
    void decide(() => yes(checked.data))
  }
  const { client, key, ceiling, end } = request
  return (
    <Stack>
      <Alert variant="outline" title="The terminal shows the same words, or something stands between">
        <ol className="words">{grantWords(request).map((word, at) => <li key={`${at} ${word}`}>{word}</li>)}</ol>
      </Alert>
      <Title order={2} size="h3">What it may do in your name</Title>
      <Facts
        rows={[
          ['Who asks', client],
          ['Scopes', ceiling.scope === undefined ? 'all that you may have without a touch' : ceiling.scope.join(' ') || 'none'],
          ['Audiences', ceiling.aud === undefined ? 'all that you may ask for' : ceiling.aud.join(' ') || 'none'],
          ['Longest token', ceiling.max_ttl === undefined ? 'as the policy says' : duration(ceiling.max_ttl)],
          ['Until', `${time(end)} (${duration(end - now())})`],
          ['Key', key],
        ]}
      />
      {trouble === undefined ? null : <TroubleBox trouble={trouble} />}
      <form onSubmit={submit} noValidate>
        <Stack maw="28rem">
          <TextInput label="Your id" description="As the roster has it" value={id} onChange={(event) => setId(event.currentTarget.value.trim())} error={problem} autoComplete="username webauthn" autoCapitalize="none" spellCheck={false} required />
          <Text size="sm">Only go on if you started this yourself, a moment ago.</Text>
          <Group>
            <Button type="submit" loading={isBusy}>Touch to grant</Button>
            <Button type="button" variant="default" disabled={isBusy} onClick={() => void decide(no)}>Refuse</Button>
          </Group>
        </Stack>
      </form>
    </Stack>
  )
}
