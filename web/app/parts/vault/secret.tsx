import { Loader, Stack, Text, Title } from '@mantine/core'
import { useCallback, useEffect, useState, type ReactNode } from 'react'
import { fieldsOf, type SecretPath } from '@symbolon/protocol/label.ts'
import type { OpenedRecord, VaultRecord } from '@symbolon/protocol/record.ts'
import type { Result } from '../../result.ts'
import { duration, time } from '../../text.ts'
import type { Trouble } from '../../trouble.ts'
import { newest } from '../../vault/browse.ts'
import { lastOf } from '../../vault/place.ts'
import { combineOf, type Vault } from '../../vault/vault.ts'
import { Facts, type Fact } from '../facts.tsx'
import { Shown } from '../shown.tsx'
import { TroubleBox } from '../trouble-box.tsx'
import { SecretHistory } from './history.tsx'
import { Mode } from './mode.tsx'
import { Trail } from './trail.tsx'
import { Work } from './work.tsx'

/** One secret: its record as the signers signed it, and what can be done with it. */
export function Secret({ path, vault }: { readonly path: SecretPath; readonly vault: Vault }): ReactNode {
  const [found, setFound] = useState<Result<OpenedRecord | undefined, Trouble>>()
  const load = useCallback(() => void newest(path, vault).then(setFound), [path, vault])
  useEffect(load, [load])
  const took = useCallback((known: OpenedRecord) => setFound({ ok: true, value: known }), [])
  return (
    <Stack>
      <Trail path={path} />
      <Title order={1}><Shown text={lastOf(path)} /></Title>
      <Mode combine={combineOf(path, vault)} />
      {found === undefined ? <Loader role="status" aria-label="Loading" /> : !found.ok ? <TroubleBox trouble={found.error} retry={load} /> : <Found path={path} known={found.value} vault={vault} took={took} />}
    </Stack>
  )
}

interface Looked {
  readonly path: SecretPath
  readonly known: OpenedRecord | undefined
  readonly vault: Vault
  took(known: OpenedRecord): void
}

function Found({ path, known, vault, took }: Looked): ReactNode {
  return (
    <>
      {known === undefined ? <Text role="status">There is no such secret, or it is not yours to see.</Text> : known.record.removed ? <Text role="status">It was removed by <Shown text={known.record.by} />, {time(known.record.at)}.</Text> : <About record={known.record} />}
      <Work path={path} known={known} vault={vault} took={took} />
      {known === undefined ? null : <section aria-label="What happened"><Title order={2} size="h3" mb="sm">What happened</Title><SecretHistory key={known.digest} path={path} vault={vault} /></section>}
    </>
  )
}

function About({ record }: { readonly record: VaultRecord }): ReactNode {
  const { project, scope, environment } = fieldsOf(record.path)
  const { max_versions, cas_required, delete_version_after } = record.settings
  const named: readonly Fact[] = [['Project', project], ['Scope', scope], ['Environment', environment]]
  return (
    <Facts
      rows={[
        ['Path', record.path],
        ...named.filter(([, text]) => text !== ''),
        ['Last changed', <span key="changed">{time(record.at)} by <Shown text={record.by} /></span>],
        ['Created', time(record.created)],
        ['Tags', record.tags.join(', ') || 'none'],
        ...Object.entries(record.custom).map(([name, text]): Fact => [`Note: ${name}`, text]),
        ['Keeps', `${max_versions} version${max_versions === 1 ? '' : 's'}${cas_required ? '; whoever writes must say which version it follows' : ''}${delete_version_after === 0 ? '' : `; each is deleted ${duration(delete_version_after)} after it was written`}`],
        ['Record', `${record.seq}`],
      ]}
    />
  )
}
