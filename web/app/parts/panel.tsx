import { Stack, Title } from '@mantine/core'
import { useEffect, useRef, type ReactNode } from 'react'

/** Something that was opened on a page; whoever opened it goes on from its heading. */
export function Panel({ title, children }: { readonly title: string; readonly children: ReactNode }): ReactNode {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [title])
  return (
    <section className="panel panel-open" aria-label={title}>
      <Stack>
        <Title order={2} size="h3" ref={heading} tabIndex={-1}>{title}</Title>
        {children}
      </Stack>
    </section>
  )
}
