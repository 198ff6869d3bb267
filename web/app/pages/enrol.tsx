import { Stack, Text, Title } from '@mantine/core'
import { useEffect, useState, type ReactNode } from 'react'
import { parseLink, type Link } from '@symbolon/protocol/link.ts'
import { useConsole } from '../context.tsx'
import { judgeLink } from '../enrolment.ts'
import { FirstPerson } from '../parts/first-person.tsx'
import { Invited } from '../parts/invited.tsx'
import { TroubleBox } from '../parts/trouble-box.tsx'
import { trouble } from '../trouble.ts'

/** Coming in by a link. Its seed stands in the fragment, which no browser sends; it is taken from the address bar at once. */
export default function Enrol(): ReactNode {
  const { deployment } = useConsole()
  const [link, setLink] = useState(readLink)
  useEffect(() => {
    const take = () => {
      // Another link, opened while this page is shown.
      if (location.hash !== '') setLink(readLink())
      history.replaceState(null, '', location.pathname)
    }
    take()
    window.addEventListener('hashchange', take)
    return () => window.removeEventListener('hashchange', take)
  }, [])
  if (link === undefined) return <Frame><TroubleBox trouble={trouble('link_missing', 'There is no link in the address', 'Open the whole link that you were given; after a reload, open it again.')} /></Frame>
  const problem = judgeLink(link, deployment)
  if (problem !== undefined) return <Frame><TroubleBox trouble={problem} /></Frame>
  return <Frame>{link.kind === 'bootstrap' ? <FirstPerson link={link} /> : <Invited link={link} />}</Frame>
}

function Frame({ children }: { readonly children: ReactNode }): ReactNode {
  return (
    <Stack>
      <Title order={1}>Come in</Title>
      <Text>You make a passkey. Its private key stays in your authenticator; every signer checks its public half by itself.</Text>
      {children}
    </Stack>
  )
}

const readLink = (): Link | undefined => parseLink(location.hash.slice(1))
