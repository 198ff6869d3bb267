import { z } from 'zod'
import { ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { askerOf, clientOf } from './connect.ts'
import { explainedView } from './explained.ts'
import { slowly, type Io } from './io.ts'
import { wishFlags, wishOf } from './request.ts'
import type { Settings } from './settings.ts'
import type { View } from './view.ts'

export const explainFlags = wishFlags.extend({ claims: z.string().optional(), service: z.string().optional(), roles: z.string().optional(), person: z.string().optional(), touch: z.boolean().default(false), roster: z.string().optional(), policy: z.string().optional() })
export type ExplainFlags = z.infer<typeof explainFlags>

/** What a mint would come to. With `--claims`, `--service`, `--person` or `--roles` nobody is asked: the judge runs here. */
export async function explain(flags: ExplainFlags, settings: Settings, io: Io): Promise<Outcome<View>> {
  if ([flags.claims, flags.service, flags.person, flags.roles].some((asker) => asker !== undefined)) return (await import('./explain-offline.ts')).explainOffline(flags, settings, io)
  const opened = clientOf(settings, io)
  if (!opened.ok) return opened
  try {
    const asker = await askerOf(settings, io, opened.value)
    if (!asker.ok) return asker
    const explained = await slowly(io, 'asking the api', opened.value.explain(wishOf(flags, settings, asker.value), asker.value.credential))
    return explained.ok ? ok(explainedView(explained.value, { roster: explained.value.roster, policy: explained.value.policy })) : explained
  } finally {
    await opened.value.close()
  }
}
