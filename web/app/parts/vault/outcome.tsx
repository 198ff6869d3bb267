import { Alert, Button, Stack, Text } from '@mantine/core'
import { useEffect, useRef, useState, type ReactNode } from 'react'
import type { Receipts } from '@symbolon/envelope/receipts.ts'
import type { Trouble } from '../../trouble.ts'
import { askReceipts, type Changed } from '../../vault/change.ts'
import type { Vault } from '../../vault/vault.ts'
import { SignerParts } from '../signer-parts.tsx'
import { TroubleBox } from '../trouble-box.tsx'

/** What became of a change: signed, and whether enough signers have written it down. */
export function Outcome({ changed, words, vault }: { readonly changed: Changed; readonly words: string; readonly vault: Vault }): ReactNode {
  const [receipts, setReceipts] = useState<Receipts>(changed.receipts)
  const [wrong, setWrong] = useState<Trouble>()
  const [isBusy, setBusy] = useState(false)
  const ask = async () => {
    setBusy(true)
    const answer = await askReceipts(changed.known, vault)
    setBusy(false)
    setWrong(answer.ok ? undefined : answer.error)
    if (answer.ok) setReceipts(answer.value)
  }
  const { finished, signers, wanted } = receipts
  // What it came from is gone: whoever moves by keyboard goes on here.
  const start = useRef<HTMLDivElement>(null)
  useEffect(() => start.current?.focus(), [])
  return (
    <Alert ref={start} tabIndex={-1} role="status" color={finished ? 'green' : 'yellow'} variant="outline" title={finished ? words : `${words}; it is still pending`}>
      <Stack gap="sm">
        <Text size="sm">
          {signers.length} of the signers have written it down; {wanted} must, so that no quorum ever builds on an older one.
          {finished ? '' : ' Until then a reader might still be shown what was before. Ask again in a moment; if signers are down, start them.'}
        </Text>
        <SignerParts parts={changed.signers} />
        {finished ? null : <div><Button variant="default" loading={isBusy} onClick={() => void ask()}>Ask the signers again</Button></div>}
        {wrong === undefined ? null : <TroubleBox trouble={wrong} />}
      </Stack>
    </Alert>
  )
}
