import { z } from 'zod'

/** What a group key is for. Each purpose has a key of its own, independent of the others: no parser takes one for another. */
export const purposes = ['token', 'record', 'vault', 'log'] as const
export const purpose = z.enum(purposes)
export type Purpose = z.infer<typeof purpose>
