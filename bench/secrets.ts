import { openRequestKey } from '@symbolon/envelope/reply.ts'
import { seal } from '@symbolon/envelope/seal.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { secretScopes } from '@symbolon/protocol/intent.ts'
import { labelOf, secretPath, type SecretPath } from '@symbolon/protocol/label.ts'
import type { ValueOf } from '@symbolon/protocol/secret.ts'
import { openTransport } from '@symbolon/sdk/transport.ts'
import { vaultCalls, type Question, type VaultCalls } from '@symbolon/sdk/vault-calls.ts'
import { openVault, type Vault } from '@symbolon/sdk/vault.ts'
import { must } from '@symbolon/test/people.testkit.ts'
import type { Sent } from './load.ts'
import { serviceAt } from './requests.ts'

/* Requests about secrets, each made once and before a clock starts: values closed, intents built, proofs signed. */

export interface Secrets {
  /** Secrets of `app/`, which their readers open: first versions of new ones. */
  writes(names: readonly string[]): Promise<readonly Sent[]>
  /** What a client asks before it writes: the newest record. */
  lookups(names: readonly string[]): Promise<readonly Sent[]>
  /** One intent for each batch. */
  reads(batches: readonly (readonly string[])[]): Promise<readonly Sent[]>
  /** Of `secret/`, in clear to the vault, as clients of KV v2 send them. */
  facadeWrites(names: readonly string[]): readonly Sent[]
  facadeReads(names: readonly string[]): readonly Sent[]
  /** All of it as a program does it: with the SDK. */
  readonly vault: Vault
  close(): Promise<void>
}

export const benchPath = (name: string): SecretPath => secretPath.parse(`app/bench/${name}`)
export const benchValue: ValueOf<'string'> = { type: 'string', data: { user: 'payments', password: 'correct-horse-battery-staple' } }

/** @param home folder of a running stack @param addr of its vault */
export async function openSecrets(home: string, addr: string): Promise<Secrets> {
  const { profile, client, credential } = serviceAt(home)
  const asker = { sub: profile.service, credential }
  const { keyset } = must(await client.deployment())
  const vault = must(await openVault({ client, addr, asker }))
  const transport = must(openTransport({ addr }))
  const calls = vaultCalls({ transport, asker, memory: undefined, deployment: client.deployment, clock: () => Math.floor(Date.now() / 1000), sleep: async () => undefined })
  const { token } = must(await client.mint({ sub: profile.service, aud: keyset.vault?.audience, scope: [secretScopes['secret.read'], secretScopes['secret.write']], ttl: 900 }, credential))
  const headers = { 'x-vault-token': token }
  const asked = async (path: string, question: Question, more: object = {}): Promise<Sent> => ({ method: 'POST', path, body: JSON.stringify({ ...must(await calls.ask(question)).body, ...more }) })
  return {
    writes: (names) => inTurn(names, (name) => writeOf(benchPath(name), calls, asked)),
    lookups: (names) => inTurn(names, (name) => asked('/v1/secrets/records', { kind: 'secret.list', paths: [benchPath(name)] })),
    reads: (batches) => inTurn(batches, async (names) => asked('/v1/secrets/read', { kind: 'secret.read', labels: names.map((name) => ({ path: benchPath(name), version: 'latest' })), reply: (await openRequestKey()).reply })),
    facadeWrites: (names) => names.map((name) => ({ method: 'POST', path: `/v1/secret/data/bench/${name}`, headers, body: JSON.stringify({ data: benchValue.data, options: { cas: 0 } }) })),
    facadeReads: (names) => names.map((name) => ({ method: 'GET', path: `/v1/secret/data/bench/${name}`, headers })),
    vault,
    close: async () => void (await Promise.all([vault.close(), transport.close(), client.close()])),
  }
}

async function writeOf(path: SecretPath, calls: VaultCalls, asked: (path: string, question: Question, more: object) => Promise<Sent>): Promise<Sent> {
  const { keys } = must(await calls.trust())
  const sealed = await seal({ value: benchValue, label: labelOf(path, { combine: 'caller', version: 1, type: benchValue.type }), keys })
  if (!sealed.ok) throw new Error(sealed.error.code)
  const { head, body, digest, size } = sealed.value
  return asked('/v1/secrets/change', { kind: 'secret.write', path, previous: null, seq: 1, version: 1, type: benchValue.type, combine: 'caller', ciphertext: digest, size }, { head, body: toBase64url(body) })
}

async function inTurn<A>(all: readonly A[], make: (one: A) => Promise<Sent>): Promise<readonly Sent[]> {
  const made: Sent[] = []
  for (const one of all) made.push(await make(one))
  return made
}
