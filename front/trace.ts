import { randomUUID } from 'node:crypto'

/** W3C Trace Context, level 1: the caller's trace is continued, a malformed or absent one begun. */
export interface Trace {
  readonly id: string
  /** Our own span's `traceparent`, for the reply. */
  readonly parent: string
}

const pattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

export function traceOf(header: string | undefined): Trace {
  const [, given, span, flags] = pattern.exec(header ?? '') ?? []
  const usable = given !== undefined && span !== undefined && !/^0+$/.test(given) && !/^0+$/.test(span)
  const id = usable ? given : hex()
  return { id, parent: `00-${id}-${hex().slice(0, 16)}-${usable ? flags : '00'}` }
}

// From node's pool of random bytes: a fifth of the cost of asking the kernel for so few.
const hex = (): string => randomUUID().replaceAll('-', '')

/** The caller's own id, if it is one that can stand in a log line and a header; else a new one. */
export const requestIdOf = (header: string | undefined): string => (header !== undefined && /^[A-Za-z0-9_-]{8,64}$/.test(header) ? header : randomUUID())
