import { z } from 'zod'
import { refusalCodes } from '@symbolon/protocol/errors.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { Readiness } from '@symbolon/runtime/health.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import type { FrontRequest, FrontRoute, Reply } from '@symbolon/front/route.ts'
import { logIn, lookUpSelf, renewSelf, revokeSelf } from './facade-auth.ts'
import { callerOf, isGood, type Caller, type Here } from './facade-caller.ts'
import { changeVersions, deleteLatest, patchData, readData, readSubkeys, writeData } from './facade-data.ts'
import { changeMetadata, listNames, readMetadata, removeAll } from './facade-metadata.ts'
import { folderAt, placeOf, secretAt, type Place } from './facade-path.ts'
import { answerOf, kvStyle } from './facade-shape.ts'
import { callerOnly, health, initialized, mountAt, mounts, sealStatus } from './facade-sys.ts'
import type { Serving, VaultRoute } from './serving.ts'

/* What OpenBao's and Vault's clients of KV v2 ask for, as they ask for it. */

const token = { kind: 'header', name: 'x-vault-token' } as const
const body = { type: 'application/json', unlabelled: true, maxBytes: limits.secretBodyBytes, schema: z.unknown() } as const
const small = { ...body, maxBytes: limits.apiBodyBytes } as const
const codes = [...refusalCodes, 'malformed', 'too_large', 'unsupported_media_type', 'not_found', 'method_not_allowed', 'unauthenticated', 'limited', 'busy', 'timed_out', 'not_ready', 'quorum_unavailable', 'quorum_faulty', 'store_damaged'] as const
const common = { errors: kvStyle, codes, costly: true } as const

type Method = FrontRoute['method']
const hereOf = (request: FrontRequest, { vaulting, facade }: Serving): Here => ({ request, vaulting, facade })

export function facadeRoutes(readiness: () => Promise<Readiness>): readonly VaultRoute[] {
  return [...sysRoutes(readiness), ...authRoutes(), ...(['GET', 'LIST', 'POST', 'PUT', 'PATCH', 'DELETE'] as const).map(mountRoute)]
}

function sysRoutes(readiness: () => Promise<Readiness>): readonly VaultRoute[] {
  const open = { ...common, method: 'GET', auth: { kind: 'public', why: 'It says whether secrets can be opened now, and nothing else.' }, costly: false } as const
  const gives = { type: 'application/json' } as const
  const inside = { ...common, method: 'GET', auth: token } as const
  return [
    { ...open, path: '/v1/sys/health', summary: 'For clients of KV v2: can secrets be opened?', gives: { ...gives, summary: 'sealed: false if they can.' }, handle: (request, serving) => health(hereOf(request, serving), readiness) },
    { ...open, path: '/v1/sys/seal-status', summary: 'For clients of KV v2: threshold and signers.', gives: { ...gives, summary: 'sealed: true if fewer answer than the threshold needs.' }, handle: (request, serving) => sealStatus(hereOf(request, serving), readiness) },
    { ...open, path: '/v1/sys/init', summary: 'For clients of KV v2: it is initialized.', gives: { ...gives, summary: 'Always.' }, handle: async () => initialized() },
    { ...inside, path: '/v1/sys/mounts', summary: 'For clients of KV v2: namespaces that the vault opens.', gives: { ...gives, summary: 'Mounts by path.' }, handle: (request, serving) => mounts(hereOf(request, serving), 'sys') },
    { ...inside, path: '/v1/sys/internal/ui/mounts', summary: 'The same.', gives: { ...gives, summary: 'Mounts by path.' }, handle: (request, serving) => mounts(hereOf(request, serving), 'ui') },
    { ...inside, path: '/v1/sys/internal/ui/mounts/*', summary: 'For clients of KV v2: the mount that a path is in.', gives: { ...gives, summary: 'A mount of type kv, version 2.' }, handle: (request, serving) => mountAt(hereOf(request, serving)) },
  ]
}

