import { spawn } from 'node:child_process'
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { SecretPath } from '@symbolon/protocol/label.ts'
import type { ValueOf } from '@symbolon/protocol/secret.ts'
import { failed, ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { secondsOf } from './connect.ts'
import { LocalFailure } from './failure.ts'
import { pairsOf } from './flags.ts'
import type { Io } from './io.ts'
import { readSecret, readText } from './key-file.ts'
import { numberOf } from './kv-view.ts'
import { kvPut } from './kv.ts'
import { openSecretFiles } from './run-files.ts'
import { withoutCoreDumps } from './run-child.ts'
import { shaped } from './secret-value.ts'
import type { Secrets } from './secrets.ts'
import { userFile } from './settings.ts'
import { sshBlock, type SshBlock } from './ssh-config.ts'
import { publicLineOf } from './ssh-public.ts'
import { removePrivate, writePrivate } from './state.ts'
import type { View } from './view.ts'

/* SSH keys with what is needed to use them. The private half goes from the vault into the agent; it is never a file. */

type SshKey = ValueOf<'ssh-key'>

export const addFlags = z.object({ lifetime: z.string().default('8h'), confirm: z.boolean().default(false), print: z.boolean().default(false), include: z.boolean().default(true), dryRun: z.boolean().default(false) })

const folderOf = (io: Pick<Io, 'env'>): string => join(dirname(userFile(io)), 'ssh')
/** A comma is in no path, so each has its own name. */
const filesOf = (path: string, io: Pick<Io, 'env'>) => {
  const base = join(folderOf(io), path.replaceAll('/', ','))
  return { config: `${base}.conf`, identity: `${base}.pub`, knownHosts: `${base}.known_hosts` }
}

export async function sshAdd(secrets: Secrets, path: SecretPath, flags: z.infer<typeof addFlags>, io: Io): Promise<Outcome<View>> {
  withoutCoreDumps()
  const key = await keyAt(secrets, path)
  if (!key.ok) return key
  const files = filesOf(path, io)
  const block = sshBlock(path, key.value.settings, files)
  for (const name of block.left) io.err.write(`warning: the option ${JSON.stringify(name)} of this key is left out: it could run or reach something else\n`)
  if (flags.print || flags.dryRun) return ok({ data: { path, host: block.host, config: block.text, files, sent: false }, exact: true, raw: block.text, tables: [{ rows: block.text.trimEnd().split('\n').map((line) => [{ whole: line }]) }] })
  await toAgent(key.value, flags, io)
  const included = write(block, files, key.value, flags.include, io)
  const seconds = lifetimeOf(flags.lifetime)
  return ok({
    data: { path, host: block.host, config: files.config, included, lifetime: seconds ?? null },
    raw: block.host,
    tables: [{ rows: [['key', { whole: key.value.public_key }], ['in the agent for', seconds === undefined ? 'as long as it runs' : flags.lifetime], ['settings', { whole: files.config }], ['connect', { whole: included ? `ssh ${block.host}` : `ssh -F ${files.config} ${block.host}` }]] }],
  })
}

async function keyAt(secrets: Secrets, path: SecretPath): Promise<Outcome<SshKey>> {
  const read = await secrets.read([{ path, version: 'latest' }])
  if (!read.ok) return read
  const value = read.value[0]?.value
  if (value === undefined) return failed('secret_not_found')
  if (value.type !== 'ssh-key') throw new LocalFailure(`${path} is no SSH key`, `it is of type ${value.type}`, 'Store one with `symbolon ssh put`.')
  return ok(value)
}

const lifetimeOf = (text: string): number | undefined => (text === '0' ? undefined : secondsOf(text, '--lifetime'))

/** By ssh-add, which reads the key from a pipe and speaks the agent's protocol; a passphrase comes from another pipe, for one prompt. */
async function toAgent(key: SshKey, { lifetime, confirm }: Pick<z.infer<typeof addFlags>, 'lifetime' | 'confirm'>, io: Io): Promise<void> {
  if (!io.env['SSH_AUTH_SOCK']) throw new LocalFailure('No SSH agent runs here', 'SSH_AUTH_SOCK is not set', 'Start one: eval "$(ssh-agent)"')
  const seconds = lifetimeOf(lifetime)
  const passphrase = key.passphrase === undefined ? undefined : openSecretFiles(io, 1)
  try {
    const asking = passphrase === undefined ? {} : { SYMBOLON_ASKPASS: passphrase.put(key.passphrase ?? '', undefined), SSH_ASKPASS: join(import.meta.dirname, 'ssh-askpass.sh'), SSH_ASKPASS_REQUIRE: 'force' }
    await sshAddProcess([...(seconds === undefined ? [] : ['-t', String(seconds)]), ...(confirm ? ['-c'] : []), '-q', '-'], { input: key.private_key.endsWith('\n') ? key.private_key : `${key.private_key}\n`, env: { ...io.env, ...asking } })
  } finally {
    passphrase?.close()
  }
}

function sshAddProcess(args: readonly string[], { input, env }: { readonly input: string; readonly env: NodeJS.ProcessEnv }): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // What it says is not shown: it may quote what it was given.
  const child = spawn('ssh-add', args, { env, stdio: ['pipe', 'ignore', 'ignore'], timeout: 60_000 })
  child.on('error', (error: NodeJS.ErrnoException) => reject(new LocalFailure('ssh-add cannot be run', error.code ?? error.name, 'Install OpenSSH’s client.')))
  child.on('exit', (code) => (code === 0 ? resolve() : reject(new LocalFailure('The agent did not take the key', code === 2 ? 'ssh-add does not reach the agent' : 'ssh-add refuses it: the key or its passphrase is not in order', 'Look at `ssh-add -l`; store the key again with `symbolon ssh put`.'))))
  child.stdin.on('error', () => undefined).end(input)
  return promise
}

