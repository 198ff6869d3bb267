import { useCallback, useEffect, useRef, useState } from 'react'
import { useConsole } from './context.tsx'
import { readView, type RosterView } from './people.ts'
import type { Result } from './result.ts'
import type { Session } from './session.ts'
import type { Trouble } from './trouble.ts'

type Found = Result<RosterView, Trouble>

/** @returns the roster in force once it is read, and how to read it again; what was read stays until the next answer */
export function useRoster(session: Session): readonly [found: Found | undefined, read: () => Promise<Found>] {
  const console = useConsole()
  // Reading may itself follow the keysets again, which must not begin another reading.
  const latest = useRef(console)
  useEffect(() => void (latest.current = console), [console])
  const [found, setFound] = useState<Found>()
  const read = useCallback(async () => {
    const answer = await readView(session, latest.current)
    setFound(answer)
    return answer
  }, [session])
  useEffect(() => void read(), [read])
  return [found, read]
}
