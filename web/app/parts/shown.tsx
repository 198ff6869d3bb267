import type { ReactNode } from 'react'
import { shown } from '../text.ts'

/** Text that others wrote. The only way in which a page shows any. */
export function Shown({ text, mono = false }: { readonly text: string; readonly mono?: boolean }): ReactNode {
  return <bdi className={mono ? 'shown mono' : 'shown'}>{shown(text)}</bdi>
}
