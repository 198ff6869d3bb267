import { ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { trustJwks, trustKeyset, verifyToken, type Trusted } from '@symbolon/sdk/verify.ts'
import { decodeJson } from '@symbolon/protocol/json.ts'
import { clientOf } from './connect.ts'
import { readText } from './key-file.ts'
import { LocalFailure } from './failure.ts'
import { slowly, type Io } from './io.ts'
import type { Settings } from './settings.ts'
import { timeText, type View } from './view.ts'

export interface VerifyFlags {
  /** A file with a JWKS, instead of the pinned keyset. */
  readonly jwks?: string | undefined
  readonly issuer?: string | undefined
  readonly anyAudience?: boolean | undefined
}

/** Believes a token only by keys that were pinned, or that a file from elsewhere holds; never by what the token says of itself. */
export async function tokenVerify(token: string, flags: VerifyFlags, settings: Settings, io: Io): Promise<Outcome<View>> {
  const trusted = flags.jwks === undefined ? await byKeyset(settings, io) : byFile(flags.jwks, flags.issuer)
  if (!trusted.ok) return trusted
  const audience = flags.anyAudience === true ? undefined : (settings.audience?.value ?? trusted.value.audience)
  if (audience === undefined && flags.anyAudience !== true) throw new LocalFailure('No audience is named', 'a token for somebody else would pass', 'Give --audience, or --any-audience to look at a token without believing it.')
  const verified = await verifyToken(token.trim(), trusted.value.trusted, { audience, now: io.now() })
  if (!verified.ok) return verified
  const claims = verified.value
  return ok({
    data: { valid: true, claims },
    raw: 'valid',
    tables: [{ rows: [['valid', 'yes'], ['subject', claims.sub], ['audience', `${claims.aud}${flags.anyAudience === true ? ' (not checked)' : ''}`], ['scope', claims.scope], ['client', claims.client_id], ['issued', timeText(claims.iat)], ['expires', timeText(claims.exp)], ['id', claims.jti], ...(claims.cnf === undefined ? [] : [['bound to', claims.cnf.jkt]])] }],
  })
}

type Keys = { readonly trusted: Trusted; readonly audience: string | undefined }

async function byKeyset(settings: Settings, io: Io): Promise<Outcome<Keys>> {
  const opened = clientOf(settings, io)
  if (!opened.ok) return opened
  try {
    const deployment = await slowly(io, 'fetching the keyset', opened.value.deployment())
    return deployment.ok ? ok({ trusted: trustKeyset(deployment.value.keyset), audience: deployment.value.keyset.default_audience }) : deployment
  } finally {
    await opened.value.close()
  }
}

function byFile(path: string, issuer: string | undefined): Outcome<Keys> {
  if (issuer === undefined) throw new LocalFailure('No issuer is named', 'a JWKS does not say whose it is', 'Give --issuer with the exact issuer URL.')
  const text = Buffer.from(readText(path))
  const json = decodeJson(text, 262_144)
  if (!json.ok) throw new LocalFailure(`${path} is no JWKS`, json.reason, 'Fetch it from a host that the api’s owner does not control.')
  const trusted = trustJwks(json.value, issuer)
  return trusted.ok ? ok({ trusted: trusted.value, audience: undefined }) : trusted
}
