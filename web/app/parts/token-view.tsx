import { Alert, Button, Code, CopyButton, Stack, Text, Title } from '@mantine/core'
import { useEffect, useRef, type ReactNode } from 'react'
import type { TokenResponse } from '@symbolon/protocol/http.ts'
import type { TokenIntent } from '@symbolon/protocol/intent.ts'
import type { Built } from '../intents.ts'
import { useConsole } from '../context.tsx'
import { judgeToken } from '../token.ts'
import { duration, shown, time } from '../text.ts'
import { Facts } from './facts.tsx'
import { SignerParts } from './signer-parts.tsx'
import { TroubleBox } from './trouble-box.tsx'

/** A token, after its signature and claims were compared here with the pinned keyset and with what was asked. */
export function TokenView({ asked, response }: { readonly asked: Built<TokenIntent>; readonly response: TokenResponse }): ReactNode {
  const { deployment } = useConsole()
  const judged = judgeToken(response.token, asked, deployment)
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [response])
  if (!judged.ok) return <TroubleBox trouble={judged.error} />
  const { claims } = judged.value
  return (
    <Stack>
      <Title order={2} size="h3" ref={heading} tabIndex={-1}>Your token</Title>
      <Alert color="green" variant="outline" title="Signed by the deployment’s key, and says what you asked for">
        <SignerParts parts={response.signers} />
      </Alert>
      <Facts rows={[['Of', claims.sub], ['Audience', claims.aud], ['Scopes', claims.scope], ['Lives', `${duration(claims.exp - claims.iat)}, until ${time(claims.exp)}`], ['Id', claims.jti]]} />
      <Text fw={600}>The token</Text>
      <output className="token mono" aria-label="The token" tabIndex={0}>{response.token}</output>
      <CopyButton value={response.token} timeout={2_000}>{({ copied, copy }) => <div><Button onClick={copy}>{copied ? 'Copied' : 'Copy the token'}</Button></div>}</CopyButton>
      <Title order={3} size="h4">What it says</Title>
      <Code block className="shown" tabIndex={0} aria-label="Claims">{shown(JSON.stringify(claims, null, 2), 8_000).replaceAll('⟨U+000A⟩', '\n')}</Code>
    </Stack>
  )
}
