import type { Person, Roster, Service } from '@symbolon/roster/roster.ts'
import type { Principal } from './established.ts'
import { trustOf } from './trust.ts'

/* Rows of the roster as principals. */

export const serviceOf = ({ id, roles, groups, owner }: Service): Principal => ({ id, kind: 'service', roles, groups, ...(owner === undefined ? {} : { owner }), claims: {} })
export const personOf = ({ id, roles, groups }: Person): Principal => ({ id, kind: 'person', roles, groups, claims: {} })

/** In version 1 alone, and for nothing but making version 2. */
export const bootstrapId = 'bootstrap'
export const bootstrapPrincipal: Principal = { id: bootstrapId, kind: 'bootstrap', roles: [], groups: [], claims: {} }

/** The roster as it is now decides who that is: what a removed row made ends with it, and roles are today's. */
export function principalOf(roster: Roster, id: string): { readonly principal: Principal; readonly issuer?: string } | undefined {
  const service = roster.services.find((row) => row.id === id)
  if (service !== undefined) return { principal: serviceOf(service) }
  const person = roster.people.find((row) => row.id === id)
  if (person !== undefined) return { principal: personOf(person) }
  const trust = roster.trusts.find((row) => row.id === id)
  return trust === undefined ? undefined : { principal: trustOf(trust, {}), issuer: trust.issuer }
}
