import type { ReactNode } from 'react'
import { folderLink, foldersAbove, lastOf } from '../../vault/place.ts'
import { Shown } from '../shown.tsx'

/** From the namespaces to here. */
export function Trail({ path }: { readonly path: string }): ReactNode {
  return (
    <nav aria-label="Where you are">
      <ol className="trail">
        <li><a href="/secrets#">Namespaces</a></li>
        {foldersAbove(path).map((folder) => <li key={folder}><a href={folderLink(folder)}><Shown text={lastOf(folder)} /></a></li>)}
        <li aria-current="page"><Shown text={lastOf(path)} /></li>
      </ol>
    </nav>
  )
}
