import { Stack, Text } from '@mantine/core'
import { useEffect, useMemo, useRef, type ReactNode } from 'react'
import { useConsole } from '../context.tsx'
import { Folder } from '../parts/vault/folder.tsx'
import { Namespaces } from '../parts/vault/namespaces.tsx'
import { Secret } from '../parts/vault/secret.tsx'
import { SignedIn } from '../parts/signed-in.tsx'
import { TroubleBox } from '../parts/trouble-box.tsx'
import { useFragment } from '../router.ts'
import type { Session } from '../session.ts'
import { trouble } from '../trouble.ts'
import { placeIn } from '../vault/place.ts'
import { openVault, type Vault } from '../vault/vault.ts'

/** Secrets: where somebody is stands behind `#`, what is in a secret nowhere but in this page's memory. */
export default function Secrets(): ReactNode {
  return <SignedIn>{(session) => <Signed key={session.id} session={session} />}</SignedIn>
}

function Signed({ session }: { readonly session: Session }): ReactNode {
  const { deployment } = useConsole()
  const vault = useMemo(() => openVault(deployment, session), [deployment, session])
  return vault.ok ? <Here vault={vault.value} /> : <TroubleBox trouble={vault.error} />
}

const nowhere = trouble('path_malformed', 'This is no path of a secret', 'Begin at the namespaces.')

function Here({ vault }: { readonly vault: Vault }): ReactNode {
  const fragment = useFragment()
  const place = placeIn(fragment)
  const start = useRef<HTMLDivElement>(null)
  const last = useRef(fragment)
  useEffect(() => {
    // A new place is like a new page: whoever moves by keyboard or hears it begins where it begins.
    if (last.current !== fragment) start.current?.focus()
    last.current = fragment
  }, [fragment])
  return (
    <div ref={start} tabIndex={-1} className="page-part">
      {place.at === 'top' ? <Namespaces vault={vault} /> : place.at === 'folder' ? <Folder key={fragment} prefix={place.prefix} vault={vault} /> : place.at === 'secret' ? <Secret key={fragment} path={place.path} vault={vault} /> : <Stack><TroubleBox trouble={nowhere} /><Text><a href="/secrets#">Namespaces</a></Text></Stack>}
    </div>
  )
}
