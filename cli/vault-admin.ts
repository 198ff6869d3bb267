import { randomBytes } from 'node:crypto'
import { createReadStream, constants } from 'node:fs'
import { link, open, rename, rm } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { openTransport } from '@symbolon/sdk/transport.ts'
import { failed, ok, type Outcome } from '@symbolon/sdk/errors.ts'
import type { Ran } from './add-command.ts'
import { clientOf, connectionOf } from './connect.ts'
import { exitCodes, failureLines, LocalFailure, systemWhy } from './failure.ts'
import type { Io } from './io.ts'
import { progressOf } from './progress.ts'
import type { Secrets } from './secrets.ts'
import type { Settings } from './settings.ts'
import type { View } from './view.ts'

/* Looking after the vault as a whole. A backup holds ciphertexts and records: whoever finds one reads nothing in it. */

/** Written beside and put in place once it is whole and was read again. */
export async function vaultBackup(secrets: Secrets, file: string, { prefixes, force }: { readonly prefixes: readonly string[]; readonly force: boolean }, io: Io): Promise<Ran> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}`
  const progress = progressOf(io, 'backup')
  let said = { secrets: 0, bytes: 0, lacking: [] as readonly string[] }
  try {
    const lines = secrets.exportAll({
      ...(prefixes.length === 0 ? {} : { prefixes }),
      onProgress: (now) => {
        said = now
        progress(`${now.secrets} secrets, ${now.bytes} bytes`)
      },
    })
    const written = await writeLines(temporary, lines)
    if (!written.ok) return written
    const checked = await secrets.importAll(linesOf(temporary), { dry: true })
    if (!checked.ok) return checked
    await put(temporary, file, force)
  } catch (error) {
    throw fileFailure(file, error)
  } finally {
    await rm(temporary, { force: true })
  }
  for (const lost of said.lacking) io.err.write(`warning: the vault has lost the value of ${lost}\n`)
  const view: View = { data: { file, secrets: said.secrets, bytes: said.bytes, lacking: [...said.lacking], verified: true }, raw: file, tables: [{ rows: [['file', { whole: file }], ['secrets', String(said.secrets)], ['bytes', String(said.bytes)], ['verified', said.lacking.length === 0 ? 'yes' : `yes; ${said.lacking.length} values were lost before`]] }] }
  return said.lacking.length === 0 ? ok(view) : { ok: true, value: view, exit: exitCodes.server }
}

async function writeLines(path: string, lines: AsyncIterable<Outcome<string>>): Promise<Outcome<true>> {
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600)
  try {
    for await (const line of lines) {
      if (!line.ok) return line
      await file.writeFile(line.value)
    }
    await file.sync()
    return ok(true)
  } finally {
    await file.close()
  }
}

async function put(temporary: string, file: string, force: boolean): Promise<void> {
  if (force) return rename(temporary, file)
  await link(temporary, file)
}

/** Opened by whoever asks for the first line: an interface that nobody listens to yet drops what it reads. */
async function* linesOf(path: string): AsyncGenerator<string> {
  yield* createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })
}

function fileFailure(file: string, error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error)) return error
  if (error.code === 'EEXIST') return new LocalFailure(`${file} exists`, 'it would be overwritten', 'Name another file, or add --force.')
  return new LocalFailure(`${file} cannot be used`, systemWhy(error.code), 'Check its folder, owner and mode.')
}

export async function vaultRestore(secrets: Secrets, file: string, { dry }: { readonly dry: boolean }, io: Io): Promise<Ran> {
  const progress = progressOf(io, 'restore')
  try {
    const restored = await secrets.importAll(linesOf(file), { dry, onProgress: ({ taken, left }) => progress(`${taken} taken, ${left.length} left out`) })
    if (!restored.ok) return restored
    const { taken, left, lacking } = restored.value
    for (const lost of lacking) io.err.write(`warning: the file does not hold the value of ${lost}\n`)
    const wrong = left.filter(({ why }) => why !== 'same' && why !== 'older')
    const view: View = {
      data: { file, sent: !dry, taken, left: left.map(({ path, why }) => ({ path, why })), lacking: [...lacking] },
      raw: String(taken),
      tables: [{ rows: [[dry ? 'whole, with' : 'taken', `${taken} secrets`]] }, ...(left.length === 0 ? [] : [{ head: ['LEFT OUT', 'WHY'], rows: left.map(({ path, why }) => [path, why]) }])],
    }
    return wrong.length === 0 ? ok(view) : { ok: true, value: view, exit: wrong.every(({ why }) => why === 'denied') ? exitCodes.denied : exitCodes.server }
  } catch (error) {
    throw fileFailure(file, error)
  }
}

/** Ended by Ctrl-C between two secrets; the same command goes on where it ended. */
export async function vaultReencrypt(secrets: Secrets, prefixes: readonly string[], { after }: { readonly after: string | undefined }, io: Io): Promise<Ran> {
  const progress = progressOf(io, 're-encrypt')
  const ending = new AbortController()
  const restore = io.signals(['SIGINT', 'SIGTERM'], () => ending.abort())
  const total = { renewed: 0, kept: 0, overtaken: 0 }
  const failures: { readonly path: string; readonly code: string }[] = []
  try {
    for (const prefix of prefixes) {
      if (ending.signal.aborted) break
      const done = await secrets.reencrypt({ prefix, after, signal: ending.signal, onProgress: ({ path, seen }) => progress(`${seen} looked at in ${prefix}, up to ${path}`) })
      if (!done.ok) return done
      total.renewed += done.value.renewed
      total.kept += done.value.kept
      total.overtaken += done.value.overtaken
      for (const { path, error } of done.value.failures) {
        failures.push({ path, code: error.code })
        io.err.write(`${path}: ${failureLines(error).join('\n')}\n`)
      }
    }
  } finally {
    restore()
  }
  const interrupted = ending.signal.aborted
  const view: View = {
    data: { folders: [...prefixes], ...total, failed: failures, finished: !interrupted && failures.length === 0 },
    raw: String(total.renewed),
    tables: [{ rows: [['renewed', String(total.renewed)], ['closed to the newest key already', String(total.kept)], ['written by others meanwhile', String(total.overtaken)], ['failed', String(failures.length)], ...(interrupted ? [['interrupted', 'the same command goes on where it ended']] : [])] }],
  }
  if (interrupted) return { ok: true, value: view, exit: exitCodes.interrupted }
  return failures.length === 0 ? ok(view) : { ok: true, value: view, exit: exitCodes.server }
}

export async function vaultStatus(settings: Settings, io: Io): Promise<Ran> {
  const client = clientOf(settings, io)
  if (!client.ok) return client
  try {
    const [deployment, status] = await Promise.all([client.value.deployment(), client.value.status()])
    if (!deployment.ok) return deployment
    if (!status.ok) return status
    const addr = settings.vault_addr?.value ?? status.value.vault_addr
    if (addr === undefined) return failed('vault_unknown')
    const ready = await readiness(addr, settings)
    const namespaces = (deployment.value.keyset.namespaces ?? []).map(({ id, combine }) => ({ id, combine }))
    const view: View = {
      data: { vault_addr: addr, ready: ready.ok, ...(ready.ok ? {} : { code: ready.error.code }), namespaces },
      raw: ready.ok ? 'ready' : 'not ready',
      tables: [{ rows: [['vault', { whole: addr }], ['ready', ready.ok ? 'yes' : (ready.error.code === 'not_ready' ? 'no: `symbolon status` shows which signers are down' : `no: ${ready.error.title}`)]] }, { head: ['NAMESPACE', 'PUT TOGETHER BY', 'SO THAT'], rows: namespaces.map(({ id, combine }) => [id, combine, combine === 'caller' ? 'only the caller sees the value' : 'the vault process sees the value, too']) }],
    }
    return ready.ok ? ok(view) : { ok: true, value: view, exit: exitCodes.server }
  } finally {
    await client.value.close()
  }
}

async function readiness(addr: string, settings: Settings): Promise<Outcome<true>> {
  const transport = openTransport({ addr, ...connectionOf(settings) })
  if (!transport.ok) return transport
  try {
    const answer = await transport.value.send({ method: 'GET', path: '/readyz' })
    if (!answer.ok) return answer
    return answer.value.status === 200 ? ok(true) : failed('not_ready', { status: answer.value.status })
  } finally {
    await transport.value.close()
  }
}
