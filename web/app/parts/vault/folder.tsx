import { Badge, Button, Group, Loader, Stack, Text, TextInput, Title } from '@mantine/core'
import { useEffect, useState, type ReactNode } from 'react'
import type { OpenedRecord } from '@symbolon/protocol/record.ts'
import type { Result } from '../../result.ts'
import { time } from '../../text.ts'
import type { Trouble } from '../../trouble.ts'
import { list, type Listed } from '../../vault/browse.ts'
import { kindNames } from '../../vault/draft.ts'
import { folderLink, lastOf, secretLink } from '../../vault/place.ts'
import { combineOf, type Vault } from '../../vault/vault.ts'
import { Shown } from '../shown.tsx'
import { TroubleBox } from '../trouble-box.tsx'
import { CreateSecret } from './create.tsx'
import { Mode } from './mode.tsx'
import { Trail } from './trail.tsx'

/** What lies in a folder, and what in it or below matches a search. */
export function Folder({ prefix, vault }: { readonly prefix: string; readonly vault: Vault }): ReactNode {
  const [search, setSearch] = useState('')
  const [wanted, setWanted] = useState('')
  const isSearch = /^[\x20-\x7e]{0,128}$/.test(search)
  return (
    <Stack>
      <Trail path={prefix} />
      <Title order={1}><Shown text={`${prefix}/`} /></Title>
      <Mode combine={combineOf(prefix, vault)} />
      <form role="search" onSubmit={(event) => { event.preventDefault(); if (isSearch) setWanted(search) }}>
        <Group align="end" gap="xs">
          <TextInput label="Search here and below" description="Part of a path, a tag or a note" value={search} onChange={(event) => setSearch(event.currentTarget.value)} error={isSearch ? undefined : 'At most 128 characters, ASCII'} autoComplete="off" spellCheck={false} />
          <Button type="submit" variant="default">Search</Button>
          {wanted === '' ? null : <Button variant="default" onClick={() => { setSearch(''); setWanted('') }}>Show all</Button>}
        </Group>
      </form>
      <Entries key={wanted} prefix={prefix} search={wanted} vault={vault} lookFor={(tag) => { setSearch(tag); setWanted(tag) }} />
      <CreateSecret vault={vault} within={prefix} />
    </Stack>
  )
}

interface Looking {
  readonly prefix: string
  readonly search: string
  readonly vault: Vault
  lookFor(tag: string): void
}

function Entries({ prefix, search, vault, lookFor }: Looking): ReactNode {
  const [found, setFound] = useState<Result<Listed, Trouble>>()
  const [isBusy, setBusy] = useState(false)
  const load = async (cursor?: string) => {
    setBusy(true)
    const next = await list({ prefix, recursive: search !== '', ...(search === '' ? {} : { search }), ...(cursor === undefined ? {} : { cursor }) }, vault)
    setFound((before) => (cursor !== undefined && before?.ok === true && next.ok ? { ok: true, value: joined(before.value, next.value) } : next))
    setBusy(false)
  }
  useEffect(() => void load(), [])
  if (found === undefined) return <Loader role="status" aria-label="Loading" />
  if (!found.ok) return <TroubleBox trouble={found.error} retry={() => void load()} />
  const { folders, rows, left, cursor } = found.value
  return (
    <>
      {folders.length + rows.length > 0 ? null : <Text role="status">{search === '' ? 'Nothing here that you may see.' : 'Nothing that you may see matches.'}</Text>}
      <ul className="rows" aria-label="Secrets">
        {folders.map((folder) => <li key={`${folder}/`}><a href={folderLink(folder)}><Shown text={`${lastOf(folder)}/`} /></a></li>)}
        {rows.map(({ record, digest }) => <Row key={digest} record={record} name={search === '' ? lastOf(record.path) : record.path} lookFor={lookFor} />)}
      </ul>
      {left.length === 0 ? null : <LeftOut left={left} />}
      {cursor === undefined ? null : <div><Button variant="default" loading={isBusy} onClick={() => void load(cursor)}>Show more</Button></div>}
      <Text size="xs">Names are what the vault lists: it can leave some out. What stands beside them is signed.</Text>
    </>
  )
}

const joined = (before: Listed, { folders, rows, left, cursor }: Listed): Listed => ({
  folders: [...new Set([...before.folders, ...folders])],
  rows: [...before.rows, ...rows.filter(({ record }) => !before.rows.some((row) => row.record.path === record.path))],
  left: [...before.left, ...left],
  ...(cursor === undefined ? {} : { cursor }),
})

function Row({ record, name, lookFor }: { readonly record: OpenedRecord['record']; readonly name: string; lookFor(tag: string): void }): ReactNode {
  const newest = record.versions.find(({ version }) => version === record.current)
  return (
    <li className="panel">
      <Group gap="sm">
        <a href={secretLink(record.path)}><Shown text={name} /></a>
        {newest === undefined ? null : <Badge variant="outline" tt="none" color="gray">{kindNames[newest.type]}</Badge>}
        <Text span size="sm">{newest === undefined ? 'no version' : `version ${record.current}`}{newest?.state === 'deleted' || newest?.state === 'destroyed' ? `, ${newest.state}` : ''}</Text>
        <Text span size="sm">changed by <Shown text={record.by} />, {time(record.at)}</Text>
        {record.tags.map((tag) => <Button key={tag} size="compact-xs" variant="default" aria-label={`Search for the tag ${tag}`} onClick={() => lookFor(tag)}><Shown text={tag} /></Button>)}
      </Group>
    </li>
  )
}

/** A row that is not shown is said to be there: silence would be the vault's gain. */
function LeftOut({ left }: { readonly left: readonly Trouble[] }): ReactNode {
  const kinds = [...new Map(left.map((each) => [each.code, each])).values()]
  return (
    <Stack gap="sm">
      <Text role="status">{left.length === 1 ? 'One row is not shown' : `${left.length} rows are not shown`}, because what the vault gave for {left.length === 1 ? 'it' : 'them'} does not hold.</Text>
      {kinds.map((each) => <TroubleBox key={each.code} trouble={each} />)}
    </Stack>
  )
}
