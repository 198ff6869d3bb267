/* How flags are read that commander has parsed. */

export type Flags = Readonly<Record<string, unknown>>

/** For options that may be repeated. */
export const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value]
export const arrayOf = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : [])
export const stringOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
/** Several by comma or by repeating. */
export const listOf = (value: unknown): readonly string[] => [...new Set(arrayOf(value).flatMap((each) => each.split(/[\s,]+/)).filter((each) => each !== ''))]
