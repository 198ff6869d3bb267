import { createPublicKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { p256Jwk, signerId } from '@symbolon/protocol/fields.ts'
import type { P256Jwk } from '@symbolon/protocol/p256.ts'
import { encodePolicyData } from '@symbolon/policy/data.ts'
import { readBundle, type Bundle } from '@symbolon/policy/bundle.ts'
import { defaultData, defaultProgram } from '@symbolon/policy/files.ts'
import { fingerprint, signedKeyset } from '@symbolon/roster/keyset.ts'
import { plan as planSchema, planDigest, problemsOfPlan, type Plan } from '@symbolon/roster/plan.ts'
import type { Deployment } from './deployment.ts'
import { writePrivate, writePrivateJson } from './private-files.ts'
import { readRosterFile } from './roster-file.ts'
import type { Preparation, PreparationTools } from './row.ts'
import { signerKeystore } from './signer.ts'
import { ensureToken, preparePkcs11 } from './softhsm.ts'
import { developmentService, planOf, type PublicRow } from './version-one.ts'

/*
 * The key ceremony of a development deployment. In a real one every signer has an operator of its own who compares the plan's digest
 * with the others; here the launcher writes all plans, and says so.
 */

const deadlineSeconds = 60
type Outcome = { readonly ok: true } | { readonly ok: false; readonly message: string }

export const keyCeremony: Preparation = {
  name: 'key ceremony',
  isDone: (deployment) => [...numbered(deployment).map(({ state }) => state), ...readers(deployment)].every((folder) => existsSync(join(folder, 'roster.json'))) && existsSync(profileFile(deployment)),
  run: carryOut,
}

async function carryOut(tools: PreparationTools): Promise<Outcome> {
  const { deployment, say } = tools
  const bundle = readPolicy(deployment)
  if (typeof bundle === 'string') return { ok: false, message: bundle }
  const device = prepareDevice(deployment)
  if (!device.ok) return device
  for (const member of numbered(deployment)) await prepareMember(tools, member)
  const made = await Promise.all(numbered(deployment).map((member) => keygen(tools, member, 'init')))
  const failed = made.find((outcome) => !outcome.ok)
  if (failed !== undefined) return failed
  const plan = ensurePlan(deployment, bundle)
  if (typeof plan === 'string') return { ok: false, message: plan }
  say(`this launcher plays the operators of all ${plan.n} signers: each got plan ${planDigest(plan)} from it`)
  numbered(deployment).forEach(({ state }) => handOver(state, plan, bundle))
  const ran = await Promise.all(numbered(deployment).map((member) => keygen(tools, member, 'run')))
  const stopped = ran.find((outcome) => !outcome.ok)
  if (stopped !== undefined) return stopped
  publish(deployment, bundle)
  return writeProfile(deployment, say)
}

/** Processes that read the public part. They are not believed for it: signers and clients have their own. */
const readers = ({ home, vaultUrl }: Deployment): string[] => ['api', 'coordinator', ...(vaultUrl === undefined ? [] : ['vault'])].map((name) => home.folder(name))

function publish(deployment: Deployment, bundle: Bundle): void {
  const [first] = numbered(deployment)
  if (first === undefined) throw new TypeError('a deployment has signers')
  for (const folder of readers(deployment)) {
    putPolicy(folder, bundle)
    for (const name of ['keyset.json', 'roster.json']) writePrivate(join(folder, name), readFileSync(join(first.state, name)))
  }
}

interface Member {
  readonly id: number
  readonly name: string
  readonly state: string
}
const numbered = ({ signers, home }: Deployment): Member[] => signers.map((name, index) => ({ id: index + 1, name, state: home.folder(name) }))

/** `POLICY_FILE`, or the data in the repository, with the program in the repository. */
function readPolicy({ settings }: Deployment): Bundle | string {
  const data = settings.POLICY_FILE === '' ? defaultData : settings.POLICY_FILE
  const read = readBundle({ wasm: readFileSync(defaultProgram), data: readFileSync(data) })
  if (read.ok) return read.bundle
  return `${String(data)}: ${read.problems.map(({ pointer, message }) => `${pointer} ${message}`).join('; ')}`
}

const prepareDevice = ({ settings }: Deployment): Outcome => (settings.KEYSTORE === 'pkcs11' ? preparePkcs11() : { ok: true })

async function prepareMember({ deployment, certificate }: PreparationTools, { id, name, state }: Member): Promise<void> {
  const tls = await certificate(join(name, 'keygen'), `symbolon:keygen/${id}`)
  if (deployment.settings.KEYSTORE === 'file') onceRandom(join(state, 'passphrase'))
  else ensureToken(state, `symbolon-${name}`)
  writePrivateJson(join(state, 'keygen.json'), {
    name: `keygen-${id}`,
    pid_file: deployment.home.pidFile(`keygen-${id}`),
    signer: id,
    state,
    keystore: signerKeystore(deployment, name),
    plan: join(state, 'plan.json'),
    listen: { host: '127.0.0.1', port: deployment.port(`keygen-${id}`) },
    tls,
    deadline_seconds: deadlineSeconds,
  })
}

const onceRandom = (path: string): void => {
  if (!existsSync(path)) writePrivate(path, randomBytes(24).toString('base64url'))
}

async function keygen({ run }: PreparationTools, { id, name, state }: Member, command: 'init' | 'run'): Promise<Outcome> {
  const { code, lastWords } = await run({ program: 'keygen', command, config: join(state, 'keygen.json'), log: `keygen-${id}` })
  return code === 0 ? { ok: true } : { ok: false, message: `${name}: ${lastWords}` }
}

const publicRow = z.strictObject({ v: z.literal(1), id: signerId, identity: p256Jwk, hpke: p256Jwk })

/**
 * The plan that the members have, if any of them is active or may be: version 1 is made once, and its run is finished, not begun again.
 * Otherwise a new one.
 */
function ensurePlan(deployment: Deployment, bundle: Bundle): Plan | string {
  const begun = numbered(deployment).find(({ state }) => existsSync(join(state, 'roster.json')) || existsSync(join(state, 'ceremony', 'progress.json')))
  if (begun !== undefined) return planSchema.parse(JSON.parse(readFileSync(join(begun.state, 'plan.json'), 'utf8')))
  const rows: PublicRow[] = numbered(deployment).map(({ state }) => publicRow.parse(JSON.parse(readFileSync(join(state, 'public.json'), 'utf8'))))
  const others = readRosterFile(deployment.settings.ROSTER_FILE)
  if (typeof others === 'string') return others
  const built = planSchema.safeParse(planOf(deployment, { rows, others, bootstrap: publicText(bootstrapKey(deployment)), service: publicText(serviceKey(deployment)), vault: receiveJwk(deployment), policy: bundle.digest }))
  if (!built.success) return built.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
  const problems = problemsOfPlan(built.data)
  return problems.length === 0 ? built.data : problems.join('; ')
}

/** What an operator puts on a signer's machine: the plan, and the policy that the plan names. */
function handOver(state: string, plan: Plan, bundle: Bundle): void {
  writePrivateJson(join(state, 'plan.json'), plan)
  putPolicy(state, bundle)
}

function putPolicy(folder: string, bundle: Bundle): void {
  writePrivate(join(folder, 'policy', 'policy.wasm'), bundle.wasm)
  writePrivate(join(folder, 'policy', 'data.json'), encodePolicyData(bundle.data))
}

/** Sole guardian of version 1: it signs version 2. Its seed belongs to a person; here it lies in a file of its owner. */
const bootstrapKey = ({ home }: Deployment): KeyObject => keyIn(join(home.path, 'bootstrap.key'))
const serviceFile = ({ home }: Deployment): string => join(home.path, 'service.key')
const serviceKey = (deployment: Deployment): KeyObject => keyIn(serviceFile(deployment))

/** An Ed25519 key in PKCS#8 PEM, made at the first look. */
function keyIn(path: string): KeyObject {
  if (!existsSync(path)) writePrivate(path, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }))
  return createPublicKey(readFileSync(path, 'utf8'))
}

