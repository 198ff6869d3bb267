import { afterAll, beforeAll, expect, test } from 'vitest'
import { faceOf, type ErrorCode } from '@symbolon/protocol/errors.ts'
import { send, type HttpAnswer } from '@symbolon/front/front.testkit.ts'
import { openapiOf } from '@symbolon/front/openapi.ts'
import { asked, post, postForm, startApi, type TestApi } from './api.testkit.ts'

type Response = { description: string; content: Record<string, { schema?: unknown }> }
type Operation = { operationId: string; requestBody?: { content: Record<string, { schema: unknown }> }; responses: Record<string, Response>; 'x-auth': unknown }

let api: TestApi
let document: ReturnType<typeof openapiOf>
beforeAll(async () => {
  api = await startApi()
  document = openapiOf(api.routes, { server: 'http://localhost', title: 'Symbolon', description: 'A mint.' })
})
afterAll(() => api.close())

const operationOf = (method: string, path: string) => document.paths[path]?.[method.toLowerCase()] as Operation

test('describes every route, and nothing else', () => {
  expect(document.openapi).toBe('3.1.0')
  const described = Object.entries(document.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`))
  expect(described.toSorted()).toEqual(api.routes.map(({ method, path }) => `${method} ${path}`).toSorted())
})

test('names each operation once', () => {
  const ids = api.routes.map(({ method, path }) => operationOf(method, path).operationId)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.every((id) => /^[a-z][A-Za-z0-9]*$/.test(id))).toBe(true)
})

test('has a schema that says something for every body', () => {
  const empty = (value: unknown): boolean => typeof value === 'object' && value !== null && (Object.keys(value).length === 0 || Object.values((value as { properties?: object }).properties ?? {}).some(empty))
  for (const { method, path, takes } of api.routes) {
    const content = operationOf(method, path).requestBody?.content ?? {}
    expect([path, Object.keys(content)]).toEqual([path, takes === undefined ? [] : [takes.type]])
    for (const { schema } of Object.values(content)) expect([path, empty(schema)]).toEqual([path, false])
  }
})

test('every reference leads somewhere', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map((found) => found[1])
  expect(references.length).toBeGreaterThan(10)
  expect(references.every((name) => name !== undefined && name in document.components.schemas)).toBe(true)
})

test('what is answered is what is described: status, media type and code', async () => {
  const json = { 'content-type': 'application/json' }
  const answers: [string, string, HttpAnswer][] = [
    ['POST', '/v1/tokens', await post(api, '/v1/tokens', asked(api.world))],
    ['POST', '/v1/tokens', await post(api, '/v1/tokens', asked(api.world, { scope: ['write:prod'] }))],
    ['POST', '/v1/tokens', await post(api, '/v1/tokens', '')],
    ['POST', '/v1/tokens', await post(api, '/v1/tokens', '{')],
    ['POST', '/v1/tokens', await send(`${api.url}/v1/tokens`, { method: 'POST', body: '{}' })],
    ['POST', '/v1/tokens', await post(api, '/v1/tokens', 'x'.repeat(70_000))],
    ['POST', '/v1/explain', await post(api, '/v1/explain', asked(api.world, { dry: true }))],
    ['POST', '/v1/intents', await post(api, '/v1/intents', { sub: 'ci', scope: ['read:logs'] })],
    ['POST', '/v1/intents', await post(api, '/v1/intents', {}, { origin: 'https://evil.example' })],
    ['POST', '/oauth/token', await postForm(api, { grant_type: 'password' })],
    ['POST', '/oauth/token', await postForm(api, '', json)],
    ['GET', '/.well-known/jwks.json', await send(`${api.url}/.well-known/jwks.json`)],
    ['GET', '/metrics', await send(`${api.url}/metrics`)],
    ['GET', '/livez', await send(`${api.url}/livez`)],
  ]
  for (const [method, path, { status, headers, body }] of answers) {
    const described = operationOf(method, path).responses[status]
    expect([path, status, described === undefined]).toEqual([path, status, false])
    expect(Object.keys(described?.content ?? {})).toContain(headers['content-type'])
    const code = body['code']
    if (typeof code === 'string') expect(described?.description.split(', ')).toContain(code)
  }
})

test('each described error has the status that its code has', () => {
  for (const { method, path, errors, codes } of api.routes) {
    if (errors.name === 'OAuthError') continue
    const { responses } = operationOf(method, path)
    for (const code of codes) expect(responses[faceOf(code as ErrorCode).status]?.description.split(', ')).toContain(code)
  }
})
