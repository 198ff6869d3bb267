import { bytesOf, type Base64url } from '@symbolon/protocol/bytes.ts'
import { acceptReply, entryDigest, slotOfEntry, type Accept, type AcceptCertificate, type AcceptReply, type AcceptRequest, type Book, type Slot } from '@symbolon/protocol/book.ts'
import type { ChangeReply, Word } from '@symbolon/protocol/change.ts'
import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import type { Reason } from '@symbolon/protocol/reason.ts'
import { acceptHolds } from '@symbolon/roster/certificate.ts'
import { decodeRoster, rosterDigest, type SignerRow } from '@symbolon/roster/roster.ts'
import { askAll } from '@symbolon/runtime/fanout.ts'
import { handOn } from './hand-on.ts'
import { readAnswer, type SignerChannel } from './signer-wire.ts'

export interface ChangeSigner {
  readonly row: SignerRow
  readonly channel: SignerChannel
}

export interface Changing {
  readonly lineage: Base64url
  readonly threshold: number
  readonly signers: readonly ChangeSigner[]
  /** Milliseconds that a signer may take to judge a change: signatures, registrations and a policy bundle. */
  readonly acceptMs: number
  /** Milliseconds that a signer may take to adopt what is certified. */
  readonly adoptMs: number
  /** Puts what is certified into the coordinator's own book. */
  take(part: Book): void
}

type Refused = Extract<AcceptReply, { result: 'refused' }>
type Heard =
  | { readonly heard: 'accepted'; readonly accept: Accept }
  | { readonly heard: 'refused'; readonly reasons: Refused['reasons'] }
  | { readonly heard: 'not_now'; readonly code: NotNowCode }
  | { readonly heard: 'unreachable' | 'faulty' }

/**
 * A change for the api: every signer is asked whether it accepts it, each by itself; the words of t are a certificate, which then goes to all
 * of them. Nothing is judged here, and nothing here could make a certificate without t signers' identity keys.
 */
export async function changeRoster(changing: Changing, request: AcceptRequest): Promise<ChangeReply> {
  const wanted = wantedOf(request)
  if (wanted === undefined) return notNow('item_malformed', [])
  const { threshold, signers, acceptMs } = changing
  const asked = await askAll<ChangeSigner, Heard>({
    peers: signers,
    ask: (signer) => askOne(signer, JSON.stringify(request), { ...wanted, lineage: changing.lineage }, acceptMs),
    judge: ({ answers }) => {
      if (count(answers, 'accepted') >= threshold) return { verdict: 'enough' }
      return { verdict: count(answers, 'refused') > signers.length - threshold ? 'impossible' : 'wait' }
    },
    deadlineMs: acceptMs,
  })
  const words = signers.map(({ row }) => wordOf(row.id, asked.answers.find(({ peer }) => peer.row.id === row.id)?.answer))
  if (asked.outcome === 'impossible') return { v: 1, state: 'refused', reasons: reasonsOf(asked.answers.map(({ answer }) => answer)), words }
  const accepts = asked.answers.flatMap(({ answer }) => (answer.heard === 'accepted' ? [answer.accept] : []))
  if (accepts.length < threshold) return notNow(mostSaid(asked.answers.map(({ answer }) => answer)), words)

  const certificate: AcceptCertificate = { ...wanted, accepts: accepts.toSorted((a, b) => a.signer - b.signer) }
  return { v: 1, state: 'accepted', certificate, words: await adopt(changing, partOf(request, certificate), words) }
}

/** Whoever has adopted it counts as that; of the others, what they said before. */
async function adopt(changing: Changing, part: Book, words: readonly Word[]): Promise<Word[]> {
  const adopted = await handOn({ ...changing, timeoutMs: changing.adoptMs }, part)
  // Last: a coordinator that is ahead of every signer could only send them what they cannot answer yet.
  changing.take(part)
  return words.map((word) => {
    const said = adopted.find(({ signer }) => signer === word.signer)
    if (said?.reply?.result === 'adopted') return { signer: word.signer, state: 'adopted' }
    return word
  })
}

