import { Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { taggedHash, toBase64url } from '@symbolon/protocol/bytes.ts'
import { reasonOf } from '@symbolon/protocol/reason.ts'
import type { RequestHash } from '@symbolon/protocol/sign.ts'
import { answer, makeVault, readOf, recordWith, signed, writeOf } from '@symbolon/policy/secrets.testkit.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import { openMetrics } from '@symbolon/runtime/metrics.ts'
import { alarms, openAudit, type Audit } from './audit.ts'

/* What each event of a signer promises to whoever collects it. Strict: a field that nobody decided on fails, too. */

const line = { level: z.enum(['info', 'warn', 'error']), time: z.iso.datetime(), process: z.literal('signer-1'), signer: z.literal(1), boot: z.literal('boot-1') }
const asked = { by: z.string(), request_id: z.string() }
const brought = { by: z.string(), request_id: z.string().optional() }
const digest = z.string().length(43)
const codes = z.array(z.string().regex(/^[a-z_]+$/))
const slot = z.union([z.strictObject({ of: z.literal('roster'), version: z.int() }), z.strictObject({ of: z.literal('row'), row: z.string(), key: digest, seq: z.int() })])
const secret = z.strictObject({ path: z.string(), version: z.union([z.int(), z.literal('latest')]).optional(), seq: z.int().optional() })
const until = z.int()

const events = z.union([
  z.strictObject({ ...line, event: z.literal('decision'), ...asked, attempt: z.string().optional(), request: digest, intent: digest.optional(), kind: z.string().optional(), secrets: z.array(secret).optional(), principal: z.string().optional(), bytes_hash: digest.optional(), result: z.enum(['signed', 'opened', 'refused', 'not_now']), codes, hidden: codes.optional() }),
  z.strictObject({ ...line, event: z.literal('receipt'), ...asked, path: z.string().optional(), seq: z.int().optional(), record: digest.optional(), result: z.enum(['known', 'receipted', 'older', 'overtaken', 'unsigned', 'ill']) }),
  z.strictObject({ ...line, event: z.literal('known'), ...asked, asked: z.int(), found: z.int() }),
  z.strictObject({ ...line, level: z.literal('error'), event: z.literal('alarm'), alarm: z.literal('record_forked'), path: digest, seq: z.int(), record: digest }),
  z.strictObject({ ...line, event: z.literal('accept'), ...asked, what: z.enum(['change', 'entry']), result: z.literal('accepted'), codes: codes.length(0), slot, subject: digest }),
  z.strictObject({ ...line, event: z.literal('accept'), ...asked, what: z.enum(['change', 'entry']), result: z.enum(['refused', 'not_now']), codes: codes.min(1) }),
  z.strictObject({ ...line, event: z.literal('adopt'), ...brought, versions: z.array(digest), entries: z.array(digest), stops: z.int(), result: z.enum(['adopted', 'refused', 'not_now']), codes }),
  z.strictObject({ ...line, event: z.literal('stop'), ...brought, intent: digest, kind: z.literal('locked'), locked: z.strictObject({ row: z.string(), until }) }),
  z.strictObject({ ...line, event: z.literal('stop'), ...brought, intent: digest, kind: z.literal('revoked'), revoked: z.strictObject({ id: digest, by: z.string(), guardian: z.boolean(), until }) }),
  z.strictObject({ ...line, level: z.literal('error'), event: z.literal('alarm'), alarm: z.enum(alarms), peer: z.int() }),
  z.strictObject({ ...line, level: z.literal('error'), event: z.literal('alarm'), alarm: z.enum(alarms), err: z.looseObject({}) }),
  z.strictObject({ ...line, event: z.literal('peer'), peer: z.int(), outcome: z.string(), msg: z.literal('peer') }),
])

function told(tell: (audit: Audit) => void): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = []
  const log = openLog({ process: 'signer-1', level: 'info', to: new Writable({ write: (text, _, done) => { lines.push(JSON.parse(String(text)) as Record<string, unknown>); done() } }) })
  tell(openAudit({ log, metrics: openMetrics({ process: 'test' }), always: () => ({ signer: 1, boot: 'boot-1' }) }))
  return lines
}

