import { fine, share, table, whole } from './page.ts'
import { secretSections, secretSummary } from './report-secrets.ts'
import { callerCounts, type Figures } from './minting.ts'
import { evidenceKinds } from './requests.ts'
import type { Results } from './results.ts'

/* docs/performance.md, from results.json and nothing else: a sentence that gives a figure takes it from there. */

export function performancePage(results: Results): string {
  return [
    '# Performance',
    '<!-- Written by `make bench` from results.json. Edit bench/report.ts instead. -->',
    summary(results),
    '## Tokens',
    tokens(results),
    '## Where a token’s CPU goes',
    breakdown(results),
    '## What the physics leaves',
    floor(results),
    ...secretSections(results),
    '## Signing',
    signing(results),
    '## Memory',
    memoryTable(results),
    '## How it was measured',
    method(results),
    '',
  ].join('\n\n')
}

function summary(results: Results): string {
  const { machine, at, quick, ratios, mint } = results
  const one = mint['2-of-3']?.['1'].evidence.id_token
  const many = mint['2-of-3']?.['16']
  const busy = machine.load_average_before > 1 ? ` Other work was going on on it (load average ${machine.load_average_before} when the run began), so rates and latencies are worse than the machine’s own; CPU figures suffer less.` : ''
  return [
    `Every process of a 2-of-3 deployment on one machine with ${machine.cores} cores (${machine.cpu}, ${machine.memory_gb} GB, ${machine.system}), Postgres included, on ${at.slice(0, 10)}${quick ? ', in a short run' : ''}.${busy}`,
    `- One caller waits ${fine(one?.p50_ms)} ms (median) for a token that shows a CI job’s ID token (RS256); sixteen get ${whole(many?.tokens_per_s)} tokens a second.`,
    `- Such a token costs ${fine(ratios.token_cpu_in_native_verifies)} Ed25519 verifications by node:crypto of CPU, over all processes, and ${fine(ratios.token_cpu_vs_single_key)} times what the same api costs with one native key behind it.`,
    `- A person’s token costs ${fine(ratios.passkey_cpu_in_native_verifies)} of them with a touch of a passkey, and ${fine(ratios.grant_cpu_in_native_verifies)} with a grant (one touch a day).`,
    `- Signing alone (two commits, two shares, a verified aggregate) takes ${share(ratios.signing_cpu_vs_frost_rs)} of the CPU that the Rust crate \`frost-ed25519\` takes, and ${share(ratios.signing_cpu_vs_noble)} of noble’s.`,
    secretSummary(results),
  ].join('\n')
}

function tokens({ mint }: Results): string {
  const row = (name: string, callers: string, kind: string, { tokens_per_s, p50_ms, p99_ms, cpu_us_per_token }: Figures) => [name, callers, `\`${kind}\``, whole(tokens_per_s), fine(p50_ms), fine(p99_ms), whole(cpu_us_per_token['total'])]
  const rows = Object.entries(mint).flatMap(([name, cells]) => callerCounts.flatMap((count) => evidenceKinds.flatMap((kind) => {
    const figures = cells[`${count}`].evidence[kind]
    return figures === undefined ? [] : [row(name, `${count}`, kind, figures)]
  })))
  return [
    table(['', 'callers', 'evidence', 'tokens/s', 'p50 ms', 'p99 ms', 'CPU µs/token'], rows),
    '`single-key` is what a mint without a quorum would cost: the same api, HTTP, evidence, policy and audit event, in one process, with a native Ed25519 key behind it; no other process, no mutual TLS, no journal, no log row.',
  ].join('\n\n')
}

function breakdown({ mint }: Results): string {
  const processes = ['api', 'coordinator', 'signers', 'postgres', 'total']
  const rows = Object.entries(mint)
    .filter(([name]) => name !== 'single-key')
    .flatMap(([name, cells]) => callerCounts.map((count) => [name, `${count}`, ...processes.map((process) => whole(cells[`${count}`].evidence.id_token?.cpu_us_per_token[process]))]))
  return [
    'Microseconds of CPU for one token by `id_token`, as the kernel charged them (user and system, all threads). `signers` is the sum over all of them.',
    table(['', 'callers', ...processes], rows),
    'With more callers a token is cheaper: calls between processes, worker crossings, journal transactions and log rows are shared by all that wait at the same time. One caller pays for each alone, and for processes that go to sleep and wake up four times for it.',
  ].join('\n\n')
}

