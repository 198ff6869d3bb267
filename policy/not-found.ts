import { reasonOf } from '@symbolon/protocol/reason.ts'

/** What is not there, what cannot be read any more, and what is not yours: one and the same word, whatever the cause. */
export const notFound = reasonOf('secret_not_found', 'There is no such secret or version, or it is not yours.')
