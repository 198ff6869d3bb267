import { z } from 'zod'
import { faceOf, type ErrorCode } from '@symbolon/protocol/errors.ts'
import { problem } from '@symbolon/protocol/http.ts'
import { oauthStatus } from './failure.ts'
import type { ApiRoute } from './route.ts'

/** Codes that any route can answer with. */
const everywhere: readonly ErrorCode[] = ['internal']

const oauthError = z.object({ error: z.string(), error_description: z.string().optional(), code: z.string(), request_id: z.string(), reasons: z.array(z.unknown()).optional() })

/** OpenAPI 3.1 of the very table that is served, from the very schemas that judge requests. */
export function openapiOf(routes: readonly ApiRoute[], server: string) {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) }
  return {
    openapi: '3.1.0',
    info: { title: 'Symbolon', version: '1', description: 'A mint of short-lived scoped tokens that no single machine can abuse.', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: server }],
    paths,
    components: { schemas: { Problem: schemaOf(problem), OAuthError: schemaOf(oauthError) } },
  }
}

const operation = (route: ApiRoute) => ({
  operationId: `${route.method.toLowerCase()}${route.path.replaceAll(/[^A-Za-z0-9]+(.)/g, (_match, next: string) => next.toUpperCase())}`,
  summary: route.summary,
  'x-auth': route.auth,
  ...(route.takes === undefined ? {} : { requestBody: { required: true, content: { [route.takes.type]: { schema: schemaOf(route.takes.schema) } } } }),
  responses: { 200: { description: route.gives.summary, content: { [route.gives.type]: route.gives.schema === undefined ? {} : { schema: schemaOf(route.gives.schema) } } }, ...errorsOf(route) },
})

/** One response per status, naming the codes that come with it. */
function errorsOf({ codes, errors }: ApiRoute): Record<string, unknown> {
  const statusOf = (code: ErrorCode) => (errors === 'oauth' ? oauthStatus(code) : faceOf(code).status)
  const groups = Map.groupBy([...new Set([...codes, ...everywhere])], statusOf)
  const content = errors === 'oauth' ? { 'application/json': { schema: { $ref: '#/components/schemas/OAuthError' } } } : { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
  return Object.fromEntries([...groups].map(([status, list]) => [status, { description: list.join(', '), content }]))
}

// What a schema checks by code alone (canonical base64url) shows as what its metadata says, or as anything.
const schemaOf = (schema: z.ZodType): unknown => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' })
  return rest
}
