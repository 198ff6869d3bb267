import type { ReactNode } from 'react'
import { useConsole } from '../context.tsx'
import SignIn from '../pages/sign-in.tsx'
import type { Session } from '../session.ts'

/** What only somebody who is signed in sees; others sign in first, and stay where they are. */
export function SignedIn({ children }: { children(session: Session): ReactNode }): ReactNode {
  const { session } = useConsole()
  return session === undefined ? <SignIn signedIn={() => undefined} /> : children(session)
}
