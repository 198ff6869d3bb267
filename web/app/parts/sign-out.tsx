import { Button } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import { useConsole } from '../context.tsx'
import { go } from '../router.ts'
import { forgetSession, grantEvidence, revocation, type Session } from '../session.ts'

/**
 * Ends the grant at the signers, then forgets the key. The key is forgotten even if no signer can be told: it cannot be read from here, so with it
 * goes all that this browser could do.
 */
export function SignOut({ session }: { readonly session: Session }): ReactNode {
  const { api, deployment, setSession } = useConsole()
  const [isBusy, setBusy] = useState(false)
  const end = async () => {
    setBusy(true)
    const built = revocation(session, deployment)
    await api.stop({ intent: built.bytes, evidence: [await grantEvidence(session, built)] })
    await forgetSession()
    setSession(undefined)
    go('/sign-in')
  }
  return <Button size="xs" variant="default" loading={isBusy} onClick={() => void end()}>Sign out</Button>
}
