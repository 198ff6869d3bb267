import { createContext, use } from 'react'
import type { Api } from './api.ts'
import type { Deployment } from './deployment.ts'
import type { Session } from './session.ts'

/** What every page has. */
export interface Console {
  readonly deployment: Deployment
  readonly api: Api
  /** Absent: nobody is signed in. */
  readonly session: Session | undefined
  setSession(session: Session | undefined): void
}

export const ConsoleContext = createContext<Console | undefined>(undefined)

export function useConsole(): Console {
  const found = use(ConsoleContext)
  if (found === undefined) throw new TypeError('pages are shown inside the console')
  return found
}