/** What replies for KV v2 clients are sealed to. Its private half is the vault's alone. */
export const receiveKeyFile = ({ home }: Deployment): string => join(home.folder('vault'), 'receive.key')
function receiveJwk(deployment: Deployment): P256Jwk {
  const file = receiveKeyFile(deployment)
  if (!existsSync(file)) writePrivate(file, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }))
  return p256Jwk.parse(createPublicKey(readFileSync(file, 'utf8')).export({ format: 'jwk' }))
}

const publicText = (key: KeyObject): string => {
  const { x } = key.export({ format: 'jwk' })
  if (x === undefined) throw new TypeError('an Ed25519 key has an x')
  return x
}

const profileFile = ({ home }: Deployment): string => join(home.path, 'profile.json')

/** What `./symbolon` takes when nothing else is said. For development: it holds a service's key. */
function writeProfile(deployment: Deployment, say: (line: string) => void): Outcome {
  const [first] = numbered(deployment)
  if (first === undefined) return { ok: false, message: 'there are no signers' }
  const { keyset } = signedKeyset.parse(JSON.parse(readFileSync(join(first.state, 'keyset.json'), 'utf8')))
  const pinned = fingerprint(keyset)
  writePrivateJson(profileFile(deployment), { v: 1, addr: deployment.issuer, keyset: pinned, service: developmentService.id, key_id: developmentService.key, key_file: serviceFile(deployment), client: developmentService.client })
  say(`keyset fingerprint ${pinned}`)
  return { ok: true }
}
