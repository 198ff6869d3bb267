import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import { Shown } from '../shown.tsx'

interface Confirming {
  readonly path: string
  /** What is about to happen to it. */
  readonly words: string
  readonly action: string
  readonly isBusy: boolean
  go(): void
  close(): void
}

/** What nobody can undo is done after its path was typed. */
export function Confirm({ path, words, action, isBusy, go, close }: Confirming): ReactNode {
  const [typed, setTyped] = useState('')
  const [tried, setTried] = useState(false)
  return (
    <form onSubmit={(event) => { event.preventDefault(); setTried(true); if (typed === path) go() }} noValidate>
      <Stack maw="32rem">
        <Text>{words} Nobody can bring it back, no quorum and no backup of the signers.</Text>
        <Text>Its path is <Shown mono text={path} />.</Text>
        <TextInput label="Type the path to confirm" value={typed} onChange={(event) => setTyped(event.currentTarget.value)} error={tried && typed !== path ? 'This is not its path' : undefined} autoComplete="off" autoCapitalize="none" spellCheck={false} required />
        <Group>
          <Button type="submit" color="red" variant="outline" loading={isBusy}>{action}</Button>
          <Button variant="default" disabled={isBusy} onClick={close}>Cancel</Button>
        </Group>
      </Stack>
    </form>
  )
}
