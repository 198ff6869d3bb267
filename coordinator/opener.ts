import { limits } from '@symbolon/protocol/limits.ts'
import { openReplyBytes, type OpenAnswer, type OpenReply } from '@symbolon/protocol/open.ts'
import { unreadableRequestHash, type RequestHash } from '@symbolon/protocol/sign.ts'
import { openBatches, type Batches } from './batch.ts'
import { heardNotNow, heardOf, type AskedToOpen, type HeardOpening } from './heard.ts'
import type { PeerOptions, Repute } from './repute.ts'
import { bodyOverhead, callOpen, refusalHolds } from './signer-wire.ts'

interface Queued {
  readonly asked: AskedToOpen
  readonly at: number
}

/** One signer as it is asked to open secrets. */
export interface Opener {
  readonly id: number
  readonly excluded: boolean
  /** Lower is better. */
  readonly rank: number
  /** Milliseconds after which an answer counts as late, for what is asked now. */
  readonly patience: number
  open(asked: AskedToOpen): Promise<HeardOpening>
  late(): void
}

export function openOpener(options: PeerOptions, repute: Repute): Opener {
  const health = repute.health.opening
  const batches: Batches<Queued, HeardOpening> = openBatches<Queued, HeardOpening>({
    call: (queued) => call(options, repute, queued),
    maxItems: limits.openItems,
    maxWeight: limits.openBodyBytes - bodyOverhead,
    weigh: ({ asked }) => asked.json.length + 1,
    unwanted: ({ asked }) => !asked.wanted(),
    calls: options.settings.calls,
    stalledMs: 100,
    maxCalls: 8,
  })
  return {
    id: repute.id,
    get excluded() {
      return repute.excluded
    },
    get rank() {
      return health.rank(batches.load)
    },
    get patience() {
      return health.patience
    },
    async open(asked) {
      const sent = await batches.add({ asked, at: options.clock() })
      return sent.sent ? sent.value : { heard: 'unsent' }
    },
    late: () => health.late(),
  }
}

async function call({ channel, suite, settings, clock }: PeerOptions, repute: Repute, queued: readonly Queued[]): Promise<readonly HeardOpening[]> {
  const [sentAt, items] = [clock(), queued.map(({ asked }) => asked)]
  const reply = await callOpen(channel, items, settings.callMs)
  if (!reply.ok) {
    repute.noteFailure(reply)
    return items.map(() => heardOf(reply))
  }
  // Nobody here can look into what is sealed. That the signer stands by it is all there is to check, and what blame later rests on.
  if (!repute.admit(reply.value.certificate, sentAt) || !signed(reply.value)) return items.map(() => ({ heard: 'nonsense' }))
  repute.health.opening.answered(clock() - (queued[0]?.at ?? sentAt))
  repute.alive()
  repute.noteWell()
  return items.map((asked, at) => hear(asked, reply.value, reply.value.answers[at]))

  function signed({ certificate, answers, signature }: OpenReply): boolean {
    const holds = requestsOf(items, answers).some((requests) => repute.said(certificate, openReplyBytes(certificate.boot, requests, answers), signature))
    if (!holds) repute.blame({ signer: repute.id, kind: 'signature_invalid' })
    return holds
  }

  function hear({ item, request }: AskedToOpen, { certificate }: OpenReply, answer: OpenAnswer | undefined): HeardOpening {
    if (answer === undefined) throw new TypeError('the count of answers was checked')
    switch (answer.result) {
      case 'opened':
        return { heard: 'opened', sealed: answer.sealed }
      case 'refused':
        if (refusalHolds(suite, certificate, { item, request }, answer.refusal)) return { heard: 'refused', refusal: answer.refusal }
        repute.blame({ signer: repute.id, kind: 'signature_invalid' })
        return { heard: 'nonsense' }
      case 'not_now':
        return heardNotNow(answer, repute.health.opening)
    }
  }
}

/** What the signer was asked, as it may name it: an item that it could not even read has another hash. */
function requestsOf(items: readonly AskedToOpen[], answers: readonly OpenAnswer[]): RequestHash[][] {
  const asked = items.map(({ request }) => request)
  const isUnread = (at: number) => answers[at]?.result === 'not_now' && answers[at].code === 'item_malformed'
  const unread = items.map(({ item, request }, at) => (isUnread(at) ? unreadableRequestHash(item) : request))
  return answers.some((_, at) => isUnread(at)) ? [asked, unread] : [asked]
}
