import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { z } from 'zod'
import type { Json } from '@symbolon/protocol/json.ts'
import { decodeAs, decodeJson, type Decoded } from '@symbolon/protocol/json.ts'
import type { Claims } from '@symbolon/evidence/trust.ts'
import { readBundle, type Bundle } from '@symbolon/policy/bundle.ts'
import { defaultData, defaultProgram } from '@symbolon/policy/files.ts'
import { rehearse, type Asker, type Rehearsal } from '@symbolon/policy/rehearse.ts'
import { ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { plan, planBytesLimit } from '@symbolon/roster/plan.ts'
import { problemsOf, roster, rosterBytesLimit, template, type RosterDraft } from '@symbolon/roster/roster.ts'
import type { ExplainFlags } from './explain.ts'
import { explainedView } from './explained.ts'
import { LocalFailure, systemWhy } from './failure.ts'
import type { Io } from './io.ts'
import { partsOf } from './request.ts'
import type { Settings } from './settings.ts'
import type { View } from './view.ts'

/** What the judge would say, for the author of a roster or policy: no server, key or signature is needed. */
export function explainOffline(flags: ExplainFlags, settings: Settings, io: Io): Outcome<View> {
  const { scope, ttl, reason, ctx } = partsOf(flags)
  const aud = settings.audience?.value
  const client = settings.client?.from === 'home' ? undefined : settings.client?.value
  const rehearsal = rehearse({
    roster: rosterOf(flags, io),
    bundle: bundleOf(flags, io),
    asker: askerOf(flags, settings),
    wish: { scope: [...scope], ...given({ ttl, reason, aud, client }), ...(ctx === undefined ? {} : { ctx: { ...ctx } }) },
    now: io.now(),
  })
  return ok(rehearsedView(rehearsal))
}

const given = <T extends Readonly<Record<string, unknown>>>(fields: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as { [Name in keyof T]?: Exclude<T[Name], undefined> }

function askerOf({ claims, service, person, touch, roles }: ExplainFlags, { subject }: Settings): Asker {
  if ([claims, service, person, roles].filter((each) => each !== undefined).length > 1) throw new LocalFailure('Two askers are named', '--claims, --service, --person and --roles exclude each other', 'Give one of them.')
  if (touch && person === undefined) throw new LocalFailure('Nobody is named who touches', '--touch is about --person', 'Give --person, or leave --touch out.')
  if (claims !== undefined) return { kind: 'claims', claims: claimsOf(claims), ...(subject === undefined || subject.from === 'home' ? {} : { sub: subject.value }) }
  if (service !== undefined) return { kind: 'service', id: service }
  if (person !== undefined) return { kind: 'person', id: person, touch }
  return { kind: 'roles', roles: (roles ?? '').split(',').filter((role) => role !== '') }
}

function claimsOf(path: string): Claims {
  const decoded = decodeJson(bytesOf(path), 65_536)
  if (decoded.ok && typeof decoded.value === 'object' && decoded.value !== null && !Array.isArray(decoded.value)) return decoded.value as Readonly<Record<string, Json>>
  throw new LocalFailure(`${path} holds no claims`, decoded.ok ? 'it is JSON, but no object' : decoded.reason, 'Give the payload of an ID token as a JSON object.')
}

/** A roster, a plan, or the template in it; by default what the development deployment has. */
function rosterOf({ roster: path }: ExplainFlags, io: Io): RosterDraft {
  const file = path ?? inHome(io, 'roster.json', '--roster')
  const bytes = bytesOf(file)
  const read: (Decoded<RosterDraft> | undefined)[] = [readAs(roster, bytes), readAs(template, bytes), templateIn(bytes)]
  const found = read.find((each) => each?.ok === true)
  if (found?.ok !== true) throw new LocalFailure(`${file} is no roster`, read[1]?.ok === false ? read[1].problems.map(({ pointer, message }) => `${pointer} ${message}`).slice(0, 4).join('; ') || read[1].reason : 'unreadable', 'Give a roster, a ceremony plan, or the template of version 1.')
  const problems = problemsOf(found.value)
  if (problems.length > 0) throw new LocalFailure(`${file} contradicts itself`, problems.join('; '), 'Correct it; the signers would refuse it too.')
  return found.value
}

const readAs = <T extends RosterDraft>(schema: z.ZodType<T>, bytes: Buffer): Decoded<RosterDraft> => decodeAs(schema, bytes, rosterBytesLimit)

function templateIn(bytes: Buffer): Decoded<RosterDraft> | undefined {
  const decoded = decodeAs(plan, bytes, planBytesLimit)
  return decoded.ok ? { ok: true, value: decoded.value.template } : undefined
}

/** A folder with `policy.wasm` and `data.json`, or data alone for the program that this client carries. */
function bundleOf({ policy }: ExplainFlags, io: Io): Bundle {
  const folder = policy ?? (io.env['SYMBOLON_HOME'] ? inHome(io, 'policy', '--policy') : undefined)
  const files = folder === undefined ? { wasm: readFileSync(defaultProgram), data: readFileSync(defaultData) } : folder.endsWith('.json') ? { wasm: readFileSync(defaultProgram), data: bytesOf(folder) } : { wasm: bytesOf(join(folder, 'policy.wasm')), data: bytesOf(join(folder, 'data.json')) }
  const read = readBundle(files)
  if (read.ok) return read.bundle
  throw new LocalFailure(`${folder ?? 'the policy'} cannot be used`, read.problems.map(({ pointer, message }) => `${pointer} ${message}`.trim()).join('; '), 'Give a policy folder, or its data file.')
}

function inHome({ env }: Io, name: string, flag: string): string {
  const home = env['SYMBOLON_HOME']
  if (!home) throw new LocalFailure(`${flag} is missing`, 'there is no development deployment to take it from', `Give ${flag}.`)
  return join(home, 'api', name)
}

function bytesOf(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw new LocalFailure(`${path} cannot be read`, systemWhy(error.code), 'Check the path.')
    throw error
  }
}

function rehearsedView({ explanation, matching, misses, flaws }: Rehearsal): View {
  const near = misses.slice(0, 5).map(({ trust, unmet }) => ({ trust: trust.id, unmet: unmet.map(({ claim, found, wanted }) => ({ claim, found: found ?? null, wanted })) }))
  const view = explainedView(explanation, { matching, near, flaws })
  const nearRows = near.flatMap(({ trust, unmet }) => unmet.map(({ claim, found, wanted }, at) => [at === 0 ? trust : '', claim, found === null ? '(absent)' : JSON.stringify(found), wanted]))
  return {
    ...view,
    tables: [...view.tables, ...(nearRows.length === 0 ? [] : [{ head: ['TRUST', 'CLAIM', 'IS', 'WANTED'], rows: nearRows }])],
  }
}
