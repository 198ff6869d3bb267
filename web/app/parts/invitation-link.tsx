import { Alert, Button, CopyButton, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'

/** Shown once: its seed is in this page's memory and nowhere else. */
export function InvitationLink({ link, isPending }: { readonly link: string; readonly isPending: boolean }): ReactNode {
  return (
    <Alert variant="outline" title="The invitation, shown this once">
      <Stack gap="sm">
        <Text size="sm">Whoever opens it may make one passkey for that id. Hand it over where you know who reads it. {isPending ? 'It is good once the change is in force.' : 'It is good now.'}</Text>
        <output className="token mono" aria-label="The invitation link">{link}</output>
        <CopyButton value={link} timeout={2_000}>{({ copied, copy }) => <div><Button onClick={copy}>{copied ? 'Copied' : 'Copy the link'}</Button></div>}</CopyButton>
      </Stack>
    </Alert>
  )
}
