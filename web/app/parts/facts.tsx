import { Fragment, type ReactNode } from 'react'
import { Shown } from './shown.tsx'

/** A name and what it is: text is neutralised; a node is the page's own. */
export type Fact = readonly [name: string, value: string | ReactNode]

export function Facts({ rows, mono = false }: { readonly rows: readonly Fact[]; readonly mono?: boolean }): ReactNode {
  return (
    <dl className="facts">
      {rows.map(([name, value]) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd>{typeof value === 'string' ? <Shown mono={mono} text={value} /> : value}</dd>
        </Fragment>
      ))}
    </dl>
  )
}
