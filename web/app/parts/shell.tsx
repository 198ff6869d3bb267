import { Alert, Button, Loader, Text, useMantineColorScheme } from '@mantine/core'
import { Suspense, useEffect, useRef, type MouseEvent, type ReactNode } from 'react'
import { pagePaths, type PagePath } from '../../public.ts'
import { useConsole } from '../context.tsx'
import { pages } from '../pages.ts'
import { go, usePath } from '../router.ts'
import { Shown } from './shown.tsx'
import { SignOut } from './sign-out.tsx'

/** What stands around every page. */
export function Shell(): ReactNode {
  const path = usePath()
  const main = useRef<HTMLElement>(null)
  const first = useRef(true)
  const { title, view: View } = pages[path]
  useEffect(() => {
    document.title = `${title} · Symbolon`
    // Whoever moves by keyboard or hears the page begins where the new one begins.
    if (!first.current) main.current?.focus()
    first.current = false
  }, [title])
  const { deployment } = useConsole()
  return (
    <div className="shell">
      <a className="skip" href="#main" onClick={(event) => skip(event, main.current)}>Skip to content</a>
      <header className="top">
        <span className="brand">Symbolon</span>
        <nav aria-label="Pages" className="nav"><Links here={path} /></nav>
        <Who />
      </header>
      <main id="main" ref={main} tabIndex={-1} className="page">
        <Notice />
        <Suspense fallback={<Loader aria-label="Loading" />}><View /></Suspense>
      </main>
      <footer className="foot">
        Deployment <Shown mono text={deployment.issuer} />, lineage <Shown mono text={deployment.lineage} />
      </footer>
    </div>
  )
}

function Notice(): ReactNode {
  const { notice, setNotice } = useConsole()
  if (notice === undefined) return null
  return <Alert role="status" variant="default" mb="md" withCloseButton closeButtonLabel="Close" onClose={() => setNotice(undefined)}>{notice}</Alert>
}

// The fragment of a page may hold a link's seed, so the skip link leaves the address as it is.
function skip(event: MouseEvent, main: HTMLElement | null): void {
  event.preventDefault()
  main?.focus()
}

function Links({ here }: { readonly here: PagePath }): ReactNode {
  const { session, deployment } = useConsole()
  const visible = pagePaths.filter((path) => ['everyone', session === undefined ? 'signed_out' : 'signed_in'].includes(pages[path].shownTo) && (path !== '/secrets' || deployment.vault !== undefined))
  return (
    <ul className="nav">
      {visible.map((path) => (
        <li key={path}>
          <a href={path} aria-current={path === here ? 'page' : undefined} onClick={(event) => follow(event, path)}>{pages[path].title}</a>
        </li>
      ))}
    </ul>
  )
}

export function follow(event: MouseEvent, path: PagePath): void {
  // A new tab is the browser's business.
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return
  event.preventDefault()
  go(path)
}

function Who(): ReactNode {
  const { session } = useConsole()
  const { toggleColorScheme } = useMantineColorScheme()
  return (
    <div className="who">
      {session === undefined ? null : <><Text size="sm">Signed in as <Shown text={session.sub} /></Text><SignOut session={session} /></>}
      <Button variant="default" size="xs" onClick={toggleColorScheme}>Light or dark</Button>
    </div>
  )
}
