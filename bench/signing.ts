import { createPublicKey, generateKeyPairSync, sign as nodeSign, verify as nodeVerify } from 'node:crypto'
import { ed25519_FROST as noble } from '@noble/curves/ed25519.js'
import sodium from 'sodium-native'
import { assemble } from '@symbolon/core/aggregate.ts'
import { openArena } from '@symbolon/core/arena.ts'
import { deal } from '@symbolon/core/dealer.testkit.ts'
import { commit, sign } from '@symbolon/core/frost.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import { cpuOf, least, round } from './cpu.ts'
import { type RustFigures, rustPeer } from './rust-peer.ts'

/*
 * What a threshold signature costs, beside what others pay for it. All figures are microseconds of CPU, of the least disturbed
 * of many turns. Ours and the Rust crate's take theirs alternately, so that a busy spell of the machine hits both.
 */

/** `commit` and `sign` for one signer; `aggregate`, verified, and `signature` for all of it. */
export interface SigningFigures {
  readonly commit: number
  readonly sign: number
  readonly aggregate: number
  readonly signature: number
}

interface Group {
  readonly ours: SigningFigures
  readonly frost_rs?: RustFigures
  readonly noble?: SigningFigures
}

export interface SigningResults {
  readonly unit: 'microseconds of CPU'
  readonly message_bytes: number
  readonly groups: Readonly<Record<string, Group>>
  /** Single operations of libsodium through sodium-native. */
  readonly libsodium: Readonly<Record<string, number>>
  /** `rs256_verify`: with a key of 2048 bits, as CI platforms sign ID tokens. */
  readonly node_crypto: { readonly ed25519_sign: number; readonly ed25519_verify: number; readonly rs256_verify: number }
  readonly versions: Readonly<Record<string, string>>
  readonly ratios: {
    /** Two commits, two shares and a verified aggregate of 2-of-3. Ours go from bytes to bytes and validate what they receive; the crate is handed objects that it made itself. */
    readonly signing_cpu_vs_frost_rs?: number
    /** The same work on both sides: the crate's objects are encoded, sent and decoded too. */
    readonly signing_cpu_vs_frost_rs_on_the_wire?: number
    readonly signing_cpu_vs_noble: number
  }
  /** What could not be measured, and why. */
  readonly absent: readonly string[]
}

const MESSAGE = new Uint8Array(600).fill(7)
const GROUPS: readonly (readonly [threshold: number, size: number])[] = [[2, 3], [3, 5], [5, 9]]
const TURNS = 25
const PER_TURN = 60

const ids = (size: number) => Array.from({ length: size }, (_, i) => i + 1)

/** A measurer of our own signatures: `count` of them, each phase by itself. */
function ours(threshold: number, size: number): (count: number) => SigningFigures {
  const suite = sodiumSuite(openArena())
  const { keys, members } = deal(suite, { threshold, ids: ids(size) })
  const quorum = members.slice(0, threshold)
  return (count) => {
    const attempts = Array.from({ length: count }, () => ({ pairs: [] as ReturnType<typeof commit>[], replies: [] as { id: number; r: Uint8Array; z: Uint8Array }[] }))
    const each = (work: (attempt: (typeof attempts)[number]) => void) => {
      let next = 0
      return cpuOf(() => work(attempts[next++] ?? fail('more rounds than attempts')), count)
    }
    const committed = each((attempt) => quorum.forEach((member) => attempt.pairs.push(commit(suite, member))))
    const signed = each(({ pairs, replies }) => {
      const commitments = pairs.map(({ commitment }) => commitment)
      quorum.forEach((member, i) => {
        const share = sign(suite, { member, nonces: pairs[i] ?? fail('no nonces'), message: MESSAGE, commitments })
        if (!share.ok) fail(share.error.code)
        else replies.push({ id: member.id, ...share.value })
      })
    })
    const aggregated = each(({ replies }) => void (assemble(suite, { keys, message: MESSAGE, replies }) ?? fail('no signature')))
    return { commit: committed / threshold, sign: signed / threshold, aggregate: aggregated, signature: committed + signed + aggregated }
  }
}

/** noble's FROST over the same phases. */
function nobles(threshold: number, size: number, count: number): SigningFigures {
  const names = ids(size).map((id) => noble.Identifier.fromNumber(id))
  const dealt = noble.trustedDealer({ min: threshold, max: size }, names)
  const quorum = names.slice(0, threshold).map((name) => dealt.secretShares[name] ?? fail('no share'))
  const spent = Array.from({ length: count }, () => {
    let pairs: ReturnType<typeof noble.commit>[] = []
    let shares: Record<string, Uint8Array> = {}
    const committed = cpuOf(() => void (pairs = quorum.map((secret) => noble.commit(secret))), 1)
    const list = pairs.map(({ commitments }) => commitments)
    const signed = cpuOf(() => {
      shares = Object.fromEntries(quorum.map((secret, i) => [secret.identifier, noble.signShare(secret, dealt.public, pairs[i]?.nonces ?? fail('no nonces'), list, MESSAGE)]))
    }, 1)
    const aggregated = cpuOf(() => void noble.aggregate(dealt.public, list, MESSAGE, shares), 1)
    return { commit: committed / threshold, sign: signed / threshold, aggregate: aggregated, signature: committed + signed + aggregated }
  })
  return least(spent)
}

