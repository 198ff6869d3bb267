import { readFileSync } from 'node:fs'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { rosterBytesLimit, template } from '@symbolon/roster/roster.ts'
import type { z } from 'zod'

/** `ROSTER_FILE`: who else exists in version 1, beside the development service. JSON, in the rows of the roster itself. */
const shape = template.pick({ clients: true, services: true, issuers: true, trusts: true, rate: true }).partial().strict()
export type RosterRows = z.infer<typeof shape>

/** @returns the rows, or what is wrong with the file */
export function readRosterFile(path: string): RosterRows | string {
  if (path === '') return {}
  const read = decodeAs(shape, readFileSync(path), rosterBytesLimit)
  return read.ok ? read.value : `${path}: ${read.reason}${read.problems.map(({ pointer, message }) => `; ${pointer} ${message}`).join('')}`
}
