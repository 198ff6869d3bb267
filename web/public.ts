import { z } from 'zod'
import { digestText, issuerUrl } from '@symbolon/protocol/fields.ts'

/* What the process and its pages agree on. */

/** The pages. Each answers with the same document; anything else is not found. */
export const pagePaths = ['/', '/enrol', '/sign-in', '/mint', '/secrets', '/people', '/changes', '/grant', '/device'] as const
export type PagePath = (typeof pagePaths)[number]

/** `GET /config.json`: what the console believes of its deployment. It comes from the console's own process, never from the api. */
export const publicConfig = z.strictObject({ api: issuerUrl, vault: issuerUrl.optional(), lineage: digestText, issuer: issuerUrl, rp_id: z.string() })
export type PublicConfig = z.infer<typeof publicConfig>
