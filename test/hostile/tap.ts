import { EventEmitter } from 'node:events'
import { openSync, writeSync } from 'node:fs'
import { Duplex, Readable, Writable } from 'node:stream'

/*
 * Preloaded into a process of ours by tests (`node --import`): every byte that it receives and sends, after TLS and before it, is appended to the
 * file that `TAP` names. Sockets, streams of HTTP/2 and their headers all pass here; files do as well, which does no harm.
 */

const fd = openSync(process.env['TAP'] ?? '/dev/null', 'a', 0o600)
function note(chunk: unknown, encoding?: unknown): void {
  if (chunk instanceof Uint8Array) writeSync(fd, chunk)
  else if (typeof chunk === 'string') writeSync(fd, Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8'))
}

type Method = (this: unknown, ...args: unknown[]) => unknown
function listen(target: object, name: string): void {
  const original = Reflect.get(target, name) as Method
  Reflect.set(target, name, function (this: unknown, ...args: unknown[]) {
    note(args[0], args[1])
    return Reflect.apply(original, this, args)
  })
}
listen(Readable.prototype, 'push')
for (const target of [Writable.prototype, Duplex.prototype]) for (const name of ['write', 'end']) listen(target, name)

const emit = EventEmitter.prototype.emit as Method
Reflect.set(EventEmitter.prototype, 'emit', function (this: unknown, ...args: unknown[]) {
  const [name, first, second] = args
  // Else the parser of HTTP/1 reads from the kernel by itself, and nobody sees what.
  if (name === 'connection' && typeof first === 'object' && first !== null) {
    const handle: unknown = Reflect.get(first, '_handle')
    if (typeof handle === 'object' && handle !== null) Reflect.set(handle, '_consumed', true)
  }
  if (name === 'stream' || name === 'response') for (const headers of [first, second]) if (typeof headers === 'object' && headers !== null && Object.keys(headers).some((key) => key.startsWith(':'))) note(JSON.stringify(headers))
  return Reflect.apply(emit, this, args)
})
