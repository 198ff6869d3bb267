import { limits } from '@symbolon/protocol/limits.ts'
import { fingerprint, keysetMaxAge, keysetSignatureHolds, signedKeyset, type Keyset, type KeysetSignature, type SignedKeyset } from '@symbolon/roster/keyset.ts'
import { askAll } from '@symbolon/runtime/fanout.ts'
import { readAnswer, type SignerChannel } from './signer-wire.ts'

export interface KeysetSigner {
  readonly id: number
  readonly channel: SignerChannel
}

export interface KeysetOptions {
  /** The one that the ceremony left, signed by all. */
  readonly first: SignedKeyset
  readonly signers: readonly KeysetSigner[]
  readonly threshold: number
  readonly callMs: number
  /** NumericDate. */
  now(): number
}

const maxBytes = 4 * 1024 * 1024
/** When t have answered, the others get this long. */
const graceMs = 200

/**
 * The keyset with signatures young enough for clients, which refuse old ones. Handed out again until half its age has passed, then each
 * signer is asked to say anew that it still holds. If too few do, what there is goes out until clients refuse it themselves.
 */
export function openKeyset(options: KeysetOptions): () => Promise<SignedKeyset> {
  const { threshold, now } = options
  let latest = options.first
  let renewing: Promise<SignedKeyset> | undefined

  const renew = async (): Promise<SignedKeyset> => {
    const fresh = await collect(options)
    if (fresh.length >= threshold) latest = { keyset: options.first.keyset, signatures: fresh }
    return latest
  }
  return async () => {
    if (now() - ageOf(latest, threshold) < keysetMaxAge / 2) return latest
    renewing ??= renew().finally(() => (renewing = undefined))
    return renewing
  }
}

/** When the t-th youngest signature was made: the moment that t signers stood by it. */
const ageOf = ({ signatures }: SignedKeyset, threshold: number): number => signatures.map(({ iat }) => iat).sort((a, b) => b - a)[threshold - 1] ?? 0

async function collect({ first, signers, threshold, callMs, now }: KeysetOptions): Promise<KeysetSignature[]> {
  const asked = await askAll<KeysetSigner, KeysetSignature | undefined>({
    peers: signers,
    ask: (signer) => askOne(signer, first.keyset, now(), callMs),
    judge: ({ answers, late }) => (late && answers.filter(({ answer }) => answer !== undefined).length >= threshold ? { verdict: 'enough' } : { verdict: 'wait' }),
    hedgeAfterMs: graceMs,
    deadlineMs: callMs,
  })
  return asked.answers.flatMap(({ answer }) => (answer === undefined ? [] : [answer])).sort((a, b) => a.signer - b.signer)
}

/** One signer's signature over exactly the keyset that is pinned, if it verifies by its identity key. */
async function askOne({ id, channel }: KeysetSigner, keyset: Keyset, now: number, timeoutMs: number): Promise<KeysetSignature | undefined> {
  const answer = readAnswer(await channel.get('/v1/keyset', { timeoutMs, maxBytes }), signedKeyset)
  if (!answer.ok || fingerprint(answer.value.keyset) !== fingerprint(keyset)) return undefined
  const own = answer.value.signatures.find(({ signer }) => signer === id)
  return own !== undefined && own.iat <= now + limits.clockSkew && keysetSignatureHolds(keyset, own) ? own : undefined
}
