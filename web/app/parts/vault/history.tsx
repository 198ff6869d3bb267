import { Button, Stack, Text } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import type { SecretPath } from '@symbolon/protocol/label.ts'
import type { VaultRecord } from '@symbolon/protocol/record.ts'
import type { Trouble } from '../../trouble.ts'
import { time } from '../../text.ts'
import { history, type History as Records } from '../../vault/browse.ts'
import type { Vault } from '../../vault/vault.ts'
import { Shown } from '../shown.tsx'
import { TroubleBox } from '../trouble-box.tsx'

const words: Readonly<Record<VaultRecord['act'], string>> = { 'secret.write': 'wrote a version', 'secret.delete': 'deleted versions', 'secret.undelete': 'undeleted versions', 'secret.destroy': 'destroyed versions', 'secret.meta': 'changed tags, notes or limits' }

/** Who did what and when: the chain of signed records, newest first. */
export function SecretHistory({ path, vault }: { readonly path: SecretPath; readonly vault: Vault }): ReactNode {
  const [found, setFound] = useState<Records>()
  const [wrong, setWrong] = useState<Trouble>()
  const [isBusy, setBusy] = useState(false)
  const load = async () => {
    setBusy(true)
    const last = found?.records.at(-1)
    const next = await history(path, vault, last === undefined || found?.cursor === undefined ? undefined : { last, cursor: found.cursor })
    setBusy(false)
    setWrong(next.ok ? undefined : next.error)
    if (next.ok) setFound((before) => (last === undefined ? next.value : { ...next.value, records: [...(before?.records ?? []), ...next.value.records] }))
  }
  return (
    <Stack gap="sm">
      {found === undefined ? null : (
        <ol className="rows" aria-label="History">
          {found.records.map(({ record, digest }) => (
            <li key={digest}><Text size="sm">{time(record.at)}: <Shown text={record.by} /> {record.removed ? 'removed it' : words[record.act]}; newest version {record.current}, record {record.seq}</Text></li>
          ))}
        </ol>
      )}
      {wrong === undefined ? null : <TroubleBox trouble={wrong} />}
      {found !== undefined && found.cursor === undefined ? null : <div><Button variant="default" size="xs" loading={isBusy} onClick={() => void load()}>{found === undefined ? 'Show the history' : 'Show more'}</Button></div>}
    </Stack>
  )
}
