import { Button, NativeSelect, Stack, Text, TextInput, Title } from '@mantine/core'
import { useState, type FormEvent, type ReactNode } from 'react'
import { rosterId } from '@symbolon/protocol/fields.ts'
import { useConsole } from '../context.tsx'
import { TroubleBox } from '../parts/trouble-box.tsx'
import { go } from '../router.ts'
import { signIn } from '../session.ts'
import type { Trouble } from '../trouble.ts'

const hours = ['1', '4', '8', '12'] as const
const lastName = 'symbolon-id'

/** One touch lets this browser ask in a person's name for some hours. */
export default function SignIn(): ReactNode {
  const { deployment, setSession } = useConsole()
  const [id, setId] = useState(() => localStorage.getItem(lastName) ?? '')
  const [lasting, setLasting] = useState<string>('8')
  const [problem, setProblem] = useState<string>()
  const [trouble, setTrouble] = useState<Trouble>()
  const [isBusy, setBusy] = useState(false)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const checked = rosterId.safeParse(id)
    setProblem(checked.success ? undefined : 'Your id in the roster, such as ann')
    if (!checked.success) return
    setBusy(true)
    const signed = await signIn(checked.data, Number(lasting) * 3600, deployment)
    setBusy(false)
    if (!signed.ok) return setTrouble(signed.error)
    localStorage.setItem(lastName, checked.data)
    setSession(signed.value)
    go('/mint')
  }
  return (
    <Stack maw="28rem">
      <Title order={1}>Sign in</Title>
      <Text>Your passkey signs a grant to a key that this browser makes and cannot give away. It may ask for tokens in your name until the grant ends or you sign out; what you approve with a touch it never covers.</Text>
      {trouble === undefined ? null : <TroubleBox trouble={trouble} />}
      <form onSubmit={(event) => void submit(event)} noValidate>
        <Stack>
          <TextInput label="Your id" description="As the roster has it" value={id} onChange={(event) => setId(event.currentTarget.value.trim())} error={problem} autoComplete="username webauthn" autoCapitalize="none" spellCheck={false} required />
          <NativeSelect label="For how long" data={hours.map((value) => ({ value, label: `${value} hour${value === '1' ? '' : 's'}` }))} value={lasting} onChange={(event) => setLasting(event.currentTarget.value)} />
          <Button type="submit" loading={isBusy}>Touch your passkey</Button>
        </Stack>
      </form>
    </Stack>
  )
}
