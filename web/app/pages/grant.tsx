import { Stack, Text, Title } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import { useConsole } from '../context.tsx'
import { readAsked, sign } from '../grants.ts'
import { GrantDecision } from '../parts/grant-request.tsx'
import { TroubleBox } from '../parts/trouble-box.tsx'

/** A terminal on this machine asks for a grant; what comes of it goes back to the terminal, by the browser alone. */
export default function GrantPage(): ReactNode {
  const { deployment } = useConsole()
  const [asked] = useState(() => readAsked(location.hash.slice(1)))
  if (!asked.ok) return <TroubleBox trouble={asked.error} />
  const { request, callback } = asked.value
  return (
    <Stack>
      <Title order={1}>Sign in a terminal</Title>
      <Text>A program on this machine wants to ask for tokens in your name. Your passkey signs a grant to the key that it made.</Text>
      <GrantDecision
        request={request}
        yes={async (sub) => {
          const granted = await sign(request, sub, deployment)
          if (!granted.ok) return granted.error
          location.assign(`${callback}?${new URLSearchParams({ grant: granted.value })}`)
          return undefined
        }}
        no={async () => {
          location.assign(`${callback}?${new URLSearchParams({ error: 'access_denied' })}`)
          return undefined
        }}
      />
    </Stack>
  )
}
