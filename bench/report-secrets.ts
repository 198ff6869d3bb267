import { fine, share, table, whole } from './page.ts'
import type { Results } from './results.ts'
import { secretCallers, secretOperations, type SecretOperation } from './vaulting.ts'

/* The pages about secrets of docs/performance.md. */

const names: Readonly<Record<SecretOperation, string>> = {
  write: 'write',
  lookup: 'newest record, before a write',
  read_fresh: 'first read',
  read_again: 'read again',
  batch16_fresh: 'batch of 16, first read',
  batch16_again: 'batch of 16, read again',
  facade_write: 'KV v2: write',
  facade_read_fresh: 'KV v2: first read',
  facade_read_again: 'KV v2: read again',
}

export const secretSummary = ({ ratios, vault }: Results): string =>
  [
    `- A secret costs ${fine(ratios.read_fresh_cpu_in_native_verifies)} of them when it is read for the first time, ${fine(ratios.read_again_cpu_in_native_verifies)} afterwards, ${fine(ratios.read_batch16_cpu_in_native_verifies)} as one of a batch of 16 that nobody has read yet, and ${fine(ratios.write_cpu_in_native_verifies)} when it is written; sixteen callers read ${whole(vault['2-of-3']?.table['16'].read_again.secrets_per_s)} a second.`,
    `- Through the interface of KV v2, where the vault process does the client’s part, a read costs ${fine(ratios.facade_read_cpu_in_native_verifies)} and a write ${fine(ratios.facade_write_cpu_in_native_verifies)}.`,
  ].join('\n')

export const secretSections = (results: Results): readonly string[] => ['## Secrets', secrets(results), '## Where a secret’s CPU goes', breakdown(results), '## What the physics leaves of a secret', floor(results)]

function secrets({ vault }: Results): string {
  const rows = Object.entries(vault).flatMap(([name, { table: cells }]) => secretCallers.flatMap((count) => secretOperations.map((operation) => {
    const { secrets_per_s, p50_ms, p99_ms, cpu_us_per_secret } = cells[`${count}`][operation]
    return [name, `${count}`, names[operation], whole(secrets_per_s), fine(p50_ms), fine(p99_ms), whole(cpu_us_per_secret['total'])]
  })))
  const clients = Object.entries(vault).flatMap(([name, { client }]) => Object.entries(client).map(([operation, { p50_ms, p99_ms, client_cpu_us_per_secret }]) => [name, names[operation as keyof typeof client], fine(p50_ms), fine(p99_ms), whole(client_cpu_us_per_secret)]))
  return [
    table(['', 'callers', '', 'secrets/s', 'p50 ms', 'p99 ms', 'CPU µs/secret'], rows),
    'Latencies are of a request, all else of a secret: a batch is one request for sixteen. A first read is one whose ciphertext no signer has checked; each remembers that it has. The client’s part, closing and opening, is not in these figures; with it, by the SDK, one after the other:',
    table(['', '', 'p50 ms', 'p99 ms', 'client’s CPU µs/secret'], clients),
  ].join('\n\n')
}

function breakdown({ vault }: Results): string {
  const processes = ['vault', 'api', 'coordinator', 'signers', 'postgres', 'total']
  const rows = Object.entries(vault).flatMap(([name, { table: cells }]) => secretOperations.map((operation) => [name, names[operation], ...processes.map((process) => whole(cells['16'][operation].cpu_us_per_secret[process]))]))
  return ['Microseconds of CPU for one secret, 16 callers. The api has no part in secrets; what it used is what it does anyway.', table(['', '', ...processes], rows)].join('\n\n')
}

type Row = readonly [what: string, micros: number]
const sum = (rows: readonly Row[]): number => rows.reduce((total, [, micros]) => total + micros, 0)

/** Everything that cannot be left out without giving up a check. */
function floor({ opening: { ours, noble, hpke_seal }, signing: { groups, node_crypto: { ed25519_sign, ed25519_verify } }, vault }: Results): string {
  const judged: Row = ['the proof of a `key`, verified by the vault and by each of two signers', 3 * ed25519_verify]
  const replies: Row = ['each of two signers signs its reply with its boot key, which the coordinator verifies', 2 * (ed25519_sign + ed25519_verify)]
  const again: readonly Row[] = [judged, ['two signers’ parts, with their proofs', 2 * ours.partial], ['each seals them to the reader’s key', 2 * hpke_seal], replies]
  const fresh: readonly Row[] = [...again, ['each has checked the ciphertext’s proof', 2 * ours.verify_ciphertext]]
  const written: readonly Row[] = [judged, ['the vault checks the ciphertext’s proof', ours.verify_ciphertext], ['the record’s threshold signature', groups['2-of-3']?.ours.signature ?? Number.NaN], replies, ['three receipts, signed, and verified by coordinator and vault', 3 * (ed25519_sign + 2 * ed25519_verify)]]
  const rows = (list: readonly Row[], title: string) => [...list.map(([what, micros]) => [what, whole(micros)]), [`**${title}**`, `**${whole(sum(list))}**`]]
  const cells = vault['2-of-3']?.table['16']
  const part = (list: readonly Row[], operation: SecretOperation) => share(sum(list) / (cells?.[operation].cpu_us_per_secret['total'] ?? Number.NaN))
  return [
    'The cryptography that a 2-of-3 deployment cannot do without, without the client’s own:',
    table(['', 'µs'], [...rows(fresh, 'first read'), ...rows(written, 'write')]),
    `That is ${part(fresh, 'read_fresh')} of what a first read costs, ${part(again, 'read_again')} of a read afterwards, and ${part(written, 'write')} of a write. In a batch only the parts and the ciphertexts’ proofs are paid for each secret (${whole(2 * (ours.partial + ours.verify_ciphertext))} µs, ${whole(2 * ours.partial)} µs afterwards); all else is shared by sixteen. A write is two rounds to the signers, one for the record and one for the receipts, each with a durable journal entry, and two durable statements of Postgres.`,
    'Threshold decryption alone, microseconds of CPU:',
    table(['', 'encrypt', 'verify a ciphertext', 'part of it, with proof', 'combine two'], ([['ours', ours], ['noble', noble]] as const).map(([who, { encrypt, verify_ciphertext, partial, combine }]) => [who, whole(encrypt), whole(verify_ciphertext), whole(partial), whole(combine)])),
  ].join('\n\n')
}
