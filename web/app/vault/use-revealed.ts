import { useCallback, useEffect, useState } from 'react'
import { flushSync } from 'react-dom'
import { revealedFor, type Revealed } from './reveal.ts'

/** Values that are shown: for a minute, and never when somebody comes back to the page by the browser's memory of it. */
export function useRevealed(): readonly [revealed: Revealed | undefined, show: (revealed: Revealed | undefined) => void] {
  const [revealed, setRevealed] = useState<Revealed>()
  const show = useCallback((next: Revealed | undefined) => setRevealed(next), [])
  useEffect(() => {
    if (revealed === undefined) return undefined
    const hide = () => setRevealed(undefined)
    const timer = setTimeout(hide, revealedFor * 1000)
    // At once: after this event nothing of the page may run.
    const leave = () => flushSync(hide)
    window.addEventListener('pagehide', leave)
    return () => {
      clearTimeout(timer)
      window.removeEventListener('pagehide', leave)
    }
  }, [revealed])
  return [revealed, show]
}
