import { adoptReply, type AdoptReply, type Book } from '@symbolon/protocol/book.ts'
import type { Reason } from '@symbolon/protocol/reason.ts'
import type { StopsReply, StopsRequest, Word } from '@symbolon/protocol/change.ts'
import { askAll } from '@symbolon/runtime/fanout.ts'
import { readAnswer, type SignerChannel } from './signer-wire.ts'

export interface HandingOn {
  readonly signers: readonly { readonly row: { readonly id: number }; readonly channel: SignerChannel }[]
  readonly threshold: number
  readonly timeoutMs: number
}

/** `reply`: undefined from a signer that said nothing, or nothing that can be read. */
export interface HandedOn {
  readonly signer: number
  readonly reply: AdoptReply | undefined
}

/** When t have taken it, the others get this long; they hear of it from each other too. */
const graceMs = 500

/** Gives a part of the book to every signer. Each decides by itself what of it to believe. */
export async function handOn({ signers, threshold, timeoutMs }: HandingOn, part: Book): Promise<HandedOn[]> {
  const body = JSON.stringify(part)
  const asked = await askAll<HandingOn['signers'][number], AdoptReply | undefined>({
    peers: signers,
    ask: async ({ channel }) => {
      const answer = readAnswer(await channel.post('/v1/adopt', body, { timeoutMs, maxBytes: 256 * 1024 }), adoptReply)
      return answer.ok ? answer.value : undefined
    },
    judge: ({ answers, overdue }) => (overdue && answers.filter(({ answer }) => answer?.result === 'adopted').length >= threshold ? { verdict: 'enough' } : { verdict: 'wait' }),
    hedgeAfterMs: graceMs,
    deadlineMs: timeoutMs,
  })
  return signers.map(({ row }) => ({ signer: row.id, reply: asked.answers.find(({ peer }) => peer.row.id === row.id)?.answer }))
}

/** Stops for the api: shown to every signer. They need no certificate, so one honest signer that keeps them is enough. */
export async function stopAll(handing: HandingOn & { take(part: Book): void }, { stops }: StopsRequest): Promise<StopsReply> {
  const part: Book = { v: 1, versions: [], entries: [], stops }
  const handed = await handOn(handing, part)
  const words = handed.map(({ signer, reply }) => wordOf(signer, reply, stops.length))
  if (words.some(({ state }) => state === 'kept')) handing.take(part)
  const reasons = handed.flatMap(({ reply }) => (reply?.result === 'refused' ? reply.reasons : []))
  return { v: 1, words, reasons: distinct(reasons) }
}

function wordOf(signer: number, reply: AdoptReply | undefined, wanted: number): Word {
  if (reply === undefined) return { signer, state: 'unreachable' }
  switch (reply.result) {
    case 'adopted':
      // What it does not believe it passes over in silence; the count tells.
      return { signer, state: reply.stops >= wanted ? 'kept' : 'refused' }
    case 'refused':
      return { signer, state: 'refused', ...(reply.reasons[0] === undefined ? {} : { code: reply.reasons[0].code }) }
    case 'not_now':
      return { signer, state: 'not_now', code: reply.code }
  }
}

const distinct = (reasons: readonly Reason[]): Reason[] => [...new Map(reasons.map((item) => [JSON.stringify(item), item])).values()].slice(0, 64)