const hash = (text: string) => taggedHash('audit-test/v1', new TextEncoder().encode(text))
const named = (text: string) => toBase64url(hash(text))
const by = { by: 'symbolon:coordinator/1', requestId: 'request-1' }
const peer = { by: 'symbolon:signer/2' }
const reason = reasonOf('change_unsound', 'No.', { rule: 'roster.document' })
const world = makeVault()
const record = recordWith(world)
const judged = answer(world, readOf(world), [signed(record)])
if (judged.verdict !== 'granted' || judged.grants !== 'reading') throw new Error('refused')
const reading = judged
const part = { v: 1 as const, versions: [], entries: [], stops: [] }

describe('L-3 an event has the fields that it promises, and no others:', () => {
  test.each<[string, (audit: Audit) => void]>([
    ['a decision that was put off', (audit) => audit.decision({ ...by, request: hash('request') as unknown as RequestHash, attempt: 'attempt-1', judgement: undefined, answer: { result: 'not_now', code: 'ill' } })],
    ['an opening', (audit) => audit.decision({ ...by, request: hash('request') as unknown as RequestHash, attempt: 'attempt-1', judgement: reading, answer: { result: 'opened', sealed: { enc: named('enc'), ct: named('ct') } } })],
    ['an opening that was denied, with what its requester is not told', (audit) => audit.decision({ ...by, request: hash('request') as unknown as RequestHash, attempt: 'attempt-1', judgement: { verdict: 'refused', intent: reading.intent, reasons: [reasonOf('secret_not_found', 'No.')], hidden: [reasonOf('policy_denied', 'No.')] }, answer: { result: 'not_now', code: 'ill' } })],
    ['a record', (audit) => audit.decision({ ...by, request: hash('request') as unknown as RequestHash, attempt: 'attempt-1', judgement: { verdict: 'refused', intent: writeOf(world), reasons: [reason] }, answer: { result: 'not_now', code: 'ill' } })],
    ['a receipt', (audit) => audit.receipt({ ...by, path: 'app/db', seq: 1, record: named('record'), result: 'receipted' })],
    ['no receipt', (audit) => audit.receipt({ ...by, result: 'unsigned' })],
    ['a vault that asks what is known', (audit) => audit.known({ ...by, asked: 2, found: 1 })],
    ['two records under one number', (audit) => audit.alarm('record_forked', { path: named('path'), seq: 1, record: named('record') })],
    ['a word that was given', (audit) => audit.accept({ ...by, what: 'change', reply: { v: 1, result: 'accepted', slot: { of: 'roster', version: 3 }, subject: named('document'), accept: { signer: 1, iat: 1, signature: named('signature') } } })],
    ['a word that was refused', (audit) => audit.accept({ ...by, what: 'entry', reply: { v: 1, result: 'refused', reasons: [reason] } })],
    ['a word that was put off', (audit) => audit.accept({ ...by, what: 'change', reply: { v: 1, result: 'not_now', code: 'peers_unheard' } })],
    ['an adoption by a caller', (audit) => audit.adoption({ ...by, part, reply: { v: 1, result: 'adopted', version: 3, stops: 0 } })],
    ['an adoption from a peer', (audit) => audit.adoption({ ...peer, part, reply: { v: 1, result: 'refused', reasons: [reason] } })],
    ['a lock', (audit) => audit.stop({ ...peer, intent: named('intent'), fact: { kind: 'locked', locked: { row: 'ann', until: 2 } } })],
    ['a revocation', (audit) => audit.stop({ ...by, intent: named('intent'), fact: { kind: 'revoked', revoked: { id: named('grant'), by: 'ann', guardian: false, until: 2 } } })],
    ['an alarm', (audit) => audit.alarm('two_boots', { peer: 2 })],
    ['an alarm with an error', (audit) => audit.failed('journal_failed', new Error('disk'))],
    ['a peer that was heard', (audit) => audit.peer(2, 'heard')],
    ['a peer that was not', (audit) => audit.peer(2, 'book_malformed')],
  ])('%s', (_, tell) => {
    const lines = told(tell)
    expect(lines).toHaveLength(1)
    expect(events.safeParse(lines[0]).error?.message).toBeUndefined()
  })
})
