import { useSyncExternalStore } from 'react'
import { pagePaths, type PagePath } from '../public.ts'

/* Which page is shown: the path, as the process in front of it knows them too. */

const changed = new EventTarget()
const subscribe = (listener: () => void): (() => void) => {
  window.addEventListener('popstate', listener)
  window.addEventListener('hashchange', listener)
  changed.addEventListener('go', listener)
  return () => {
    window.removeEventListener('popstate', listener)
    window.removeEventListener('hashchange', listener)
    changed.removeEventListener('go', listener)
  }
}
const known = new Set<string>(pagePaths)
const here = (): PagePath => (known.has(location.pathname) ? (location.pathname as PagePath) : '/')

export const usePath = (): PagePath => useSyncExternalStore(subscribe, here)

/** What stands behind `#`: a place in a page. Browsers never send it. */
export const useFragment = (): string => useSyncExternalStore(subscribe, () => location.hash.slice(1))

export function go(path: PagePath, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') history.pushState(null, '', path)
  else history.replaceState(null, '', path)
  window.scrollTo(0, 0)
  changed.dispatchEvent(new Event('go'))
}
