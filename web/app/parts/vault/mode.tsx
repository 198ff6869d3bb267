import { Alert, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Combine } from '@symbolon/protocol/label.ts'

/** What the namespace's mode means for whoever writes into it. */
export function Mode({ combine }: { readonly combine: Combine | undefined }): ReactNode {
  if (combine === 'caller') return <Text size="sm">Opened by readers alone: api, vault and coordinator never see what is in it.</Text>
  if (combine === undefined) return <Alert color="yellow" variant="outline" title="The roster has no such namespace any more">What was written stays as it is; nothing new can be written.</Alert>
  return (
    <Alert color="yellow" variant="outline" title="The vault process can open what is written here">
      This namespace is for programs that speak KV v2 and cannot open secrets themselves. The vault process puts the signers’ parts together for them, so whoever owns that
      process and a program’s token reads along. Each signer still judges every reading. Use a namespace opened by readers alone wherever you can.
    </Alert>
  )
}
