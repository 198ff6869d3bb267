import { useSyncExternalStore } from 'react'
import { pagePaths, type PagePath } from '../public.ts'

/* Which page is shown: the path, as the process in front of it knows them too. */

const changed = new EventTarget()
const subscribe = (listener: () => void): (() => void) => {
  window.addEventListener('popstate', listener)
  changed.addEventListener('go', listener)
  return () => {
    window.removeEventListener('popstate', listener)
    changed.removeEventListener('go', listener)
  }
}
const known = new Set<string>(pagePaths)
const here = (): PagePath => (known.has(location.pathname) ? (location.pathname as PagePath) : '/')

export const usePath = (): PagePath => useSyncExternalStore(subscribe, here)

export function go(path: PagePath, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') history.pushState(null, '', path)
  else history.replaceState(null, '', path)
  window.scrollTo(0, 0)
  changed.dispatchEvent(new Event('go'))
}
