import { useEffect, useRef } from 'react'
import { flushSync } from 'react-dom'

/** What is done when the page is left, by a link, by closing it or for another site. A browser may keep the page as it is then and show it again. */
export function useLeaving(leave: () => void): void {
  const latest = useRef(leave)
  useEffect(() => void (latest.current = leave), [leave])
  useEffect(() => {
    // At once: after this event nothing of the page may run.
    const now = () => flushSync(() => latest.current())
    window.addEventListener('pagehide', now)
    return () => window.removeEventListener('pagehide', now)
  }, [])
}
