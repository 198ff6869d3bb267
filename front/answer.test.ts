import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { makeWorld } from '@symbolon/policy/judge.testkit.ts'
import { fail, problem, standard, type ErrorStyle } from './failure.ts'
import { deploymentOf, memoryLimiter, send, startFront } from './front.testkit.ts'
import { openapiOf, withOpenapi } from './openapi.ts'
import { json, restOf, type FrontRoute } from './route.ts'
import { servingOf, type Serving } from './serving.ts'

/* A process of its own on this footing: its servings, its error style, its facts, routes with a `*`. */

interface Counting extends Serving {
  readonly greeting: string
}
const deployment = deploymentOf(makeWorld())
const own = 'https://vault.example'
const servingWith = (quota = 100): Counting => ({ ...servingOf({ deployment, own: [`${own}/base`], addresses: memoryLimiter('address', quota), heavy: memoryLimiter('heavy') }), greeting: 'hello' })

const plain: ErrorStyle = {
  name: 'Plain',
  type: 'application/json',
  schema: z.object({ errors: z.array(z.string()) }),
  statusOf: () => 400,
  face: (failure) => ({ status: 400, type: 'application/json', body: JSON.stringify({ errors: [failure.code] }), headers: standard(failure, 400, 'Plain') }),
}
const anyone = { kind: 'public', why: 'It is a test.' } as const
const gives = { type: 'application/json', summary: 'What it was given.' } as const
const common = { auth: anyone, summary: 'Shows what it is given.', codes: [], gives, costly: true } as const
const takes = { type: 'application/json', maxBytes: 64, schema: z.unknown() } as const
const handle: FrontRoute<Counting>['handle'] = async ({ rest, query, body, event }, { greeting }) => {
  event.note({ labels: ['a', 'b'], seq: 4, status: 999, principal: 'forged' })
  event.learn({ decision: 'granted' })
  return json({ greeting, rest, query, body: Buffer.from(body).toString() })
}
const routes: readonly FrontRoute<Counting>[] = [
  { ...common, method: 'GET', path: '/v1/secret/data/*', errors: problem, event: 'secret', handle },
  { ...common, method: 'PUT', path: '/v1/secret/data/*', errors: plain, takes: { ...takes, unlabelled: true }, handle },
  { ...common, method: 'DELETE', path: '/v1/secret/data/*', errors: plain, handle },
  { ...common, method: 'POST', path: '/v1/strict', errors: problem, takes, handle },
  { ...common, method: 'POST', path: '/v1/plain', errors: plain, handle: async () => fail('not_found') },
]

let front: Awaited<ReturnType<typeof startFront>>
const open = async (quota?: number) => (front = await startFront(routes, servingWith(quota)))
beforeEach(() => open())
afterEach(() => front.close())
const at = (path: string) => `${front.url}${path}`

describe('a route with a `*`', () => {
  test('is handed what was sent in its place, undecoded, and the query', async () =>
    expect((await send(at('/v1/secret/data/app/db%2Fx?version=2&version=3'))).body).toMatchObject({ greeting: 'hello', rest: 'app/db%2Fx', query: 'version=2&version=3' }))

  test.each(['/v1/secret/data', '/v1/secret/data/', '/v1/secret/dat/app', '/v1/secret/data/../other/app', '/v1/secret/./data/app', '/v1//secret/data/app'])('%s is not its', async (path) => expect((await send(front.url, { path })).status).toBe(404))

  test.each(['app/%2e%2e/db', 'app/../db', 'app//db', './app'])('%s in its place stays what it is: whoever reads the rest refuses it', async (rest) =>
    expect((await send(front.url, { path: `/v1/secret/data/${rest}` })).body).toMatchObject({ rest }))

  test('tells which methods it has, and its failures name the route, never what was asked', async () => {
    const refused = await send(at('/v1/secret/data/app/CANARY'), { method: 'PATCH' })
    expect([refused.status, refused.headers['allow']]).toEqual([405, 'GET, PUT, DELETE, HEAD'])
    await front.close()
    await open(0)
    expect((await send(at('/v1/secret/data/app/CANARY'))).body).toMatchObject({ code: 'limited', instance: '/v1/secret/data/*' })
    expect(front.lines.join()).not.toContain('CANARY')
  })

  test('of its path nothing is anybody else’s', () => expect(['/a/b', '/a/', '/a', '/ab', '/b/a'].map((sent) => restOf({ path: '/a/*' }, sent))).toEqual(['b', undefined, undefined, undefined, undefined]))
})

describe('what changes something', () => {
  test.each(['PUT', 'DELETE'])('%s by a page of another origin is refused', async (method) =>
    expect((await send(at('/v1/secret/data/app'), { method, headers: { origin: 'https://evil.example' } })).body).toEqual({ errors: ['origin_not_allowed'] }))

  test('by a page of the process’s own origin is answered', async () => expect((await send(at('/v1/secret/data/app'), { method: 'DELETE', headers: { origin: own } })).status).toBe(200))
})

describe('a body', () => {
  test.each([undefined, 'text/plain', 'application/x-www-form-urlencoded'])('of type %s is read where labels mean nothing', async (type) =>
    expect((await send(at('/v1/secret/data/app'), { method: 'PUT', body: '{"a":1}', headers: type === undefined ? {} : { 'content-type': type } })).body).toMatchObject({ body: '{"a":1}' }))

  test('elsewhere its type must be right', async () => expect((await send(at('/v1/strict'), { method: 'POST', body: '{}', headers: { 'content-type': 'text/plain' } })).body).toMatchObject({ code: 'unsupported_media_type' }))

  test('is limited there too', async () => expect((await send(at('/v1/secret/data/app'), { method: 'PUT', body: 'x'.repeat(65) })).body).toEqual({ errors: ['too_large'] }))
})

test('the record has what the process notes, and none of it in the place of what every process knows', async () => {
  await send(at('/v1/secret/data/app'))
  expect(front.events).toMatchObject([{ event: 'secret', labels: ['a', 'b'], seq: 4, status: 200, principal: 'unknown', decision: 'granted', code: 'ok' }])
})

describe('a style of errors of its own', () => {
  test('is what its route fails in', async () => expect(await send(at('/v1/plain'), { method: 'POST' })).toMatchObject({ status: 400, body: { errors: ['not_found'] } }))

  describe('in /openapi.json', () => {
    let document: ReturnType<typeof openapiOf>
    beforeAll(() => void (document = openapiOf(withOpenapi(routes, { server: own, title: 'Front', description: 'A test.' }), { server: own, title: 'Front', description: 'A test.' })))

    test('stands beside the common one', () => expect(Object.keys(document.components.schemas).toSorted()).toEqual(['Plain', 'Problem']))
    test('every route is named, the document’s too', () => expect(Object.keys(document.paths)).toEqual(['/v1/secret/data/*', '/v1/strict', '/v1/plain', '/openapi.json']))
    test('every method of a path is', () => expect(Object.keys(document.paths['/v1/secret/data/*'] ?? {})).toEqual(['get', 'put', 'delete']))
  })
})