function fail(what: string): never {
  throw new Error(`the benchmark is broken: ${what}`)
}

function libsodium(): Record<string, number> {
  const [scalar, wide, point, out] = [new Uint8Array(32), new Uint8Array(64), new Uint8Array(32), new Uint8Array(32)]
  sodium.randombytes_buf(wide)
  sodium.crypto_core_ed25519_scalar_reduce(scalar, wide)
  sodium.crypto_scalarmult_ed25519_base_noclamp(point, scalar)
  const [publicKey, secretKey, signature] = [new Uint8Array(32), new Uint8Array(64), new Uint8Array(64)]
  sodium.crypto_sign_keypair(publicKey, secretKey)
  sodium.crypto_sign_detached(signature, MESSAGE, secretKey)
  const operations = {
    base_multiply: () => sodium.crypto_scalarmult_ed25519_base_noclamp(out, scalar),
    point_multiply: () => sodium.crypto_scalarmult_ed25519_noclamp(out, scalar, point),
    point_add: () => sodium.crypto_core_ed25519_add(out, point, point),
    point_check: () => void sodium.crypto_core_ed25519_is_valid_point(point),
    scalar_invert: () => sodium.crypto_core_ed25519_scalar_invert(out, scalar),
    ed25519_sign: () => sodium.crypto_sign_detached(signature, MESSAGE, secretKey),
    ed25519_verify: () => void sodium.crypto_sign_verify_detached(signature, MESSAGE, publicKey),
  }
  return least(Array.from({ length: TURNS }, () => Object.fromEntries(Object.entries(operations).map(([name, work]) => [name, cpuOf(work, 200)]))))
}

function nodeCrypto(): SigningResults['node_crypto'] {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const key = createPublicKey(publicKey.export({ format: 'pem', type: 'spki' }))
  const signature = nodeSign(null, MESSAGE, privateKey)
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const rsaSignature = nodeSign('sha256', MESSAGE, rsa.privateKey)
  return least(
    Array.from({ length: TURNS }, () => ({
      ed25519_sign: cpuOf(() => void nodeSign(null, MESSAGE, privateKey), 200),
      ed25519_verify: cpuOf(() => void (nodeVerify(null, MESSAGE, key, signature) || fail('a native signature does not verify')), 200),
      rs256_verify: cpuOf(() => void (nodeVerify('sha256', MESSAGE, rsa.publicKey, rsaSignature) || fail('an RSA signature does not verify')), 200),
    })),
  )
}

function ratios(group: Group | undefined): SigningResults['ratios'] {
  if (group?.noble === undefined) return fail('2-of-3 was not measured')
  const { ours: own, frost_rs: rust, noble: slow } = group
  return {
    ...(rust !== undefined && {
      signing_cpu_vs_frost_rs: round(own.signature / rust.signature),
      signing_cpu_vs_frost_rs_on_the_wire: round(own.signature / (rust.signature + rust.wire)),
    }),
    signing_cpu_vs_noble: round(own.signature / slow.signature),
  }
}

/** Runs everything, about fifteen seconds. */
export async function measureSigning(): Promise<SigningResults> {
  const rust = rustPeer()
  const groups: Record<string, Group> = {}
  for (const [threshold, size] of GROUPS) {
    const measure = ours(threshold, size)
    measure(300)
    const turns = Array.from({ length: TURNS }, () => ({ own: measure(PER_TURN), theirs: rust.available ? rust.measure(threshold, size, PER_TURN) : undefined }))
    const theirs = turns.flatMap((turn) => turn.theirs ?? [])
    groups[`${threshold}-of-${size}`] = {
      ours: least(turns.map(({ own }) => own)),
      ...(theirs.length > 0 && { frost_rs: least(theirs) }),
      ...(threshold === 2 && { noble: nobles(threshold, size, TURNS) }),
    }
  }
  return {
    unit: 'microseconds of CPU',
    message_bytes: MESSAGE.length,
    groups,
    libsodium: libsodium(),
    node_crypto: nodeCrypto(),
    versions: { node: process.versions.node, openssl: process.versions.openssl, ...(rust.available && { 'frost-ed25519': rust.version }) },
    ratios: ratios(groups['2-of-3']),
    absent: rust.available ? [] : [`frost_rs: ${rust.why}`],
  }
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(await measureSigning(), null, 2)}\n`)
