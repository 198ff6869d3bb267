import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { fail, ok } from '@symbolon/core/errors.ts'
import { checkShape } from '@symbolon/protocol/json.ts'
import { keystoreError, type KeystoreCode } from './errors.ts'
import { encodeFrame, FrameReader, type Frame } from './frames.ts'
import type { KeystoreResult } from './keystore.ts'
import { reply, type Opened, type Reply, type Request } from './pkcs11-wire.ts'

/*
 * Keeps the module's process: starts it when it is asked something, starts it again when it died, ends it when it does not answer. One
 * question at a time, because all calls of PKCS#11 block.
 */

export interface SupervisorOptions {
  readonly open: Omit<Extract<Request, { op: 'open' }>, 'id' | 'op' | 'cautious'>
  /** All that the module's process sees of the environment, besides PATH. */
  readonly environment: Readonly<Record<string, string>>
  /** For one question, the start of the process included, in milliseconds. */
  readonly timeoutMs: number
  readonly pin: PinGuard
  /** Called after each login: whether this is still the device that the keystore was made with. */
  check(opened: Opened): KeystoreResult<void>
  /** The program to run; a test puts one here that plays a device. */
  readonly program?: string
  /** Milliseconds that never go back. */
  readonly clock?: () => number
}

/** Decides whether a PIN may be tried, and remembers what became of it. See `pin.ts`. */
export interface PinGuard {
  begin(): KeystoreResult<{ readonly pin: Uint8Array; readonly cautious: boolean }>
  end(outcome: 'accepted' | 'refused' | 'not_tried' | 'unknown'): void
}

export interface ModuleAnswer {
  readonly reply: Extract<Reply, { ok: true }>
  /** The caller's to wipe. */
  readonly bytes: Uint8Array
}

const program = fileURLToPath(new URL('pkcs11-process.ts', import.meta.url))
/** More starts than this in the window mean that starting does not help. */
const [startsAllowed, windowMs] = [4, 60_000]
/** After these nothing is tried again: somebody must act first. */
const final = new Set<KeystoreCode>(['pin_wrong', 'pin_locked', 'key_missing', 'key_other', 'key_exportable', 'module_missing', 'token_ambiguous', 'mechanism_missing'])

export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #clock: () => number
  #line: Promise<unknown> = Promise.resolve()
  #process: ModuleProcess | undefined
  #starts: number[] = []
  #ended: { ok: false; error: ReturnType<typeof keystoreError> } | undefined
  #nextId = 0

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#clock = options.clock ?? (() => performance.now())
  }

  /** Starts the process and logs in, if that is not done. */
  open(): Promise<KeystoreResult<Opened>> {
    return this.#inLine(() => this.#ensureOpen())
  }

  ask(op: 'sign' | 'derive' | 'objects', bytes?: Uint8Array): Promise<KeystoreResult<ModuleAnswer>> {
    return this.#inLine(async () => {
      const ready = await this.#ensureOpen()
      return ready.ok ? this.#exchange({ op, id: this.#nextId++ }, bytes) : ready
    })
  }

  async close(): Promise<void> {
    this.#ended ??= fail(keystoreError('closed', 'pkcs11'))
    await this.#line
    await this.#process?.end()
    this.#process = undefined
  }

  #inLine<T>(work: () => Promise<KeystoreResult<T>>): Promise<KeystoreResult<T>> {
    const next = this.#line.then(() => this.#ended ?? work())
    this.#line = next
    return next
  }

  async #ensureOpen(): Promise<KeystoreResult<Opened>> {
    const live = this.#process
    if (live?.opened !== undefined && live.alive) return ok(live.opened)
    await live?.end()
    const now = this.#clock()
    this.#starts = this.#starts.filter((at) => now - at < windowMs)
    if (this.#starts.length >= startsAllowed) return fail(keystoreError('module_crashed', `${startsAllowed} times in ${windowMs / 1000} s`))
    const pin = this.#options.pin.begin()
    if (!pin.ok) return this.#finally(pin)
    this.#starts.push(now)
    this.#process = new ModuleProcess(this.#options)
    return this.#logIn(this.#process, pin.value)
  }

  async #logIn(module: ModuleProcess, { pin, cautious }: { pin: Uint8Array; cautious: boolean }): Promise<KeystoreResult<Opened>> {
    const answer = await this.#exchange({ op: 'open', id: this.#nextId++, cautious, ...this.#options.open }, pin)
    pin.fill(0)
    this.#options.pin.end(answer.ok ? 'accepted' : outcomeOf(answer.error.code))
    const opened = answer.ok ? answer.value.reply.opened : undefined
    if (!answer.ok) return this.#finally(answer)
    if (opened === undefined) return fail(keystoreError('module_crashed', 'no answer to open'))
    const checked = this.#options.check(opened)
    if (!checked.ok) return this.#finally(checked)
    module.opened = opened
    return ok(opened)
  }

  async #exchange(asked: Request, bytes?: Uint8Array): Promise<KeystoreResult<ModuleAnswer>> {
    const module = this.#process
    if (module === undefined) return fail(keystoreError('module_crashed', 'not running'))
    const answer = await module.exchange(asked, bytes)
    // A session that is gone does not come back; the next question opens another.
    if (!answer.ok && (answer.error.code === 'device_removed' || answer.error.code === 'device_slow' || answer.error.code === 'module_crashed')) await module.end()
    return answer
  }

  async #finally(refused: { ok: false; error: ReturnType<typeof keystoreError> }): Promise<typeof refused> {
    if (final.has(refused.error.code)) this.#ended = refused
    await this.#process?.end()
    return refused
  }
}

