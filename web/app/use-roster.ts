import { useCallback, useEffect, useRef, useState } from 'react'
import { useConsole } from './context.tsx'
import { readView, type RosterView } from './people.ts'
import type { Result } from './result.ts'
import type { Session } from './session.ts'
import type { Trouble } from './trouble.ts'

/** @returns the roster in force once it is read, and how to read it again; what was read stays until the next answer */
export function useRoster(session: Session): readonly [found: Result<RosterView, Trouble> | undefined, read: () => void] {
  const console = useConsole()
  // Reading may itself follow the keysets again, which must not begin another reading.
  const latest = useRef(console)
  useEffect(() => void (latest.current = console), [console])
  const [found, setFound] = useState<Result<RosterView, Trouble>>()
  const read = useCallback(() => void readView(session, latest.current).then(setFound), [session])
  useEffect(read, [read])
  return [found, read]
}
