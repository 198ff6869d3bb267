import { createContext, use } from 'react'
import type { Api } from './api.ts'
import type { Deployment } from './deployment.ts'
import type { Result } from './result.ts'
import type { Session } from './session.ts'
import type { Trouble } from './trouble.ts'

/** What every page has. */
export interface Console {
  readonly deployment: Deployment
  readonly api: Api
  /** Absent: nobody is signed in. */
  readonly session: Session | undefined
  setSession(session: Session | undefined): void
  /** Follows the keysets again: after a version came into force, the one that this page began with names its predecessor. */
  refresh(): Promise<Result<Deployment, Trouble>>
  /** What the last page left to say, shown above the next. */
  readonly notice: string | undefined
  setNotice(notice: string | undefined): void
}

export const ConsoleContext = createContext<Console | undefined>(undefined)

export function useConsole(): Console {
  const found = use(ConsoleContext)
  if (found === undefined) throw new TypeError('pages are shown inside the console')
  return found
}
