import { pino, type ChildLoggerOptions, type DestinationStream, type Logger } from 'pino'

export type { Logger } from 'pino'
export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

// Names under which a secret could ride. Redaction is the second line: nothing should pass these in the first place.
const secretNames = new Set([
  'authorization', 'cookie', 'set-cookie', 'dpop', 'token', 'access_token', 'id_token', 'subject_token', 'actor_token', 'refresh_token', 'assertion',
  'evidence', 'proof', 'password', 'passphrase', 'pin', 'seed', 'secret', 'share', 'nonces', 'private_key', 'privateKey', 'plaintext',
])
/** Nothing that is logged is deeper; it ends an endless structure. */
const maxDepth = 6

/**
 * The log of one process: JSON lines on stdout (or `to`), each naming the process. Secrets are redacted by name, bytes are
 * shown as their length, errors as an allow-listed set of fields.
 */
export function openLog(options: { readonly process: string; readonly level: LogLevel; readonly to?: DestinationStream }): Logger {
  const log = pino(
    {
      level: options.level,
      base: { process: options.process },
      timestamp: pino.stdTimeFunctions.isoTime,
      // Not pino's own redaction: for this many names it costs more than the rest of the line, and it stops at the third level.
      formatters: { level: (level) => ({ level }), log: (fields) => hide(fields, 1) },
      hooks: {
        logMethod(given, write) {
          const [first, ...rest] = given as unknown[]
          Reflect.apply(write, this, [describeWithin(first), ...rest])
        },
      },
    },
    // Written before the call returns: the last line before a crash is the one that is needed.
    options.to ?? pino.destination({ dest: 1, sync: true }),
  )
  const { child } = log
  // Pino formats the bindings of the first logger only. A child inherits this, so that its own children are covered.
  return Object.assign(log, {
    child(this: Logger, bindings: Record<string, unknown>, childOptions?: ChildLoggerOptions): Logger {
      return Reflect.apply(child, this, [hide(bindings, 1), childOptions]) as Logger
    },
  })
}

// Before pino sees the error itself: it would copy the error's message into the line.
function describeWithin(first: unknown): unknown {
  if (first instanceof Error) return { err: describeError(first) }
  if (typeof first !== 'object' || first === null || !('err' in first)) return first
  return { ...first, err: describeError(first.err) }
}

/** A copy without what stands under a secret's name, and with bytes as their length. */
function hide(fields: Readonly<Record<string, unknown>>, depth: number): Record<string, unknown> {
  const shown: Record<string, unknown> = {}
  for (const name of Object.keys(fields)) shown[name] = secretNames.has(name) ? '[redacted]' : hideWithin(fields[name], depth)
  return shown
}

function hideWithin(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (depth >= maxDepth) return '[deeper]'
  if (Array.isArray(value)) return value.map((each) => hideWithin(each, depth + 1))
  // Objects of a class say themselves how they are shown: a Secret refuses.
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null ? hide(value as Record<string, unknown>, depth + 1) : value
}

/** An error whose message was written by us and quotes no input, so that it may be logged. */
export class SafeError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.name = 'SafeError'
    this.code = code
  }
}

// Messages of these are made by the engine or the kernel from names in our code. Every other message may quote what a client
// sent (JSON.parse and zod do), so it stays out.
const speaksOnlyOfCode = (error: Error): boolean =>
  error instanceof SafeError || error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError || 'syscall' in error

/** What of an error may be shown: its kind, code, frames, and the message if it cannot quote input. */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { kind: typeof error }
  const stack = error.stack ?? ''
  // From behind the message, lest a message with a line that looks like a frame be taken for one.
  const frames = stack.slice(Math.max(0, stack.indexOf(error.message)) + error.message.length).split('\n').filter((line) => line.startsWith('    at ')).map((line) => line.trim())
  return {
    kind: error.name,
    ...('code' in error && typeof error.code === 'string' ? { code: error.code } : {}),
    ...(speaksOnlyOfCode(error) ? { message: error.message } : {}),
    frames: frames.slice(0, 12),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  }
}