/** The slot and subject that this request can be accepted for. @returns undefined if there are none, so no signer would either */
function wantedOf(request: AcceptRequest): { readonly slot: Slot; readonly subject: Base64url } | undefined {
  if (request.what === 'entry') return { slot: slotOfEntry(request.entry.statement), subject: entryDigest(request.entry.statement) }
  const document = decodeRoster(bytesOf(request.change.document))
  return document.ok && document.value.version > 1 ? { slot: { of: 'roster', version: document.value.version }, subject: rosterDigest(document.value) } : undefined
}

const partOf = (request: AcceptRequest, certificate: AcceptCertificate): Book => ({
  v: 1,
  versions: request.what === 'change' ? [{ change: request.change, certificate }] : [],
  entries: request.what === 'entry' ? [{ entry: request.entry, certificate }] : [],
  stops: [],
})

async function askOne({ row, channel }: ChangeSigner, body: string, wanted: { readonly lineage: Base64url; readonly slot: Slot; readonly subject: Base64url }, timeoutMs: number): Promise<Heard> {
  const answer = readAnswer(await channel.post('/v1/accept', body, { timeoutMs, maxBytes: 256 * 1024 }), acceptReply)
  if (!answer.ok) return 'fault' in answer ? { heard: 'faulty' } : { heard: 'unreachable' }
  const reply = answer.value
  switch (reply.result) {
    case 'accepted':
      return isWord(reply, row, wanted) ? { heard: 'accepted', accept: reply.accept } : { heard: 'faulty' }
    case 'refused':
      return { heard: 'refused', reasons: reply.reasons }
    case 'not_now':
      return { heard: 'not_now', code: reply.code }
  }
}

/** Is this the word of the very signer that was asked, by its identity key, for exactly what it was asked? */
function isWord({ slot, subject, accept }: Extract<AcceptReply, { result: 'accepted' }>, row: ChangeSigner['row'], wanted: { readonly lineage: Base64url; readonly slot: Slot; readonly subject: Base64url }): boolean {
  const asked = subject === wanted.subject && Buffer.compare(canonical(slot), canonical(wanted.slot)) === 0
  return asked && accept.signer === row.id && acceptHolds(accept, wanted, [row], wanted.lineage)
}

const count = (answers: readonly { readonly answer: Heard }[], heard: Heard['heard']): number => answers.filter(({ answer }) => answer.heard === heard).length

function wordOf(signer: number, heard: Heard | undefined): Word {
  if (heard === undefined) return { signer, state: 'unreachable', code: 'timed_out' }
  switch (heard.heard) {
    case 'refused':
      return { signer, state: 'refused', ...(heard.reasons[0] === undefined ? {} : { code: heard.reasons[0].code }) }
    case 'not_now':
      return { signer, state: 'not_now', code: heard.code }
    default:
      return { signer, state: heard.heard }
  }
}

/** Each thing once, in the order in which it was first said. */
function reasonsOf(answers: readonly Heard[]): Reason[] {
  const reasons = answers.flatMap((answer) => (answer.heard === 'refused' ? answer.reasons : []))
  return [...new Map(reasons.map((item) => [JSON.stringify(item), item])).values()].slice(0, 64)
}

/** What most of those said that cannot now; that there are too few, if they said nothing. */
function mostSaid(answers: readonly Heard[]): NotNowCode {
  const said = Map.groupBy(answers.flatMap((answer) => (answer.heard === 'not_now' ? [answer.code] : [])), (code) => code)
  const [most] = [...said].toSorted(([, a], [, b]) => b.length - a.length)
  return most?.[0] ?? 'quorum_unavailable'
}

const notNow = (code: NotNowCode, words: readonly Word[]): ChangeReply => ({ v: 1, state: 'not_now', code, words: [...words] })
