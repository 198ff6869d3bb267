import { z } from 'zod'
import type { ErrorCode } from '@symbolon/protocol/errors.ts'
import { problem } from './failure.ts'
import type { FrontRoute } from './route.ts'
import type { Serving } from './serving.ts'

/** Codes that any route can answer with. */
const everywhere: readonly ErrorCode[] = ['internal']

export interface About {
  /** Where clients reach the process. */
  readonly server: string
  readonly title: string
  readonly description: string
}

/** OpenAPI 3.1 of the very table that is served, from the very schemas that judge requests. */
export function openapiOf(routes: readonly FrontRoute[], { server, title, description }: About) {
  const paths: Record<string, Record<string, unknown>> = {}
  // OpenAPI 3.1 has no other methods than HTTP's own.
  for (const route of routes.filter(({ method }) => method !== 'LIST')) paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) }
  return {
    openapi: '3.1.0',
    info: { title, version: '1', description, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: server }],
    paths,
    components: { schemas: Object.fromEntries(routes.map(({ errors: { name, schema } }) => [name, schemaOf(schema)])) },
  }
}

/** The table and, as its last row, a route that serves the document about all of it. */
export function withOpenapi<S extends Serving>(routes: readonly FrontRoute<S>[], about: About): readonly FrontRoute<S>[] {
  let body = ''
  const route: FrontRoute<S> = { method: 'GET', path: '/openapi.json', auth: { kind: 'public', why: 'It describes the routes.' }, summary: 'This document (OpenAPI 3.1).', errors: problem, codes: [], gives: { type: 'application/json', summary: 'OpenAPI 3.1.' }, costly: false, maxAge: 300, handle: async () => ({ ok: true, status: 200, body }) }
  const all = [...routes, route]
  body = JSON.stringify(openapiOf(all, about))
  return all
}

const operation = (route: FrontRoute) => ({
  operationId: `${route.method.toLowerCase()}${route.path.replaceAll(/[^A-Za-z0-9]+(.)/g, (_match, next: string) => next.toUpperCase())}`,
  summary: route.summary,
  'x-auth': route.auth,
  ...(route.takes === undefined ? {} : { requestBody: { required: true, content: { [route.takes.type]: { schema: schemaOf(route.takes.schema) } } } }),
  responses: { 200: { description: route.gives.summary, content: { [route.gives.type]: route.gives.schema === undefined ? {} : { schema: schemaOf(route.gives.schema) } } }, ...errorsOf(route) },
})

/** One response per status, naming the codes that come with it. */
function errorsOf({ codes, errors }: FrontRoute): Record<string, unknown> {
  const groups = Map.groupBy([...new Set([...codes, ...everywhere])], (code) => errors.statusOf(code))
  const content = { [errors.type]: { schema: { $ref: `#/components/schemas/${errors.name}` } } }
  return Object.fromEntries([...groups].map(([status, list]) => [status, { description: list.join(', '), content }]))
}

// What a schema checks by code alone (canonical base64url) shows as what its metadata says, or as anything.
const schemaOf = (schema: z.ZodType): unknown => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' })
  return rest
}
