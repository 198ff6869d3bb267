import { limits } from '@symbolon/protocol/limits.ts'
import { fingerprint, keysetMaxAge, keysetOf, keysetSignatureHolds, signedKeyset, type Keyset, type KeysetSignature, type SignedKeyset } from '@symbolon/roster/keyset.ts'
import type { KeysetChain } from '@symbolon/roster/keyset-chain.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { askAll } from '@symbolon/runtime/fanout.ts'
import { readAnswer, type SignerChannel } from './signer-wire.ts'

export interface KeysetSigner {
  readonly id: number
  readonly channel: SignerChannel
}

export interface KeysetOptions {
  /** The one that the ceremony left, signed by all. */
  readonly first: SignedKeyset
  /** The roster version in force, as this coordinator knows it: what the newest keyset is made of. */
  document(): Roster
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
 * The chain from the keyset that clients pinned to the one of now: the first and the newest, for the signers are the same ones. The newest has
 * signatures young enough for clients, which refuse old ones. It is handed out again until half its age has passed, then each signer is asked to say
 * anew that it still holds; of another version, at once. If too few do, what there is goes out until clients refuse it themselves.
 */
export function openKeyset(options: KeysetOptions): () => Promise<KeysetChain> {
  const { first, threshold, now } = options
  let latest = first
  let renewing: Promise<void> | undefined

  const renew = async (wanted: Keyset): Promise<void> => {
    const fresh = await collect(options, wanted)
    // What took so long may have been passed by a newer one; that is asked for by the next caller.
    if (fresh.length >= threshold) latest = { keyset: wanted, signatures: fresh }
  }
  return async () => {
    const document = options.document()
    const wanted = document.version === 1 ? first.keyset : keysetOf(document)
    if (fingerprint(latest.keyset) !== fingerprint(wanted) || now() - ageOf(latest, threshold) >= keysetMaxAge / 2) {
      renewing ??= renew(wanted).finally(() => (renewing = undefined))
      await renewing
    }
    return { keysets: latest.keyset.roster === 1 ? [latest] : [first, latest] }
  }
}

/** When the t-th youngest signature was made: the moment that t signers stood by it. */
const ageOf = ({ signatures }: SignedKeyset, threshold: number): number => signatures.map(({ iat }) => iat).sort((a, b) => b - a)[threshold - 1] ?? 0

async function collect({ signers, threshold, callMs, now }: KeysetOptions, wanted: Keyset): Promise<KeysetSignature[]> {
  const asked = await askAll<KeysetSigner, KeysetSignature | undefined>({
    peers: signers,
    ask: (signer) => askOne(signer, wanted, now(), callMs),
    judge: ({ answers, overdue }) => (overdue && answers.filter(({ answer }) => answer !== undefined).length >= threshold ? { verdict: 'enough' } : { verdict: 'wait' }),
    hedgeAfterMs: graceMs,
    deadlineMs: callMs,
  })
  return asked.answers.flatMap(({ answer }) => (answer === undefined ? [] : [answer])).sort((a, b) => a.signer - b.signer)
}

/** One signer's signature over exactly this keyset, if it verifies by its identity key. */
async function askOne({ id, channel }: KeysetSigner, keyset: Keyset, now: number, timeoutMs: number): Promise<KeysetSignature | undefined> {
  const answer = readAnswer(await channel.get('/v1/keyset', { timeoutMs, maxBytes }), signedKeyset)
  if (!answer.ok || fingerprint(answer.value.keyset) !== fingerprint(keyset)) return undefined
  const own = answer.value.signatures.find(({ signer }) => signer === id)
  return own !== undefined && own.iat <= now + limits.clockSkew && keysetSignatureHolds(keyset, own) ? own : undefined
}
