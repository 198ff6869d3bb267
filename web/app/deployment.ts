import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { fingerprint, keysetMaxAge, keysetSignatureHolds, signedKeyset, type Keyset, type SignedKeyset } from '@symbolon/roster/keyset.ts'
import { publicConfig, type PublicConfig } from '../public.ts'
import { failed, ok, type Result } from './result.ts'
import { trouble, type Trouble } from './trouble.ts'

/* What the console believes: its own process names the deployment, the signers vouch for its keyset, and the api only carries that. */

export interface Deployment {
  readonly api: string
  readonly issuer: string
  readonly rpId: string
  readonly lineage: Base64url
  readonly keyset: Keyset
}

export async function loadDeployment(): Promise<Result<Deployment, Trouble>> {
  const own = publicConfig.safeParse(await fetchJson('/config.json'))
  if (!own.success) return failed(trouble('console_unconfigured', 'The console does not know its deployment', 'Look at the log of the process that serves it.'))
  const answered = signedKeyset.safeParse(await fetchJson(`${own.data.api}/v1/keyset`))
  if (!answered.success) return failed(trouble('unreachable', 'The api does not answer with a keyset', 'Try again; see whether it runs.'))
  return judgeKeyset(own.data, answered.data, Math.floor(Date.now() / 1000))
}

/** @param now seconds */
export function judgeKeyset(own: PublicConfig, { keyset, signatures }: SignedKeyset, now: number): Result<Deployment, Trouble> {
  const distrust = (title: string) => failed(trouble('keyset_untrusted', title, 'Do not sign anything here; tell whoever runs this deployment.'))
  if (fingerprint(keyset) !== own.lineage) return distrust('The api shows the keyset of another deployment')
  if (keyset.issuer !== own.issuer) return distrust('The keyset names another issuer than this console')
  const tokens = keyset.groups.filter(({ purpose }) => purpose === 'token')
  if (tokens.length === 0) return distrust('The keyset has no key for tokens')
  const threshold = Math.max(...tokens.map(({ t }) => t))
  const fresh = signatures.filter((each) => each.iat <= now + limits.clockSkew && now - each.iat <= keysetMaxAge && keysetSignatureHolds(keyset, each))
  // One signer counts once, however often it is named.
  if (new Set(fresh.map(({ signer }) => signer)).size < threshold) return distrust('Too few signers vouch for the keyset today')
  return ok({ api: own.api, issuer: own.issuer, rpId: own.rp_id, lineage: own.lineage, keyset })
}

/** @returns undefined for no answer, or one that is not JSON: its schema refuses that as it refuses any other */
async function fetchJson(url: string): Promise<unknown> {
  try {
    const response = await fetch(url, { cache: 'no-store', credentials: 'omit', redirect: 'error' })
    return response.ok ? await response.json() : undefined
  } catch (error) {
    if (error instanceof TypeError || error instanceof SyntaxError) return undefined
    throw error
  }
}
