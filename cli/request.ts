import { z } from 'zod'
import type { Prepared } from '@symbolon/sdk/client.ts'
import type { Wish } from '@symbolon/sdk/intent.ts'
import type { Asker } from './connect.ts'
import { secondsOf } from './connect.ts'
import { LocalFailure } from './failure.ts'
import { pairsOf } from './flags.ts'
import type { Io } from './io.ts'
import type { Settings } from './settings.ts'
import { boundTo } from './token-key.ts'

/** The flags that say what is wished for; `mint` and `explain` share them. */
export const wishFlags = z.object({
  scope: z.array(z.string()).default([]),
  ttl: z.string().optional(),
  reason: z.string().optional(),
  ctx: z.array(z.string()).default([]),
  jkt: z.string().optional(),
  bind: z.string().optional(),
  as: z.string().optional(),
})
export type WishFlags = z.infer<typeof wishFlags>

export function wishOf(flags: WishFlags, settings: Settings, asker: Pick<Asker, 'sub' | 'client'>): Wish {
  const { scope, ...rest } = partsOf(flags)
  return { ...rest, scope, sub: asker.sub, client: asker.client, aud: settings.audience?.value }
}

export function partsOf({ scope, ttl, reason, ctx, jkt, bind, as }: WishFlags): Pick<Wish, 'scope' | 'ttl' | 'reason' | 'ctx' | 'jkt' | 'as'> {
  const scopes = scope.flatMap((each) => each.split(/[\s,]+/)).filter((each) => each !== '')
  if (scopes.length === 0) throw new LocalFailure('No scope is named', 'a token without a scope would allow nothing', 'Give --scope, for example --scope read:logs.')
  return { scope: scopes, ttl: ttl === undefined ? undefined : secondsOf(ttl, '--ttl'), reason, ctx: ctx.length === 0 ? undefined : pairsOf(ctx, '--ctx'), jkt: bind === undefined ? jkt : keyToBind(bind, jkt), as }
}

function keyToBind(path: string, jkt: string | undefined): string {
  if (jkt !== undefined) throw new LocalFailure('--bind and --jkt are both given', 'a token is bound to one key', 'Leave one of them out.')
  return boundTo(path)
}

/** What would be sent, without what proves anything. */
export const requestShown = ({ built }: Prepared, asker: Asker, addr: string, path: string) => ({
  method: 'POST',
  url: `${addr}${path}`,
  body: { intent: built.intent, digest: built.digestText, evidence: [{ by: asker.credential.description, value: '[redacted]' }] },
})

export const printRequest = (io: Io, request: ReturnType<typeof requestShown>): void => void io.err.write(`${JSON.stringify(request, undefined, 2)}\n`)
