import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { openArena } from '@symbolon/core/arena.ts'
import { deal } from '@symbolon/core/dealer.testkit.ts'
import type { GroupKeys, Member } from '@symbolon/core/keys.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import { toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import { certificateBytes, type CertificateStatement } from '@symbolon/protocol/ceremony.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { purposes } from '@symbolon/protocol/purpose.ts'
import { createFileKeystore } from '@symbolon/keystore/file.ts'
import type { Keystore } from '@symbolon/keystore/keystore.ts'
import { shareFile, shareHeader } from '@symbolon/keystore/shares.ts'
import { makeWorld, type World, type WorldOptions } from '@symbolon/policy/judge.testkit.ts'
import { versionOne } from '@symbolon/roster/genesis.ts'
import { keysetBytes, keysetOf } from '@symbolon/roster/keyset.ts'
import { planDigest, type Plan } from '@symbolon/roster/plan.ts'
import { encodeRoster, template } from '@symbolon/roster/roster.ts'
import { testCa } from '@symbolon/runtime/certificates.testkit.ts'

/* Three signers' folders as a ceremony leaves them, dealt by a trusted dealer: for tests that start signers, not ceremonies. */

const suite = sodiumSuite(openArena(1024 * 1024))
export const passphrase = 'a passphrase of the tests'

export interface Deployment {
  readonly folder: string
  readonly world: World
  /** Public keys of the group that signs tokens. */
  readonly keys: GroupKeys
  readonly ca: ReturnType<typeof testCa>
  readonly signers: readonly SignerFolder[]
}
export interface SignerFolder {
  readonly id: number
  readonly state: string
  readonly keystore: string
  /** The process's configuration; `over` changes its settings, in a file of its own. */
  config(name: string, over?: Readonly<Record<string, unknown>>): string
}

export interface DeployOptions extends WorldOptions {
  /** Where the roster says that the signers listen, on loopback. */
  readonly ports?: readonly number[]
}

/** @param folder empty; everything goes below it */
export async function deploy(folder: string, { ports = [9001, 9002, 9003], ...options }: DeployOptions = {}): Promise<Deployment> {
  const ca = testCa()
  const ids = [1, 2, 3]
  const opened = await Promise.all(ids.map(async (id) => good(await createFileKeystore({ folder: join(folder, `signer-${id}`, 'keystore'), signer: id, memory: suite.memory, passphrase: () => Buffer.from(passphrase) }))))
  const signers = opened.map(({ identity, hpke }, at) => ({ id: at + 1, name: `signer-${at + 1}`, address: `127.0.0.1:${ports[at]}`, identity, hpke }))
  const base = makeWorld({ ...options, roster: { ...options.roster, signers } })
  const { groups: _, ...version1 } = base.roster
  const plan: Plan = { v: 1, nonce: random(16), purposes: [...purposes], epoch: 1, t: 2, n: 3, members: ids.map((id) => ({ id, keygen: `127.0.0.1:${9101 + id}` })), template: template.parse(version1) }
  const dealt = purposes.map((purpose) => ({ purpose, ...deal(suite, { threshold: 2, ids }) }))
  const statement: CertificateStatement = { v: 1, plan: planDigest(plan), session: random(32), transcript: random(32), groups: dealt.map(({ purpose, keys }) => ({ purpose, epoch: 1, t: 2, n: 3, key: toBase64url(keys.key), shares: [...keys.shares].map(([id, share]) => ({ id, share: toBase64url(share) })) })) }
  const roster = versionOne(plan, statement)
  const world: World = { ...base, roster }
  const iat = Math.floor(Date.now() / 1000)
  const signedBy = (bytes: Uint8Array) => Promise.all(opened.map(async (keystore) => ({ signer: keystore.signer, signature: toBase64url(good(await keystore.sign(bytes))) })))
  const keyset = keysetOf(roster)
  const files = {
    'plan.json': JSON.stringify(plan),
    'roster.json': encodeRoster(roster),
    'certificates.json': JSON.stringify({ v: 1, certificates: [{ statement, signatures: await signedBy(certificateBytes(statement)) }] }),
    'keyset.json': JSON.stringify({ keyset, signatures: (await signedBy(keysetBytes(keyset, iat))).map((each) => ({ ...each, iat })) }),
    'policy/policy.wasm': world.bundle.wasm,
    'policy/data.json': canonical(world.bundle.data),
  }
  for (const keystore of opened) {
    const state = join(folder, `signer-${keystore.signer}`)
    for (const [name, content] of Object.entries(files)) write(join(state, name), content)
    for (const { purpose, keys, members } of dealt) await seal(keystore, join(state, 'keystore'), { purpose, epoch: 1, key: toBase64url(keys.key) }, members[keystore.signer - 1], statement.plan)
    await keystore.close()
  }
  dealt.forEach(({ members }) => members.forEach(({ share }) => share.wipe()))
  const [token] = dealt
  if (token === undefined) throw new Error('no purpose')
  return { folder, world, keys: token.keys, ca, signers: ids.map((id) => signerFolder(folder, id, ca)) }
}

async function seal(keystore: Keystore, folder: string, group: { purpose: (typeof purposes)[number]; epoch: number; key: Base64url }, member: Member | undefined, plan: Base64url): Promise<void> {
  if (member === undefined) throw new Error('no member')
  write(shareFile(folder, group), good(await keystore.seal(shareHeader(keystore.signer, group, plan), member.share)))
}

function signerFolder(folder: string, id: number, ca: Deployment['ca']): SignerFolder {
  const state = join(folder, `signer-${id}`)
  const tls = ca.issue(`symbolon:signer/${id}`)
  write(join(state, 'tls/key.pem'), tls.key)
  write(join(state, 'tls/certificate.pem'), tls.cert)
  write(join(state, 'tls/ca.pem'), tls.ca)
  write(join(state, 'passphrase'), utf8(passphrase))
  const config = (name: string, over: Readonly<Record<string, unknown>> = {}) => {
    const path = join(folder, `${name}.json`)
    const settings = {
      name,
      pid_file: join(folder, `${name}.pid`),
      signer: id,
      state,
      listen: { host: '127.0.0.1', port: 0 },
      tls: { key: join(state, 'tls/key.pem'), certificate: join(state, 'tls/certificate.pem'), ca: join(state, 'tls/ca.pem') },
      keystore: { backend: 'file', folder: join(state, 'keystore'), passphrase_file: join(state, 'passphrase') },
      ...over,
    }
    write(path, JSON.stringify(settings))
    return path
  }
  return { id, state, keystore: join(state, 'keystore'), config }
}

function write(path: string, content: Uint8Array | string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(path, content, { mode: 0o600 })
}

const random = (length: number): Base64url => toBase64url(randomBytes(length))

function good<T>(result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: { readonly code: string } }): T {
  if (result.ok) return result.value
  throw new Error(result.error.code)
}
