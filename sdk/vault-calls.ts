import { secretKeys, type SecretKeys } from '@symbolon/envelope/keys.ts'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import type { SecretIntent } from '@symbolon/protocol/intent.ts'
import type { Keyset } from '@symbolon/roster/keyset.ts'
import type { z } from 'zod'
import { readAnswer } from './answer.ts'
import type { Credential } from './credential.ts'
import type { Deployment } from './deployment.ts'
import { ok, type Outcome } from './errors.ts'
import { buildSecretIntent, type BuiltIntent, type SecretAsk } from './intent.ts'
import type { RecordMemory } from './record-memory.ts'
import type { Transport } from './transport.ts'
import { keysFailure } from './vault-trust.ts'

/* What every call to a vault stands on: the keys that are believed, an intent with its evidence, and the way there. */

/** Who asks, about all secrets alike. */
export interface Asker {
  /** Roster id that the credential yields. */
  readonly sub: string
  readonly as?: string | undefined
  /** Roster id of the asking software; absent: `sub` itself. */
  readonly client?: string | undefined
  readonly credential: Credential
}

type AskerFields = 'sub' | 'as' | 'client'
/** What is asked; who asks is added. */
export type Question = SecretAsk extends infer A ? (A extends SecretAsk ? Omit<A, AskerFields> : never) : never

/** An intent and its evidence, as every request to the vault carries them. */
export interface Asking<I extends SecretIntent = SecretIntent> {
  readonly built: BuiltIntent<I>
  readonly body: { readonly intent: Base64url; readonly evidence: Evidence[] }
}

export interface VaultCalls {
  readonly memory: RecordMemory | undefined
  /** Seconds. */
  clock(): number
  sleep(ms: number): Promise<void>
  trust(): Promise<Outcome<{ readonly keys: SecretKeys; readonly keyset: Keyset; readonly pinned: boolean }>>
  ask<Q extends Question>(question: Q): Promise<Outcome<Asking<Extract<SecretIntent, { readonly kind: Q['kind'] }>>>>
  post<T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<Outcome<T>>
}

export interface CallParts {
  readonly transport: Transport
  readonly asker: Asker
  readonly memory: RecordMemory | undefined
  deployment(): Promise<Outcome<Deployment>>
  clock(): number
  sleep(ms: number): Promise<void>
}

export function vaultCalls({ transport, asker, memory, deployment, clock, sleep }: CallParts): VaultCalls {
  const { sub, as, client, credential } = asker
  let loaded: { readonly keyset: Keyset; readonly keys: SecretKeys; readonly pinned: boolean } | undefined
  const trust: VaultCalls['trust'] = async () => {
    const found = await deployment()
    if (!found.ok) return found
    const { keyset, lineage, pinned } = found.value
    if (loaded?.keyset === keyset) return ok(loaded)
    const keys = secretKeys({ keyset, lineage })
    if (!keys.ok) return keysFailure(keys.error)
    loaded = { keyset, keys: keys.value, pinned }
    return ok(loaded)
  }
  return {
    memory,
    clock,
    sleep,
    trust,
    ask: async <Q extends Question>(question: Q) => {
      const found = await deployment()
      if (!found.ok) return found
      const built = buildSecretIntent({ ...question, sub, as, client } as SecretAsk, { iss: found.value.keyset.issuer, lineage: found.value.lineage }, clock())
      if (!built.ok) return built
      const evidence = await credential.evidence(built.value, clock())
      if (!evidence.ok) return evidence
      // Built of this question, so it is of its kind.
      return ok({ built: built.value as BuiltIntent<Extract<SecretIntent, { readonly kind: Q['kind'] }>>, body: { intent: toBase64url(built.value.bytes), evidence: [...evidence.value] } })
    },
    post: async (path, body, schema) => {
      const answer = await transport.send({ method: 'POST', path, large: true, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
      // 202: done, and not yet known to t signers; the answer itself says so.
      return answer.ok ? readAnswer(answer.value, schema, [200, 202]) : answer
    },
  }
}
