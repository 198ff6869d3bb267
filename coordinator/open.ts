import { bytesOf, taggedHash } from '@symbolon/protocol/bytes.ts'
import { ciphertextDigest } from '@symbolon/protocol/ciphertext.ts'
import { intentDigest } from '@symbolon/protocol/intent.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import type { OpenOutcome, OpenReplies, OpenWish } from '@symbolon/protocol/open.ts'
import { answerLogged, type Logging, type Wish } from './logged.ts'

/** All that opening depends on. */
export interface Opening extends Logging {
  open(wish: OpenWish): Promise<OpenOutcome>
  /** Told once for each wish, whatever became of it. */
  observe(wish: OpenWish, outcome: OpenOutcome, ms: number): void
}

/**
 * Secrets for the vault: each wish is logged, then t signers are asked what they give for it. That is sealed to the reader's key, so that
 * neither this process nor the vault can look into it, or tell whether it is any good.
 */
export async function open(opening: Opening, wishes: readonly OpenWish[]): Promise<OpenReplies> {
  return { v: 1, ...(await answerLogged(opening, wishes.map((wish) => wishOf(opening, wish)))) }
}

const wishOf = ({ open, observe }: Opening, wish: OpenWish): Wish<OpenOutcome> => ({
  roster: wish.roster,
  row: () => ({ requestId: wish.request_id, kind: 'open', digest: intentDigest(bytesOf(wish.intent)), bytesHash: openedHash(wish) }),
  answer: () => open(wish),
  observe: (outcome, ms) => observe(wish, outcome, ms),
})

/** Which ciphertexts would be opened: nothing that is asked for can stand in the log under another's name. */
const openedHash = ({ heads }: OpenWish): Uint8Array => taggedHash('opened-ciphertexts/v1', canonical(heads.map(ciphertextDigest)))
