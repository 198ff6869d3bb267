import { Button, NativeSelect, Stack, Text, TextInput, Title } from '@mantine/core'
import { useState, type FormEvent, type ReactNode } from 'react'
import { rosterId } from '@symbolon/protocol/fields.ts'
import { useConsole, type Console } from '../context.tsx'
import { TroubleBox } from '../parts/trouble-box.tsx'
import type { Result } from '../result.ts'
import { go } from '../router.ts'
import { readView } from '../people.ts'
import { forgetSession, signIn, type Session } from '../session.ts'
import type { Trouble } from '../trouble.ts'

const hours = ['1', '4', '8', '12'] as const
const lastName = 'symbolon-id'

/** One touch lets this browser ask in a person's name for some hours. */
export default function SignIn({ signedIn = () => go('/mint'), title = 'Sign in' }: { signedIn?(): void; readonly title?: string }): ReactNode {
  const found = useConsole()
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
    const signed = await checkedSignIn(checked.data, Number(lasting) * 3600, found)
    setBusy(false)
    if (!signed.ok) return setTrouble(signed.error)
    localStorage.setItem(lastName, checked.data)
    found.setNotice(undefined)
    found.setSession(signed.value)
    signedIn()
  }
  return (
    <Stack maw="28rem">
      <Title order={1}>{title}</Title>
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

/** A grant is judged when it is used, so it is used once: one that may read nothing is not kept. */
async function checkedSignIn(sub: string, seconds: number, found: Console): Promise<Result<Session, Trouble>> {
  const signed = await signIn(sub, seconds, found.deployment)
  if (!signed.ok) return signed
  const read = await readView(signed.value, found)
  if (read.ok) return signed
  await forgetSession()
  return read
}