function authRoutes(): readonly VaultRoute[] {
  const gives = { type: 'application/json', summary: 'As KV v2 clients expect it.' } as const
  const login = (name: string, method: Method): VaultRoute => ({ ...common, method, path: `/v1/auth/${name}/login`, auth: { kind: 'public', why: 'The ID token in the body is the evidence; signers judge it.' }, summary: 'An ID token of a trust, for a token that clients of KV v2 can carry.', takes: small, gives, event: 'facade_login', handle: (request, serving) => logIn(hereOf(request, serving)) })
  const self = (name: string, method: Method, answer: (here: Here) => Promise<Reply | Failure>): VaultRoute => ({ ...common, method, path: `/v1/auth/token/${name}`, auth: token, summary: `What a token can ask about itself: ${name}.`, ...(method === 'GET' ? {} : { takes: small }), gives, event: 'facade_token', handle: (request, serving) => answer(hereOf(request, serving)) })
  return [
    ...(['jwt', 'kubernetes'] as const).flatMap((name) => [login(name, 'POST'), login(name, 'PUT')]),
    self('lookup-self', 'GET', lookUpSelf), self('lookup-self', 'POST', lookUpSelf),
    ...(['POST', 'PUT'] as const).flatMap((method) => [self('renew-self', method, renewSelf), self('revoke-self', method, revokeSelf)]),
  ]
}

/** A mount is a namespace, so what the roster says is there; all that lies below goes one way. */
const mountRoute = (method: Method): VaultRoute => ({
  ...common, method, path: '/v1/*', auth: token, summary: `${method} of a mount: data, metadata, subkeys, delete, undelete, destroy, config.`,
  ...(method === 'GET' || method === 'LIST' || method === 'DELETE' ? {} : { takes: body }),
  gives: { type: 'application/json', summary: 'As KV v2 answers.' }, event: 'facade',
  handle: (request, serving) => inMount(method, hereOf(request, serving)),
})

async function inMount(method: Method, here: Here): Promise<Reply | Failure> {
  const place = placeOf(here.request.rest)
  const combine = here.facade.namespaces.get(place?.mount ?? here.request.rest.split('/')[0] ?? '')
  if (combine === undefined) return fail('not_found')
  const caller = callerOf(here)
  if (!caller.ok) return caller
  if (place === undefined) return fail('malformed', { detail: 'This is no path: segments of A-Z a-z 0-9 _ . @ + = - that begin with a letter, digit or underscore, one slash between two.' })
  if (combine === 'caller') return (await isGood(caller.value)) ?? callerOnly(place.mount)
  here.request.event.note({ mount: place.mount, part: place.part, asked: method })
  const lists = method === 'LIST' || (method === 'GET' && new URLSearchParams(here.request.query).get('list') === 'true')
  return answerAt(lists ? 'LIST' : method, place, caller.value)
}

type Answer = (caller: Caller, path: NonNullable<ReturnType<typeof secretAt>>) => Promise<Reply | Failure>
const act = (name: 'delete' | 'undelete' | 'destroy'): Answer => (caller, path) => changeVersions(caller, path, name)
const meta = (how: 'put' | 'patch'): Answer => (caller, path) => changeMetadata(caller, path, how)

/** What each part of a mount can be asked, by method. */
const table: Readonly<Record<Exclude<Place['part'], 'config'>, Partial<Record<Method, Answer>>>> = {
  data: { GET: readData, POST: writeData, PUT: writeData, PATCH: patchData, DELETE: deleteLatest },
  subkeys: { GET: readSubkeys },
  metadata: { GET: readMetadata, POST: meta('put'), PUT: meta('put'), PATCH: meta('patch'), DELETE: removeAll },
  delete: { POST: act('delete'), PUT: act('delete') },
  undelete: { POST: act('undelete'), PUT: act('undelete') },
  destroy: { POST: act('destroy'), PUT: act('destroy') },
}

async function answerAt(method: Method, place: Place, caller: Caller): Promise<Reply | Failure> {
  const { part } = place
  if (part === 'config') return config(method, place, caller)
  if (part === 'metadata' && method === 'LIST') {
    const prefix = folderAt(place)
    return prefix === undefined ? fail('malformed', { detail: 'This is no folder.' }) : listNames(caller, prefix)
  }
  const answer = table[part][method]
  if (answer === undefined) return fail('method_not_allowed', { detail: 'unsupported operation' })
  const path = secretAt(place)
  return path === undefined ? fail('malformed', { detail: 'This is no path of a secret: 1 to 15 segments behind the mount, of at most 64 of A-Z a-z 0-9 _ . @ + = -, no slash at the end.' }) : answer(caller, path)
}

/** The same for every mount: settings belong to each secret. */
async function config(method: Method, { segments }: Place, caller: Caller): Promise<Reply | Failure> {
  if (segments.length > 0) return fail('not_found')
  const bad = await isGood(caller)
  if (bad !== undefined) return bad
  if (method === 'GET') return answerOf(caller.request.requestId, { data: { cas_required: false, delete_version_after: '0s', max_versions: 10 } })
  return fail('method_not_allowed', { detail: 'A mount has no settings of its own here: set those of each secret.' })
}