/** @returns whether ssh reads it by itself */
function write(block: SshBlock, files: ReturnType<typeof filesOf>, key: SshKey, include: boolean, io: Io): boolean {
  writePrivate(files.identity, Buffer.from(`${key.public_key.trim()}\n`))
  if (block.knownHosts === undefined) removePrivate(files.knownHosts)
  else writePrivate(files.knownHosts, Buffer.from(block.knownHosts))
  writePrivate(files.config, Buffer.from(block.text))
  return includes(io, include)
}

/** One line at the top of ~/.ssh/config: further down it would belong to the host above it. */
function includes(io: Io, wanted: boolean): boolean {
  const home = io.env['HOME']
  if (!home) return false
  const named = join(home, '.ssh', 'config')
  const path = existsSync(named) ? realpathSync(named) : named
  const before = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const line = `Include "${join(folderOf(io), '*.conf')}"`
  if (before.split('\n').some((each) => each.trim() === line)) return true
  if (!wanted) return false
  const mode = existsSync(path) ? statSync(path).mode & 0o777 : 0o600
  mkdirSync(dirname(named), { recursive: true, mode: 0o700 })
  writePrivate(path, Buffer.from(`${line}\n${before === '' ? '' : `\n${before}`}`))
  chmodSync(path, mode)
  io.err.write(`${named} now begins with: ${line}\n`)
  return true
}

export async function sshRemove(path: SecretPath, io: Io): Promise<Outcome<View>> {
  const files = filesOf(path, io)
  const known = lstatSync(files.identity, { throwIfNoEntry: false }) !== undefined
  if (!known) throw new LocalFailure(`${path} is not here`, `there is no ${files.identity}`, 'Nothing is to be removed.')
  if (io.env['SSH_AUTH_SOCK']) {
    await sshAddProcess(['-q', '-d', files.identity], { input: '', env: io.env }).catch((error: unknown) => {
      if (!(error instanceof LocalFailure)) throw error
      io.err.write('note: the agent did not hold the key any more\n')
    })
  }
  for (const file of Object.values(files)) removePrivate(file)
  return ok({ data: { path, removed: true }, raw: path, tables: [{ rows: [['removed', { whole: path }]] }] })
}

export const putFlags = z.object({
  key: z.string(),
  passphraseFile: z.string().optional(),
  host: z.string().optional(),
  hostName: z.string().optional(),
  user: z.string().optional(),
  port: z.string().optional(),
  proxyJump: z.string().optional(),
  knownHosts: z.string().optional(),
  option: z.array(z.string()).default([]),
  dryRun: z.boolean().default(false),
})

/** A key from a file, with what is needed to use it, as one secret. */
export async function sshPut(secrets: Secrets, path: SecretPath, flags: z.infer<typeof putFlags>, io: Io): Promise<Outcome<View>> {
  const pem = readSecret(flags.key).toString('utf8')
  const passphrase = flags.passphraseFile === undefined ? undefined : (flags.passphraseFile === '-' ? await io.input() : readSecret(flags.passphraseFile)).toString('utf8').replace(/\r?\n$/, '')
  const beside = `${flags.key}.pub`
  const knownHosts = flags.knownHosts === undefined ? undefined : readText(flags.knownHosts).split('\n').map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'))
  const value = shaped({
    type: 'ssh-key',
    private_key: pem,
    public_key: existsSync(beside) ? readText(beside).trim() : publicLineOf(pem, path),
    ...(passphrase === undefined ? {} : { passphrase }),
    settings: Object.fromEntries(Object.entries({ host: flags.host, host_name: flags.hostName, user: flags.user, port: flags.port === undefined ? undefined : numberOf(flags.port, '--port', 1), proxy_jump: flags.proxyJump, known_hosts: knownHosts, options: flags.option.length === 0 ? undefined : pairsOf(flags.option, '--option') }).filter(([, part]) => part !== undefined)),
  })
  if (value.type !== 'ssh-key') throw new Error('another type than was made')
  // What `ssh add` would refuse or leave out is said now, to the one who can change it.
  const { left } = sshBlock(path, value.settings, filesOf(path, io))
  if (left.length > 0) throw new LocalFailure(`The option ${left[0] ?? ''} cannot be stored`, '`ssh add` would leave it out: it could run or reach something else', 'Put it into ~/.ssh/config of those who need it.')
  return kvPut(secrets, path, value, { beside: {}, dry: flags.dryRun }, io)
}
