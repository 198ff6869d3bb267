import { Button } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import { useConsole } from '../context.tsx'
import { go } from '../router.ts'
import { forgetSession, grantEvidence, revocation, type Session } from '../session.ts'
import { time } from '../text.ts'

/**
 * Ends the grant at the signers, then forgets the key. The key is forgotten even if no signer can be told: it cannot be read from here, so with it
 * goes all that this browser could do.
 */
export function SignOut({ session }: { readonly session: Session }): ReactNode {
  const { api, deployment, setSession, setNotice } = useConsole()
  const [isBusy, setBusy] = useState(false)
  const end = async () => {
    setBusy(true)
    const built = revocation(session, deployment)
    const told = await api.stop({ intent: built.bytes, evidence: [await grantEvidence(session, built)] })
    await forgetSession()
    setNotice(told.ok ? 'You are signed out: the signers ended the grant, and this browser forgot its key.' : `This browser forgot its key, so nothing can be asked with it any more. The signers could not be told (${told.error.title}); for them the grant ends ${time(session.end)}.`)
    setSession(undefined)
    go('/sign-in')
  }
  return <Button size="xs" variant="default" loading={isBusy} onClick={() => void end()}>Sign out</Button>
}
