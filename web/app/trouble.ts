import type { ProblemDetails } from '@symbolon/protocol/http.ts'
import type { Reason } from '@symbolon/protocol/reason.ts'

/** What went wrong, for people. `code` is stable; everything else is a sentence or a fact. */
export interface Trouble {
  readonly code: string
  readonly title: string
  readonly remedy?: string
  readonly reasons: readonly Reason[]
  /** What the api answered, where it did. */
  readonly problem?: ProblemDetails
}

export const trouble = (code: string, title: string, remedy?: string): Trouble => ({ code, title, reasons: [], ...(remedy === undefined ? {} : { remedy }) })
