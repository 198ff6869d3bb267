import { z } from 'zod'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { digestText } from '@symbolon/protocol/fields.ts'
import { followKeysets, keysetChain, type KeysetChain, type KeysetRefusal, type Seen } from '@symbolon/roster/keyset-chain.ts'
import { signedKeyset, type Keyset } from '@symbolon/roster/keyset.ts'
import { publicConfig, type PublicConfig } from '../public.ts'
import { failed, ok, type Result } from './result.ts'
import { trouble, type Trouble } from './trouble.ts'

/* What the console believes: its own process names the deployment, the signers vouch for its keyset, and the api only carries that. */

export interface Deployment {
  readonly api: string
  /** Where secrets are kept; absent: nowhere that this console knows. */
  readonly vault?: string
  readonly issuer: string
  readonly rpId: string
  readonly lineage: Base64url
  readonly keyset: Keyset
}

export async function loadDeployment(): Promise<Result<Deployment, Trouble>> {
  const own = publicConfig.safeParse(await fetchJson('/config.json'))
  if (!own.success) return failed(trouble('console_unconfigured', 'The console does not know its deployment', 'Look at the log of the process that serves it.'))
  const answered = keysetAnswer.safeParse(await fetchJson(`${own.data.api}/v1/keyset`))
  if (!answered.success) return failed(trouble('unreachable', 'The api does not answer with a keyset', 'Try again; see whether it runs.'))
  const judged = judgeKeysets(own.data, answered.data, { now: Math.floor(Date.now() / 1000), seen: readSeen(own.data.lineage) })
  if (judged.ok) localStorage.setItem(seenAt(own.data.lineage), JSON.stringify(judged.value.seen))
  return judged.ok ? ok(judged.value.deployment) : judged
}

/** A chain, or the first keyset alone. */
const keysetAnswer: z.ZodType<KeysetChain> = z.union([keysetChain, signedKeyset.transform((only) => ({ keysets: [only] }))])

const distrust: Readonly<Record<KeysetRefusal | 'issuer_differs', string>> = {
  pin_differs: 'The api shows the keyset of another deployment',
  issuer_differs: 'The keyset names another issuer than this console',
  chain_broken: 'The keysets that the api shows do not follow from each other',
  signatures_missing: 'Too few signers vouch for the keyset',
  stale: 'The signers’ word for the keyset is older than a day',
  rolled_back: 'The api shows an older keyset than this browser has seen',
}

/** @param known.now seconds. @param known.seen what this browser saw last, so that nobody shows it an older one */
export function judgeKeysets(own: PublicConfig, chain: KeysetChain, known: { readonly now: number; readonly seen: Seen | undefined }): Result<{ readonly deployment: Deployment; readonly seen: Seen }, Trouble> {
  const refuse = (code: keyof typeof distrust) => failed(trouble(`keyset_${code}`, distrust[code], 'Do not sign anything here; tell whoever runs this deployment.'))
  const followed = followKeysets(chain, own.lineage, known.now, known.seen)
  if (!followed.ok) return refuse(followed.code)
  const { keyset, seen } = followed
  if (keyset.issuer !== own.issuer) return refuse('issuer_differs')
  return ok({ deployment: { api: own.api, ...(own.vault === undefined ? {} : { vault: own.vault }), issuer: own.issuer, rpId: own.rp_id, lineage: own.lineage, keyset }, seen })
}

const seenAt = (lineage: Base64url): string => `symbolon-seen-${lineage}`
const seenSchema = z.strictObject({ roster: z.int(), digest: digestText })
function readSeen(lineage: Base64url): Seen | undefined {
  const text = localStorage.getItem(seenAt(lineage))
  // Written by this very page; what is not as it writes it stops the page rather than forget what was seen.
  return text === null ? undefined : seenSchema.parse(JSON.parse(text))
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
