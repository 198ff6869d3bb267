import { lazy, type ComponentType, type LazyExoticComponent } from 'react'
import type { PagePath } from '../public.ts'

export interface Page {
  readonly title: string
  /** In the navigation, and for whom. */
  readonly shownTo: 'everyone' | 'signed_in' | 'signed_out' | 'nobody'
  readonly view: LazyExoticComponent<ComponentType>
}

/** One file a page, loaded when it is first shown. */
export const pages: Readonly<Record<PagePath, Page>> = {
  '/': { title: 'Status', shownTo: 'everyone', view: lazy(() => import('./pages/home.tsx')) },
  '/mint': { title: 'Mint', shownTo: 'signed_in', view: lazy(() => import('./pages/mint.tsx')) },
  '/secrets': { title: 'Secrets', shownTo: 'signed_in', view: lazy(() => import('./pages/secrets.tsx')) },
  '/people': { title: 'People', shownTo: 'signed_in', view: lazy(() => import('./pages/people.tsx')) },
  '/changes': { title: 'Changes', shownTo: 'signed_in', view: lazy(() => import('./pages/changes.tsx')) },
  '/sign-in': { title: 'Sign in', shownTo: 'signed_out', view: lazy(() => import('./pages/sign-in.tsx')) },
  '/grant': { title: 'Sign in a terminal', shownTo: 'nobody', view: lazy(() => import('./pages/grant.tsx')) },
  '/device': { title: 'Another machine', shownTo: 'everyone', view: lazy(() => import('./pages/device.tsx')) },
  '/enrol': { title: 'Come in', shownTo: 'nobody', view: lazy(() => import('./pages/enrol.tsx')) },
}
