import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import { grantWords, type GrantRequest } from '@symbolon/protocol/grant.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { Client } from '@symbolon/sdk/client.ts'
import { grantCredential } from '@symbolon/sdk/credential.ts'
import type { Deployment } from '@symbolon/sdk/deployment.ts'
import { failed, ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { consoleGrantUrl, judgeGrant, newGrantRequest, type OpenedGrant } from '@symbolon/sdk/grant.ts'
import { printable, steerless } from '@symbolon/sdk/scrub.ts'
import { consoleUrl, hasBrowser, mayOpen, openPage } from './browser.ts'
import { listenForGrant } from './callback.ts'
import { clientOf, secondsOf } from './connect.ts'
import { LocalFailure } from './failure.ts'
import { ceilingRows, grantData, grantRows } from './grant-view.ts'
import { heldGrant, holdGrant } from './grants.ts'
import { slowly, type Io } from './io.ts'
import type { Settings } from './settings.ts'
import { timeText, type View } from './view.ts'

export const loginFlags = z.object({
  scope: z.array(z.string()).default([]),
  aud: z.array(z.string()).default([]),
  maxTtl: z.string().optional(),
  hours: z.string().default('8'),
  device: z.boolean().default(false),
  browser: z.boolean().default(true),
  dryRun: z.boolean().default(false),
  printRequest: z.boolean().default(false),
})
type LoginFlags = z.infer<typeof loginFlags>

/** Roster id of this program, where the settings name no other. */
const ownClient = 'symbolon-cli'
/** How long a person has for the touch. */
const patience = 600_000

interface Login {
  readonly client: Client
  readonly deployment: Deployment
  readonly key: KeyObject
  readonly request: GrantRequest
  readonly flags: LoginFlags
}

/** A key is made here, a person touches a passkey for it in the console, and until the grant ends this machine may ask in their name. */
export async function login(flags: LoginFlags, settings: Settings, io: Io): Promise<Outcome<View>> {
  const opened = clientOf(settings, io)
  if (!opened.ok) return opened
  const client = opened.value
  try {
    const deployment = await slowly(io, 'fetching the keyset', client.deployment())
    if (!deployment.ok) return deployment
    const key = generateKeyPairSync('ed25519').privateKey
    const request = requestOf(flags, key, settings, io)
    if (!request.ok) return request
    if (flags.printRequest) io.err.write(`${JSON.stringify(request.value, undefined, 2)}\n`)
    if (flags.dryRun) return ok(requestView(request.value))
    if (!deployment.value.pinned) io.err.write('warning: the keyset is not pinned; the server could have shown its own\n')
    const one: Login = { client, deployment: deployment.value, key, request: request.value, flags }
    const granted = await (wantsDevice(flags, io) ? byDevice(one, settings, io) : byBrowser(one, settings, io))
    return granted.ok ? await keep(granted.value, one, settings, io) : granted
  } finally {
    await client.close()
  }
}

/** Somebody who says that no browser is to be opened has one elsewhere on this machine; a machine without a screen has none. */
const wantsDevice = (flags: LoginFlags, io: Io): boolean => flags.device || (flags.browser && !io.env['SYMBOLON_NO_BROWSER'] && !hasBrowser(io))

function requestOf({ scope, aud, hours, maxTtl }: LoginFlags, key: KeyObject, settings: Settings, io: Io): Outcome<GrantRequest> {
  const wanted = Number(hours)
  if (!/^[0-9]{1,2}$/.test(hours) || wanted < 1 || wanted * 3_600 > limits.grantTtl) throw new LocalFailure('--hours is not usable', `${JSON.stringify(hours.slice(0, 20))} is not from 1 to ${limits.grantTtl / 3_600}`, 'Give whole hours, for example --hours 8.')
  const scopes = scope.flatMap((each) => each.split(/[\s,]+/)).filter((each) => each !== '')
  const ceiling = {
    ...(aud.length === 0 ? {} : { aud: [...new Set(aud)].toSorted() }),
    ...(scopes.length === 0 ? {} : { scope: scopes }),
    ...(maxTtl === undefined ? {} : { max_ttl: secondsOf(maxTtl, '--max-ttl') }),
  }
  return newGrantRequest({ key, client: settings.client?.value ?? ownClient, ceiling, end: io.now() + wanted * 3_600 })
}

const wordsOf = (request: GrantRequest): string => grantWords(request).join(' ')

const requestView = (request: GrantRequest): View => ({
  data: { sent: false, request, words: grantWords(request) },
  raw: wordsOf(request),
  tables: [{ rows: [['would ask for', request.client], ...ceilingRows(request.ceiling), ['until', timeText(request.end)], ['words', wordsOf(request)]] }],
})

async function byBrowser({ client, deployment, request, flags }: Login, settings: Settings, io: Io): Promise<Outcome<OpenedGrant>> {
  const console = await consoleUrl(client, settings, io)
  if (!console.ok) return console
  const callback = await listenForGrant({ judge: (text) => judgeGrant(text, request, deployment, io.now()), timeoutMs: patience })
  try {
    const url = consoleGrantUrl(console.value, request, callback.url)
    io.err.write(`Touch your passkey in the console, if it shows these words:\n\n  ${wordsOf(request)}\n\n  ${steerless(url)}\n\n`)
    if (mayOpen(flags, io) && !(await openPage(url, io))) io.err.write('No browser could be opened: open the address above yourself.\n')
    return await callback.outcome
  } finally {
    await callback.close()
  }
}

async function byDevice({ client, key, request }: Login, settings: Settings, io: Io): Promise<Outcome<OpenedGrant>> {
  const device = await slowly(io, 'asking the api', client.beginDevice(request))
  if (!device.ok) return device
  const page = settings.console === undefined ? device.value.verification_uri : `${settings.console.value.replace(/\/$/, '')}/device`
  io.err.write(`Open ${printable(page)} where your passkey is, and type\n\n  ${device.value.user_code}\n\nTouch only if it shows these words:\n\n  ${wordsOf(request)}\n\n`)
  const granted = await client.awaitDevice({ request, key, device: device.value })
  return !granted.ok && granted.error.code === 'expired_token' ? failed('grant_timeout') : granted
}

/** Asked for only to be judged: no roster lists it, so no answer could be a token. */
const probe = 'symbolon:login'

/** The api looks at it before it is kept, so that a grant that nobody takes is found out now. The signers judge it again each time. */
async function keep(granted: OpenedGrant, { client, key }: Login, settings: Settings, io: Io): Promise<Outcome<View>> {
  const { intent, grant } = granted
  const explained = await slowly(io, 'asking the api', client.explain({ sub: intent.sub, client: intent.client, scope: [probe] }, grantCredential({ grant, key })))
  if (explained.ok && explained.value.principal === undefined) return failed(explained.value.reasons[0]?.code ?? 'grant_invalid', { reasons: explained.value.reasons })
  if (!explained.ok && explained.error.code !== 'unreachable' && explained.error.kind !== 'server') return explained
  if (!explained.ok) io.err.write(`warning: whether the grant is taken could not be tried (${explained.error.code})\n`)
  const before = heldGrant(intent.lineage, io)
  const place = await holdGrant(granted, key, settings, io)
  if (!place.ok) return place
  if (place.value === 'file' && settings.key_store?.value !== 'file' && before?.place !== 'file') io.err.write('The key of the grant rests in a file that only you can read: there is no OS keychain that works here.\n')
  return ok({
    data: { ...grantData(granted, io.now()), key_store: place.value },
    raw: intent.sub,
    tables: [{ rows: [['signed in as', intent.sub], ...grantRows(granted, io.now()), ['key', place.value === 'file' ? 'a file of 0600' : 'the OS keychain']] }],
  })
}