/** Everything that cannot be left out without giving up a check. */
function floor({ signing, mint }: Results): string {
  const group = signing.groups['2-of-3']
  const { ed25519_sign, ed25519_verify, rs256_verify } = signing.node_crypto
  if (group === undefined) return ''
  const parts: readonly (readonly [string, number])[] = [
    ['threshold signature: two commits, two shares, verified aggregate', group.ours.signature],
    ['RS256, verified by the api and by each of two signers', 3 * rs256_verify],
    ['each of two signers signs its reply with its boot key', 2 * ed25519_sign],
    ['the api verifies the token before it hands it out', ed25519_verify],
  ]
  const sum = parts.reduce((total, [, micros]) => total + micros, 0)
  const total = mint['2-of-3']?.['16'].evidence.id_token?.cpu_us_per_token['total']
  return [
    'The cryptography that a 2-of-3 token by `id_token` cannot do without, from the single operations below:',
    table(['', 'µs'], [...parts.map(([what, micros]) => [what, whole(micros)]), ['**together**', `**${whole(sum)}**`]]),
    `Sixteen callers pay ${whole(total)} µs in all, so ${share(total === undefined ? undefined : sum / total)} of it is cryptography. The rest is what three judgements, five HTTP messages with mutual TLS, three JSON documents a process, two durable journal entries and one durable log row cost in Node and Postgres. A quorum judges everything t + 1 times by design: that is what makes it worth more than a single key, and it does not go away with better code.`,
  ].join('\n\n')
}

function signing({ signing: { groups, libsodium, node_crypto }, absent }: Results): string {
  const phases = ['commit', 'sign', 'aggregate', 'signature'] as const
  const rows = Object.entries(groups).flatMap(([name, { ours, frost_rs, noble }]) =>
    ([['ours', ours], ['frost-ed25519 (Rust)', frost_rs], ['noble', noble]] as const).flatMap(([who, figures]) => (figures === undefined ? [] : [[name, who, ...phases.map((phase) => whole(figures[phase]))]])),
  )
  return [
    'Microseconds of CPU; `commit` and `sign` by one signer, `aggregate` verified, `signature` all of it. Ours go from bytes to bytes and check every point they receive; the crate is handed objects of its own (with encoding and decoding it takes what `ratios.signing_cpu_vs_frost_rs_on_the_wire` compares).',
    table(['', '', ...phases], rows),
    'Single operations:',
    table(['operation', 'µs'], [...Object.entries(libsodium).map(([name, micros]) => [`libsodium \`${name}\``, fine(micros)]), ...Object.entries(node_crypto).map(([name, micros]) => [`node:crypto \`${name}\``, fine(micros)])]),
    ...(absent.length === 0 ? [] : [`Not measured: ${absent.join('; ')}.`]),
  ].join('\n\n')
}

function memoryTable({ memory_mb }: Results): string {
  const rows = Object.entries(memory_mb).flatMap(([name, processes]) => Object.entries(processes).map(([process, megabytes]) => [name, process, whole(megabytes)]))
  return [table(['', 'process', 'MB'], rows), 'Resident memory after the load; of Postgres and its children, shared pages counted once.'].join('\n\n')
}

function method({ versions }: Results): string {
  return [
    '`make bench` on a machine that does nothing else; `BENCH_QUICK=1 make bench` for a rough two minutes. It starts private deployments through the same launcher that `make up` uses, with a CI issuer beside them, and removes them again. Without cargo the Rust crate is left out, and the page says so.',
    [
      '- Requests are made before the clock starts: intents, proofs, and ID tokens fetched for exactly these intents. Each is sent once.',
      '- The load generator is a process of its own on the same two cores. Its CPU is not counted, but it takes some of the time that the others could have had: the rates are too low by what it uses.',
      '- Each cell is the turn of several that took the least CPU. Whatever else runs can only add to a turn.',
      '- CPU is user and system time from `/proc/<pid>/stat`, of every process of the deployment, whatever it did meanwhile.',
      '- Rate limits are raised above what the machine can do (`rate` of the roster). Nothing else differs from what `make up` starts: mutual TLS between processes, synchronous journals and log rows, audit events.',
    ].join('\n'),
    `Versions: ${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')}.`,
  ].join('\n\n')
}