/** What a failed `open` says about the PIN. */
function outcomeOf(code: KeystoreCode): 'refused' | 'not_tried' | 'unknown' | 'accepted' {
  if (code === 'pin_wrong' || code === 'pin_locked') return 'refused'
  // Found after the login.
  if (code === 'key_missing' || code === 'key_other' || code === 'key_exportable') return 'accepted'
  return code === 'module_missing' || code === 'token_missing' || code === 'token_ambiguous' || code === 'mechanism_missing' ? 'not_tried' : 'unknown'
}

/** One run of the program. */
class ModuleProcess {
  opened: Opened | undefined
  readonly #child: ChildProcess
  readonly #reader = new FrameReader()
  readonly #timeoutMs: number
  readonly #gone = Promise.withResolvers<void>()
  #waiting: ((answer: KeystoreResult<ModuleAnswer>) => void) | undefined
  #askedId = -1

  constructor({ program: given = program, environment, timeoutMs }: SupervisorOptions) {
    this.#timeoutMs = timeoutMs
    this.#child = spawn(process.execPath, ['--no-warnings', given], { stdio: ['pipe', 'pipe', 'inherit'], env: { PATH: process.env['PATH'] ?? '', ...environment } })
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#hear(chunk))
    // A pipe to a process that is gone: its exit says so.
    this.#child.stdin?.on('error', () => undefined)
    this.#child.on('error', () => this.#lost('cannot be started'))
    this.#child.on('close', (code, signal) => this.#lost(signal ?? `exit ${code}`))
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.stdin?.writable === true
  }

  async exchange(asked: Request, bytes?: Uint8Array): Promise<KeystoreResult<ModuleAnswer>> {
    if (!this.alive) return fail(keystoreError('module_crashed', 'between two questions'))
    const { promise, resolve } = Promise.withResolvers<KeystoreResult<ModuleAnswer>>()
    this.#waiting = resolve
    this.#askedId = asked.id
    const timer = setTimeout(() => this.#settle(fail(keystoreError('device_slow', `${asked.op} ${this.#timeoutMs} ms`))), this.#timeoutMs)
    const frame = encodeFrame(asked, bytes)
    this.#child.stdin?.write(frame, () => frame.fill(0))
    const answer = await promise
    clearTimeout(timer)
    return answer
  }

  async end(): Promise<void> {
    // Not SIGTERM: a call that hangs in the module would not notice.
    if (this.alive) this.#child.kill('SIGKILL')
    await this.#gone.promise
  }

  #hear(chunk: Buffer): void {
    for (const frame of this.#reader.push(chunk)) this.#settle(this.#read(frame))
  }

  #read(frame: Frame | undefined): KeystoreResult<ModuleAnswer> {
    const read = frame === undefined ? undefined : checkShape(reply, frame.head)
    if (frame === undefined || read?.ok !== true || read.value.id !== this.#askedId) return fail(keystoreError('module_crashed', 'not an answer'))
    return read.value.ok ? ok({ reply: read.value, bytes: frame.bytes }) : fail(keystoreError(read.value.code, read.value.detail))
  }

  #lost(how: string): void {
    this.#settle(fail(keystoreError('module_crashed', how)))
    this.#gone.resolve()
  }

  #settle(answer: KeystoreResult<ModuleAnswer>): void {
    this.#waiting?.(answer)
    this.#waiting = undefined
  }
}
