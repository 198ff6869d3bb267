import { useCallback, useEffect, useState } from 'react'
import { revealedFor, type Revealed } from './reveal.ts'
import { useLeaving } from './use-leaving.ts'

/** Values that are shown: for a minute, and not beyond the page. */
export function useRevealed(): readonly [revealed: Revealed | undefined, show: (revealed: Revealed | undefined) => void] {
  const [revealed, setRevealed] = useState<Revealed>()
  const show = useCallback((next: Revealed | undefined) => setRevealed(next), [])
  useEffect(() => {
    if (revealed === undefined) return undefined
    const timer = setTimeout(() => setRevealed(undefined), revealedFor * 1000)
    return () => clearTimeout(timer)
  }, [revealed])
  useLeaving(() => setRevealed(undefined))
  return [revealed, show]
}
