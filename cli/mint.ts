import { z } from 'zod'
import { ok, type Outcome } from '@symbolon/sdk/errors.ts'
import type { Minted } from '@symbolon/sdk/client.ts'
import { askerOf, clientOf } from './connect.ts'
import { explainedView } from './explained.ts'
import { isBeyond, widerLogin } from './grant-view.ts'
import { slowly, type Io } from './io.ts'
import { leadToConsole, needsTouch } from './touch.ts'
import { mask } from './mask.ts'
import { printRequest, requestShown, wishOf, wishFlags } from './request.ts'
import type { Settings } from './settings.ts'
import { timeText, type View } from './view.ts'

export const mintFlags = wishFlags.extend({ dryRun: z.boolean().default(false), explain: z.boolean().default(false), printRequest: z.boolean().default(false) })

/** Builds the intent, fetches or signs evidence for exactly it, mints, and shows a token that was verified against the pinned keyset. */
export async function mint(flags: z.infer<typeof mintFlags>, settings: Settings, io: Io): Promise<Outcome<View>> {
  const opened = clientOf(settings, io)
  if (!opened.ok) return opened
  const client = opened.value
  try {
    const asker = await askerOf(settings, io, client)
    if (!asker.ok) return asker
    const wish = wishOf(flags, settings, asker.value)
    if (flags.explain) {
      const explained = await slowly(io, 'asking the api', client.explain(wish, asker.value.credential))
      return explained.ok ? ok(explainedView(explained.value)) : explained
    }
    const prepared = await slowly(io, 'fetching the keyset', client.prepare(wish))
    if (!prepared.ok) return prepared
    const request = requestShown(prepared.value, asker.value, client.addr, '/v1/tokens')
    if (flags.printRequest) printRequest(io, request)
    if (flags.dryRun) return ok({ data: { sent: false, ...request }, tables: [{ rows: [['would ask', request.url], ['as', asker.value.credential.description], ['for', prepared.value.built.intent.scope.join(' ')], ['digest', request.body.digest]] }], raw: request.body.digest })
    if (!prepared.value.deployment.pinned) io.err.write('warning: the keyset is not pinned; the server could have shown its own\n')
    const minted = await slowly(io, 'waiting for the signers', client.mintPrepared(prepared.value, asker.value.credential))
    if (!minted.ok) {
      if (needsTouch(minted.error)) await leadToConsole(client, wish, settings, io)
      if (asker.value.grant !== undefined && isBeyond(minted.error)) io.err.write(`${widerLogin(asker.value.grant, wish.scope)}\n`)
      return minted
    }
    await mask(minted.value.token, io)
    return ok(tokenView(minted.value))
  } finally {
    await client.close()
  }
}

function tokenView({ token, claims, response }: Minted): View {
  const signed = response.signers.filter(({ state }) => state === 'signed').map(({ signer }) => `${signer}`)
  return {
    data: { ...response, token, claims },
    jwt: token,
    env: { SYMBOLON_TOKEN: token, SYMBOLON_TOKEN_TYPE: response.token_type, SYMBOLON_TOKEN_EXPIRES_AT: response.expires_at, SYMBOLON_TOKEN_SCOPE: response.scope },
    tables: [{ rows: [['subject', claims.sub], ['audience', claims.aud], ['scope', claims.scope], ['expires', timeText(claims.exp)], ['id', claims.jti], ['signed by', signed.join(', ')], ['token', token]] }],
  }
}
